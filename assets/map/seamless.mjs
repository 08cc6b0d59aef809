// Tiles without lines between them. At a fraction of a zoom Leaflet scales a whole level of tiles, so that their edges fall between
// pixels: each tile, which is painted by itself, is rounded there by itself, and the ground shows through one pixel. Here every edge
// is rounded once, to a whole pixel that both neighbours share, and the tiles are as large as lies between: a pixel more or less.
// While a zoom is under way a level is scaled as ever, from how it was laid last, and laid anew at the map's rest.
import { libraries } from "../page/bridge.mjs";

/** Where a tile lies in its level, and how large, at the scale that the level is laid at: in whole pixels. */
export const laid = (corner, size, scale) => {
  const [left, top, right, bottom] = [corner.x, corner.y, corner.x + size.x, corner.y + size.y].map((edge) =>
    Math.round(scale * edge),
  );
  return { left, top, width: right - left, height: bottom - top };
};

const scaleOf = (layer, level) => layer._map.getZoomScale(layer._map.getZoom(), level.zoom);
const lay = (layer, { el, coords }, level) => {
  const corner = coords.scaleBy(layer._tileSize).subtract(level.origin);
  const { left, top, width, height } = laid(corner, layer._tileSize, level.laid);
  // Placed by left and top: a tile that is moved by a transform is scaled by the compositor, which smooths its edges.
  Object.assign(el.style, { transform: "none", left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
};
const layAll = (layer) => {
  if (!layer._map || layer._map._animatingZoom) return;
  Object.values(layer._levels).forEach((level) => {
    const scale = scaleOf(layer, level);
    if (scale === level.laid) return;
    level.laid = scale;
    Object.values(layer._tiles)
      .filter(({ coords }) => coords.z === level.zoom)
      .forEach((tile) => lay(layer, tile, level));
    layer._setZoomTransform(level, layer._map.getCenter(), layer._map.getZoom());
  });
};

/** Let every layer of tiles that is made from now on be drawn so. */
export const install = () => {
  const { DomUtil, GridLayer } = libraries.L;
  const { _addTile: add, _onMoveEnd: rest } = GridLayer.prototype;
  GridLayer.include({
    _setZoomTransform(level, centre, zoom) {
      const { _animatingZoom: moving, _animateToZoom: end } = this._map;
      level.laid ??= this._map.getZoomScale(moving ? end : zoom, level.zoom); // it has no tiles yet
      const scale = this._map.getZoomScale(zoom, level.zoom);
      const at = level.origin.multiplyBy(scale).subtract(this._map._getNewPixelOrigin(centre, zoom)).round();
      DomUtil.setTransform(level.el, at, scale / level.laid);
    },
    _addTile(coords, container) {
      add.call(this, coords, container);
      lay(this, this._tiles[this._tileCoordsToKey(coords)], this._level);
    },
    _onMoveEnd() {
      rest.call(this);
      layAll(this);
    },
  });
};
