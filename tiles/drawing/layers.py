"""The layers: which tiles there are of a chip, and what the page makes of them. A new one is an entry here, and its pixels.

Service, routes and TileJSON follow `TILES`. The page follows `SHOWN`: the app factory hands it over, and strip, swipe, keys,
legend and address are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from tiles.chip import ByteArray, Chip
from tiles.drawing.calm import CALM_RANGE, calm, coloured
from tiles.drawing.composite import COMPOSITE_RANGE, NODATA_YELLOW, composite, score_pixels, single_band
from tiles.drawing.render import Overviews, encode_mask, encode_png
from tiles.errors import LayerNotFoundError
from tiles.palette import (
    BLUE_CHANNEL,
    CONFIDENCE,
    DRY,
    FALSE,
    GREEN_CHANNEL,
    HIT,
    MISSED,
    ONLY_A,
    ONLY_B,
    RED_CHANNEL,
    TRUTH,
    WATER,
    Colour,
)
from tiles.probability import level
from tiles.reading.ancillary import USUAL

# --- what the server draws --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    """What may stand behind the question mark of a tile's URL; which of it counts, each layer says.

    Attributes:
        threshold: probability from which a pixel counts as water, 0 to 1.
        nodata: how pixels of the chip without data are drawn.
    """

    threshold: float = 0.5
    nodata: Literal["transparent", "yellow"] = "transparent"

    def of(self, names: tuple[str, ...]) -> Options:
        """Return the options of these names; the others have their defaults."""
        return Options(**{name: getattr(self, name) for name in names})

    def query(self, names: tuple[str, ...]) -> str:
        """Return the query that asks for the same of these options; empty where all have their defaults."""
        # Of a float its shortest exact form: a rounded one could fall on the other side of a probability value.
        said = [(name, getattr(self, name)) for name in names if getattr(self, name) != getattr(Options, name)]
        return "?" + "&".join(f"{name}={value}" for name, value in said) if said else ""


@dataclass(frozen=True)
class Source:
    """What the pixels of a layer are made of: the chip, and where one asks for it its prediction, and where water is usual."""

    chip: Chip
    probability: Callable[[], ByteArray]
    usual: Callable[[], ByteArray | None] = lambda: None


def _as_it_is(pixels: ByteArray, asked: Options) -> ByteArray:
    return pixels


def _png(pixels: ByteArray, asked: Options) -> bytes:
    return encode_png(pixels)


@dataclass(frozen=True)
class TileLayer:
    """A layer that the server draws.

    Attributes:
        name: in the address of its tiles.
        needs: what it is made of; the revision of that is in the address.
        pixels: the chip drawn, uint8 (2, H, W) grey and alpha or (4, H, W) RGBA.
        overviews: how a large chip is drawn small (`tiles.drawing.render.DisplayRaster`).
        options: the names in `Options` that change its pixels.
        cut: one tile's pixels (H, W, 2 or 4) as a PNG.
        cut_options: the names in `Options` that change its tiles and not `pixels`.
        cut_from: the layer whose pixels it is cut from, where they are another's.
        of_scene: of a scene, whose tiles are false colour, a tile (H, W, 4) as this layer has it.
        beside: what stands beside the probability in its G and B: the label, or where water is usual.
    """

    name: str
    needs: Literal["image", "prediction"]
    pixels: Callable[[Source, Options], ByteArray]
    overviews: Overviews
    options: tuple[str, ...] = ()
    cut: Callable[[ByteArray, Options], bytes] = _png
    cut_options: tuple[str, ...] = ()
    cut_from: str = ""
    of_scene: Callable[[ByteArray, Options], ByteArray] = _as_it_is
    beside: Literal["label", "usual"] = "label"

    @property
    def all_options(self) -> tuple[str, ...]:
        """The names in `Options` that change its tiles."""
        return self.options + self.cut_options


def _yellow(pixels: ByteArray, asked: Options) -> ByteArray:
    if asked.nodata != "yellow":
        return pixels
    return np.where(pixels[..., 3:] > 0, pixels, np.array([*NODATA_YELLOW, 255], dtype=np.uint8))


def _channel(number: int) -> Callable[[ByteArray, Options], ByteArray]:
    """Return what takes a band from false colour, whose red and green have the bands' own ranges."""
    return lambda pixels, _: np.ascontiguousarray(pixels[..., [number, 3]])


def _calm_of_scene(pixels: ByteArray, asked: Options) -> ByteArray:
    """Return the calm colours of false colour, whose red and green are VV and VH; zooming out averages their speckle."""
    bands = []
    for channel, (low, high) in enumerate((COMPOSITE_RANGE["vv"], COMPOSITE_RANGE["vh"])):
        bands.append(np.float32(low) + pixels[..., channel] * np.float32((high - low) / 255.0))
    return np.concatenate([np.moveaxis(coloured(*bands), 0, -1), pixels[..., 3:]], axis=-1)


def _scores(source: Source, asked: Options) -> ByteArray:
    return score_pixels(source.probability(), source.chip.label)


def _flood(source: Source, asked: Options) -> ByteArray:
    return score_pixels(source.probability(), source.usual())


def _mask(pixels: ByteArray, asked: Options) -> bytes:
    return encode_mask((pixels[..., 0] >= level(asked.threshold)) & (pixels[..., 3] > 0), WATER)


def _confidence(pixels: ByteArray, asked: Options) -> bytes:
    # The highest probability stands at 254 of 255 (contract 2), one step below the ramp's end.
    return encode_png(np.concatenate((_CONFIDENCE.table()[pixels[..., 0]], pixels[..., 3:]), axis=-1))


TILES: tuple[TileLayer, ...] = (
    TileLayer(
        "composite",
        "image",
        lambda source, asked: composite(source.chip, yellow_nodata=asked.nodata == "yellow"),
        "average",
        options=("nodata",),
        of_scene=_yellow,
    ),
    TileLayer("vv", "image", lambda source, _: single_band(source.chip, "vv"), "average", of_scene=_channel(0)),
    TileLayer("vh", "image", lambda source, _: single_band(source.chip, "vh"), "average", of_scene=_channel(1)),
    TileLayer("calm", "image", lambda source, _: calm(source.chip), "average", of_scene=_calm_of_scene),
    TileLayer("scores", "prediction", _scores, "nearest"),
    TileLayer("flood", "prediction", _flood, "nearest", beside="usual"),
    TileLayer("mask", "prediction", _scores, "nearest", cut=_mask, cut_options=("threshold",), cut_from="scores"),
    TileLayer("confidence", "prediction", _scores, "nearest", cut=_confidence, cut_from="scores"),
)


def layer_of(name: str) -> TileLayer:
    """Return the layer of that name, or raise LayerNotFoundError naming those there are."""
    for layer in TILES:
        if layer.name == name:
            return layer
    raise LayerNotFoundError(
        f"There is no layer {name[:40]!r}: it is one of {', '.join(layer.name for layer in TILES)}."
    )


# --- what the page shows ----------------------------------------------------------------------------------------------

Matrix = tuple[tuple[float, ...], ...]
"""Four rows of five: each of R, G, B, A of a pixel from R, G, B, A and 1, all from 0 to 1 (SVG's feColorMatrix)."""


@dataclass(frozen=True)
class Ramp:
    """A step of an SVG filter: R from 0 to 1 becomes a colour between these, which stand at equal distances (sRGB, 0 to 1)."""

    colours: tuple[tuple[float, float, float], ...]

    def table(self) -> ByteArray:
        """Return the colours of the values 0 to 255, uint8 (256, 3), as the filter has them."""
        at = np.linspace(0.0, 1.0, 256)
        stops = np.linspace(0.0, 1.0, len(self.colours))
        channels = [np.interp(at, stops, [colour[i] for colour in self.colours]) for i in range(3)]
        return np.rint(255.0 * np.stack(channels, axis=-1)).astype(np.uint8)


Step = Matrix | Ramp | Literal["level"]
"""A step of an SVG filter: a matrix, a ramp, or "level": R becomes 1 from the level of the threshold on, and 0 below."""


@dataclass(frozen=True)
class Swatch:
    """A line of the legend: a colour (CSS) with letters on it, and what it means.

    Attributes:
        count: what the browser counts of it: `tp`, `fp`, `fn`, or of two models `wet`, `onlyA`, `onlyB`, `dry`.
    """

    colour: str
    letter: str
    text: str
    note: str = ""
    count: str = ""


@dataclass(frozen=True)
class Shown:
    """A layer of the page: what it shows, and how that is made of tiles.

    Attributes:
        name: in the page's address.
        title: on strip and handle.
        told: in the dialog of keys.
        kind: an image of the chip, or an overlay of it.
        tiles: the `TileLayer` that it is made of.
        paint: steps of the SVG filter that makes it of its tiles; none, where they are shown as they are.
        models: whose predictions: "a" is the model in use, "b" the one that it is compared with. Of both it is their difference.
        key: the single key that chooses it.
        legend: what its colours mean.
        without_label: what there is none of where a chip has no label.
        grey: the image below is shown in grey.
        usual: needs to be told where water is usual.
        outline: its colour may be drawn as an outline.
        strip: offered where one picture is shown.
        swipe: offered at both sides of a swipe.
    """

    name: str
    title: str
    told: str
    kind: Literal["image", "overlay"]
    tiles: str
    paint: tuple[Step, ...] = ()
    models: tuple[Literal["a", "b"], ...] = ()
    key: str = ""
    legend: tuple[Swatch, ...] = ()
    without_label: str = ""
    grey: bool = False
    usual: bool = False
    outline: bool = False
    strip: bool = True
    swipe: bool = True


def _css(colour: Colour) -> str:
    return f"rgb({','.join(map(str, colour))})"


def _painted(colour: Colour, *alpha: float) -> Matrix:
    """Return the matrix that paints one colour as opaque as a row says."""
    red, green, blue = (part / 255 for part in colour)
    return ((0, 0, 0, 0, red), (0, 0, 0, 0, green), (0, 0, 0, 0, blue), alpha)


def _grey(channel: int) -> Matrix:
    row = tuple(float(column == channel) for column in range(5))
    return (row, row, row, (0, 0, 0, 1, 0))


# R, G, B (predicted, truth, known) become false, true and missed water, each 1 or clamped to 0; then their colours.
_CLASSES: Matrix = ((1, -1, 1, 0, -1), (1, 1, 1, 0, -2), (-1, 1, 0, 0, 0), (0, 0, 0, 1, 0))
_ERRORS: Matrix = (
    *((FALSE[i] / 255, HIT[i] / 255, MISSED[i] / 255, 0, 0) for i in range(3)),
    (1, 1, 1, 1, -1),
)
# The same classes against usual water: water that is not usual, usual water that is there, and that is not.
_USUAL: Matrix = (
    *((WATER[i] / 255, TRUTH[i] / 255, MISSED[i] / 255, 0, 0) for i in range(3)),
    (1, 1, 1, 1, -1),
)
_WATER: tuple[Step, ...] = ("level", _painted(WATER, 1, 0, 0, 1, -1))
_CONFIDENCE = Ramp(tuple((red / 255, green / 255, blue / 255) for red, green, blue in CONFIDENCE))
_GREY_RAMP = "linear-gradient(90deg,#000,#fff)"


def _range(channel: str, ranges: Mapping[str, tuple[float, float]] = COMPOSITE_RANGE) -> str:
    low, high = (f"{value:g}".replace("-", "−") for value in ranges[channel])
    return f"{low} to {high}"


def _seen(vv: float, vh: float) -> Colour:
    """Return the colour of one pixel of false colour; VV and VH in dB."""
    values = {"vv": vv, "vh": vh, "ratio": vv / vh}
    scaled = [(values[c] - low) / (high - low) for c, (low, high) in COMPOSITE_RANGE.items()]
    red, green, blue = (round(255 * min(max(part, 0.0), 1.0)) for part in scaled)
    return red, green, blue


def _calm(vv: float, vh: float) -> Colour:
    """Return the colour of one pixel of the calm view; VV and VH in dB."""
    red, green, blue = (int(part) for part in coloured(np.array(vv), np.array(vh)))
    return red, green, blue


_CALM_LAND = f"linear-gradient(90deg,{_css(_calm(-14.0, -21.0))},{_css(_calm(-6.0, -12.0))})"


def _band(name: Literal["vv", "vh"], channel: int, key: str) -> Shown:
    """Return a band, which is a channel of the composite: no tile is asked for to show it."""
    title = name.upper()
    legend = Swatch(_GREY_RAMP, "", f"{title} {_range(name)} dB", "black to white")
    return Shown(name, title, title, "image", "composite", (_grey(channel),), key=key, legend=(legend,))


SHOWN: tuple[Shown, ...] = (
    Shown(
        "composite", "False colour", "false colour", "image", "composite", key="1",
        legend=(
            Swatch(_css(RED_CHANNEL), "R", "VV", f"{_range('vv')} dB"),
            Swatch(_css(GREEN_CHANNEL), "G", "VH", f"{_range('vh')} dB"),
            Swatch(_css(BLUE_CHANNEL), "B", "VV / VH", f"{_range('ratio')}, quotient of the dB values"),
            Swatch(_css(_seen(-20.0, -27.0)), "", "open water: blue to purple", "blue; the more wind roughens it, the redder"),
        ),
    ),
    Shown(
        "calm", "Calm", "calm (water dark blue, speckle smoothed)", "image", "calm", key="4",
        legend=(
            Swatch(_css(_calm(-19.0, -26.0)), "", "open water: dark blue", "with wind or without"),
            Swatch(_CALM_LAND, "", "land: grey; speckle smoothed, to look at",
                   f"VV {_range('vv', CALM_RANGE)} dB, VH {_range('vh', CALM_RANGE)} dB of every chip; not to measure in"),
        ),
    ),
    _band("vv", 0, "2"),
    _band("vh", 1, "3"),
    Shown(
        "prediction", "Prediction", "prediction (water)", "overlay", "scores", _WATER, ("a",), key="w",
        legend=(Swatch(_css(WATER), "W", "predicted water"),), outline=True,
    ),
    Shown(
        "flood", "Flood", "flood (water that is not usual)", "overlay", "flood", ("level", _CLASSES, _USUAL), ("a",), key="u",
        legend=(
            Swatch(_css(WATER), "F", "flood", "predicted water where water is not usual"),
            Swatch(_css(TRUTH), "U", "usual water", f"predicted water where there is water in {USUAL:.0%} of the time or more"),
            Swatch(_css(MISSED), "D", "usual water, not found", "usual water that is not predicted as water"),
            Swatch("#181818", "", "dry, or not known", "dry, or not known whether water is usual"),
        ),
        grey=True, usual=True,
    ),
    Shown(
        "truth", "Truth", "truth", "overlay", "scores", (_painted(TRUTH, 0, 1, 0, 1, -1),), ("a",), key="t",
        legend=(Swatch(_css(TRUTH), "T", "water in the label"),), without_label="truth", outline=True,
    ),
    Shown(
        "errors", "Errors", "errors", "overlay", "scores", ("level", _CLASSES, _ERRORS), ("a",), key="e",
        legend=(
            Swatch(_css(HIT), "TP", "true water", count="tp"),
            Swatch(_css(FALSE), "FP", "false water", count="fp"),
            Swatch(_css(MISSED), "FN", "missed water", count="fn"),
            Swatch("#181818", "", "dry, or not known", "true dry, or not known in the label"),
        ),
        without_label="error", grey=True,
    ),
    Shown(
        "confidence", "Confidence", "confidence (probability of water)", "overlay", "scores", (_CONFIDENCE,), ("a",), key="c",
        legend=(
            Swatch(_css(CONFIDENCE[0]), "–", "surely dry", "probability 0"),
            Swatch(_css(CONFIDENCE[1]), "?", "unsure", "one half"),
            Swatch(_css(CONFIDENCE[2]), "W", "surely water", "probability 1"),
        ),
    ),
    Shown("none", "None", "none", "overlay", "scores", models=("a",), key="0", swipe=False),
    Shown(
        "other", "Model B", "prediction of model B", "overlay", "scores", _WATER, ("b",), strip=False,
        legend=(Swatch(_css(WATER), "W", "water predicted by B"),), outline=True,
    ),
    Shown(
        "difference", "Difference", "difference of both models", "overlay", "scores", models=("a", "b"), strip=False, grey=True,
        legend=(
            Swatch(_css(WATER), "AB", "both wet", count="wet"),
            Swatch(_css(ONLY_A), "A", "only A", count="onlyA"),
            Swatch(_css(ONLY_B), "B", "only B", count="onlyB"),
            Swatch(_css(DRY), "–", "both dry", count="dry"),
        ),
    ),
)  # fmt: skip
FOUR = ("composite", "truth", "prediction", "errors")
"""The layers of the four maps side by side."""


def page_layers() -> dict[str, object]:
    """Return the table for the page, as JSON has it: `layers`, and `four`."""
    return {"layers": [asdict(layer) for layer in SHOWN], "four": FOUR}
