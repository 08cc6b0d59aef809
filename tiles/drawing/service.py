"""The tile service: (layer, chip, revision, z, x, y) to a PNG with its ETag. Knows no web framework."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tiles.antimeridian import HALF_TURN, TURN, WORLD
from tiles.cache import BoundedCache, Budget
from tiles.catalog.live import LiveCatalog
from tiles.chip import ByteArray, Chip, ChipRecord
from tiles.drawing.composite import score_pixels
from tiles.drawing.layers import Options, Source, TileLayer, layer_of
from tiles.drawing.levels import Levels, cut, inside
from tiles.drawing.render import MAX_ZOOM, DisplayRaster, encode_mask
from tiles.drawing.scenes import Scenes
from tiles.errors import ChipError, LayerNotFoundError, MissingImageryError, UsageError
from tiles.palette import WATER
from tiles.probability import NODATA
from tiles.reading.ancillary import usual_water
from tiles.reading.door import read_chip
from tiles.reading.raster import MAX_PIXELS
from tiles.scenes.windows import is_scene

SCALES = (1, 2)
AT_ONCE_PIXELS = MAX_PIXELS + MAX_PIXELS // 2
"""Of all images that are read and drawn at one moment: one of the largest, which takes some 500 MB, and many usual ones."""

LARGE_RASTERS = 2
"""Display rasters larger than their cache that are held beside it, the newest ones: a large image is not drawn anew for each
tile of it, nor for each layer of a swipe."""


@dataclass(frozen=True)
class Tile:
    """One PNG and the ETag of its content."""

    data: bytes
    etag: str


class Predictions(Protocol):
    """Where the service gets predictions from; the store of the model package is one."""

    def probability(self, record: ChipRecord, revision: str) -> ByteArray:
        """Return the raster (contract 2) of one revision; raises PredictionNotFoundError where there is none."""
        ...

    def levels(self, record: ChipRecord, revision: str) -> tuple[Levels, bool]:
        """Return as `probability` that of a scene, whole or as far as it is predicted, with what it has of overviews.

        And whether its label is part of what the revision stands for: of one that is being predicted it may not be known yet.
        """
        ...

    def latest_revision(self, record: ChipRecord) -> str:
        """Return the revision of the chip's newest prediction; raises PredictionNotFoundError where there is none."""
        ...


class TileService:
    """Draws the layers of a catalog's chips as map tiles.

    Decoded chips, display rasters and finished tiles are kept in caches of bounded size: of usual chips those that a few people
    look at now, since a browser keeps its tiles and one more raster takes 20 ms; and the newest large images beside them. Methods
    may be called from several threads.
    """

    def __init__(
        self,
        catalog: LiveCatalog,
        predictions: Predictions,
        scenes: Scenes | None = None,
        *,
        raster_cache_mb: int = 8,
        tile_cache_mb: int = 2,
        chip_cache_mb: int = 6,
    ) -> None:
        """Make a service.

        Args:
            catalog: whose chips are drawn.
            predictions: where the probability rasters are.
            scenes: draws what is too large to be held; without it that is refused.
            raster_cache_mb: bound of the display rasters in memory (of 512 x 512 pixels 0.5 MB for vv and vh, 1 MB else).
            tile_cache_mb: bound of the finished tiles.
            chip_cache_mb: bound of the decoded chips (2.6 MB each).
        """
        self._catalog = catalog
        self._predictions = predictions
        self._scenes = scenes
        self._chips: BoundedCache[Chip] = BoundedCache(chip_cache_mb << 20, _chip_bytes, larger=1)
        self._rasters: BoundedCache[DisplayRaster] = BoundedCache(
            raster_cache_mb << 20, lambda r: r.nbytes, larger=LARGE_RASTERS
        )
        self._tiles: BoundedCache[Tile] = BoundedCache(tile_cache_mb << 20, lambda t: len(t.data) + 200)
        self._blank: dict[int, Tile] = {}
        self._room = Budget(AT_ONCE_PIXELS, "large images")

    def chip(self, record: ChipRecord) -> Chip:
        """Return a chip's arrays, from memory where they are; the caller must not write to them."""
        key = (record.id, record.revision())
        held = self._chips.held(key)
        if held is not None:
            return held
        with self._room.hold(_pixels(record)):
            return self._chips.get(key, lambda: read_chip(record, with_ancillary=False))

    def revision(self, layer: str, record: ChipRecord) -> str:
        """Return the revision that the tiles of the layer of that name have now of this chip."""
        return record.revision() if layer_of(layer).needs == "image" else self._predictions.latest_revision(record)

    def _raster(self, layer: TileLayer, record: ChipRecord, revision: str, asked: Options) -> DisplayRaster:
        """Return the raster that the layer's tiles are cut from."""
        drawn = layer_of(layer.cut_from) if layer.cut_from else layer
        options = asked.of(drawn.options)
        # The image's revision too, since a score tile shows its label.
        key = (drawn.name, record.id, record.revision(), revision, options)
        return self._rasters.get(key, lambda: self._draw(drawn, record, revision, options))

    def _draw(self, layer: TileLayer, record: ChipRecord, revision: str, asked: Options) -> DisplayRaster:
        chip = self.chip(record)
        source = Source(chip, lambda: self.probability(record, revision), lambda: usual_water(record))
        return DisplayRaster(layer.pixels(source, asked), chip.grid.drawn, layer.overviews)

    def probability(self, record: ChipRecord, revision: str) -> ByteArray:
        """Return one revision of a chip's prediction, uint8 (H, W) as its image.

        Raises:
            ChipError: it is of another size.
        """
        raster = self._predictions.probability(record, revision)
        if raster.shape != self.chip(record).grid.shape:
            raise ChipError(f"The prediction of {record.id} is of another size than its image: predict it again.")
        return raster

    def tile(
        self,
        layer: str,
        chip_id: str,
        revision: str,
        z: int,
        x: int,
        y: int,
        *,
        scale: int = 1,
        asked: Options = Options(),  # noqa: B008 - it is frozen
    ) -> Tile:
        """Return one tile; transparent where it lies outside the chip. An unplaced chip is cut from its stand-in (`Grid.drawn`).

        Args:
            layer: name of a layer (`tiles.drawing.layers.TILES`).
            chip_id: a chip of the catalog.
            revision: of what the layer needs, the image or the prediction. It must be the present one, so that what is
                answered under it never changes.
            z: zoom, 0 to 22.
            x: column of the tile matrix.
            y: row of the tile matrix.
            scale: 1 for 256 pixels, 2 for 512.
            asked: options; those that the layer has none of are passed over.

        Raises:
            LayerNotFoundError: no such layer, revision or tile.
            ChipNotFoundError: no such chip.
            ChipError: the chip's files cannot be used.
            StoreError: the prediction is not there or cannot be read.
            BusyError: other images took all the room there is for a minute.
        """
        found = layer_of(layer)
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
            raise LayerNotFoundError(
                f"There is no tile {z}/{x}/{y}: zoom is 0 to {MAX_ZOOM}, column and row below 2^zoom."
            )
        if scale not in SCALES:
            raise UsageError(f"Tiles have scale 1 or 2, not {scale}.")
        record = self._catalog.now.get(chip_id).now()
        if found.needs == "image" and revision != record.revision():
            raise LayerNotFoundError(f"The image of {chip_id} has no revision {revision[:20]!r} now: reload the page.")
        options = asked.of(found.all_options)
        key = (found.name, record.id, record.revision(), revision, z, x, y, scale, options)
        held = self._tiles.held(key)
        if held is not None:
            return held
        if is_scene(record) and (scenes := self._scenes) is not None:
            return self._tiles.get(
                key, lambda: self._of_scene(found, scenes, record, revision, (z, x, y), scale, options)
            )
        with self._room.hold(_pixels(record)):
            return self._tiles.get(key, lambda: self._render(found, record, revision, (z, x, y), scale, options))

    def _render(
        self, layer: TileLayer, record: ChipRecord, revision: str, zxy: tuple[int, int, int], scale: int, asked: Options
    ) -> Tile:
        size = 256 * scale
        pixels = self._raster(layer, record, revision, asked).tile(*zxy, size=size)
        return self._transparent(size) if pixels is None else _tile(layer.cut(pixels, asked))

    def _of_scene(
        self,
        layer: TileLayer,
        scenes: Scenes,
        record: ChipRecord,
        revision: str,
        zxy: tuple[int, int, int],
        scale: int,
        asked: Options,
    ) -> Tile:
        size = 256 * scale
        if layer.needs == "image":
            image = scenes.image(record)
            pixels = cut(image, *zxy, size=size)
            if pixels is None or not (pixels[..., 3].any() or "nodata" in layer.options):
                return self._transparent(size)
            of_layer = layer.of_scene(pixels, asked)
            there = cut(inside(image.grid), *zxy, size=size) if asked.nodata == "yellow" else None
            if there is not None:  # yellow on the scene, and not beside it
                of_layer = np.where(there, of_layer, np.uint8(0))
            if (of_layer[..., -1] == np.uint8(255)).all() and of_layer.shape[2] == 4:
                of_layer = np.ascontiguousarray(of_layer[..., :3])  # the same picture, in three quarters of the time
            return _tile(layer.cut(of_layer, asked))
        levels, labelled = self._predictions.levels(record, revision)
        raster = cut(levels, *zxy, size=size)
        if raster is None or (raster == NODATA).all():
            return self._transparent(size)
        truth = scenes.label(record, settled=labelled) if layer.beside == "label" else None
        label = None if truth is None else cut(truth, *zxy, size=size)
        scores = score_pixels(raster[..., 0], None if label is None else label[..., 0])
        return _tile(layer.cut(np.ascontiguousarray(np.moveaxis(scores, 0, -1)), asked))

    def _transparent(self, size: int) -> Tile:
        if size not in self._blank:
            self._blank[size] = _tile(encode_mask(np.zeros((size, size), dtype=np.bool_), WATER))
        return self._blank[size]

    def tilejson(
        self,
        layer: str,
        chip_id: str,
        url: str,
        *,
        asked: Options = Options(),  # noqa: B008 - it is frozen
    ) -> dict[str, object]:
        """Return the TileJSON 3.0.0 of one layer of one chip.

        Args:
            layer: name of a layer (`tiles.drawing.layers.TILES`).
            chip_id: a chip of the catalog.
            url: where the tiles are served, without a slash at the end.
            asked: options; those that the layer has are put behind each tile's URL, such as `?threshold=0.4`.

        Raises:
            LayerNotFoundError: no such layer.
            ChipNotFoundError: no such chip.
            ChipError: the chip has no usable imagery.
            StoreError: the layer needs a prediction and there is none.
        """
        found = layer_of(layer)
        record = self._catalog.now.get(chip_id).now()
        if record.problem is not None:
            raise ChipError(record.problem)
        if record.unplaced is not None:
            raise ChipError(f"Chip {chip_id} has no tiles for a map. {record.unplaced}")
        if not record.has_imagery or record.footprint is None:
            raise MissingImageryError(
                f"Chip {chip_id} has no imagery on disk, so it has no tiles: add its VV and VH files."
            )
        revision = self.revision(found.name, record)
        west, south, east, north = record.footprint.bounds
        centre = (west + east) / 2
        if (
            east > HALF_TURN
        ):  # bounds that wrap or go beyond are refused by readers: what crosses 180 gets the whole belt
            west, east = WORLD
        simulated = "Simulated data (floodscope)" if record.simulated else "Contains modified Copernicus Sentinel data"
        return {
            "tilejson": "3.0.0",
            "name": f"{chip_id} {found.name}",
            "scheme": "xyz",
            "tiles": [f"{url}/{found.name}/{chip_id}/{revision}/{{z}}/{{x}}/{{y}}.png{asked.query(found.all_options)}"],
            "bounds": [west, south, east, north],
            "center": [centre - TURN if centre > HALF_TURN else centre, (south + north) / 2, 12],
            "minzoom": 0,
            "maxzoom": MAX_ZOOM,
            "attribution": simulated,
        }


def _tile(data: bytes) -> Tile:
    return Tile(data, hashlib.blake2b(data, digest_size=12).hexdigest())


def _pixels(record: ChipRecord) -> int:
    """Return how many pixels a chip has; of one whose headers were not read, as many as a chip may have."""
    return record.width * record.height if record.width and record.height else MAX_PIXELS


def _chip_bytes(chip: Chip) -> int:
    return chip.vv.nbytes + chip.vh.nbytes + chip.valid.nbytes + (chip.label.nbytes if chip.label is not None else 0)
