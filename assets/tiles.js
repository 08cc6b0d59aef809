// The tile layers of the open chip, and fetching their tiles as soon as a chip is chosen: the map asks for them only
// when its flight has ended and Dash has told it of the layer.
window.floodscope = window.floodscope || {};

floodscope.tiles = (() => {
  // Four requests a chip in place of nine: a tile of 512 pixels has the very pixels of the four of 256 a zoom farther in.
  const SIZE = 512;
  const address = (layer, chip, revision) => `tiles/${layer}/${chip.id}/${revision}/{z}/{x}/{y}@2x.png`;

  // A layer of dash-leaflet. A changed address is a changed layer: revisions are in the path.
  const layer = (name, chip, revision, pane) => ({
    namespace: "dash_leaflet", type: "TileLayer",
    props: {
      id: `${pane}-${chip.id}-${revision}`, url: address(name, chip, revision), pane, tileSize: SIZE, zoomOffset: -1,
      bounds: [[chip.bounds[1], chip.bounds[0]], [chip.bounds[3], chip.bounds[2]]], className: `fs-${pane}-layer`,
      maxZoom: 22, minZoom: 5, updateWhenZooming: false, keepBuffer: 1,
      attribution: chip.simulated ? "Simulated data (floodscope)" : "Contains modified Copernicus Sentinel data",
    },
  });

  let chosen = null; // the chip that the map is on its way to
  let held = []; // images on their way: one that nothing holds may be dropped

  const fetch = (name, chip, revision) => {
    const map = floodscope.map.leaflet;
    const zoom = floodscope.map.zoomOf(chip.bounds);
    const [west, south, east, north] = chip.bounds;
    const from = map.project([north, west], zoom).divideBy(SIZE).floor();
    const to = map.project([south, east], zoom).divideBy(SIZE).floor();
    for (let x = from.x; x <= to.x; x += 1) {
      for (let y = from.y; y <= to.y; y += 1) {
        const image = new Image();
        image.src = address(name, chip, revision).replace("{z}", zoom - 1).replace("{x}", x).replace("{y}", y);
        held.push(image);
      }
    }
  };

  // A chip was chosen: fetch its image, and its scores where they are known.
  const expect = (id) => {
    const chip = floodscope.book.chips.get(id);
    chosen = null;
    held = [];
    if (!chip || !chip.imagery || !chip.bounds || !floodscope.map.leaflet) return;
    chosen = id;
    fetch("composite", chip, chip.revision);
    const p = floodscope.book.prediction(floodscope.map.state.model, id);
    if (p) fetch("scores", chip, p.revision);
  };

  // The prediction of a chosen chip has come.
  const arrived = (id, revision) => {
    const known = held.some((image) => image.src.includes(`/scores/${id}/${revision}/`));
    if (chosen === id && !known) fetch("scores", floodscope.book.chips.get(id), revision);
  };

  return { layer, expect, arrived };
})();
