"""Every colour that means something: of layers, the IoU ramp and figures; Python, the page and its styles take them from here."""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255 (sRGB)."""

GREY_GROUND = 0.27
"""Share of its brightness that an image keeps as a grey ground: bluish green on a middling grey is grey to the colour-blind."""
OPACITY = 0.75
"""How opaque what lies over an image is, until somebody chooses otherwise."""

# Near Okabe and Ito's, moved until any two that stand side by side, alone and over the grey ground, and each beside that
# ground, differ by 20 (CIEDE2000) under each colour blindness; tests/test_colours.py holds them to it.
WATER: Colour = (34, 211, 238)
TRUTH: Colour = (43, 92, 214)
TRUTH_LINE: Colour = (86, 134, 240)  # TRUTH as a thin line, seen on a dark ground
HIT: Colour = (33, 184, 146)
FALSE: Colour = (209, 75, 19)
MISSED: Colour = (209, 140, 231)
DRY: Colour = (38, 46, 58)
ONLY_A: Colour = (245, 158, 11)
ONLY_B: Colour = (147, 51, 204)
CONFIDENCE: tuple[Colour, ...] = (DRY, ONLY_A, WATER)
"""Probability of water from 0 over one half, which stands out, to 1."""
RED_CHANNEL, GREEN_CHANNEL, BLUE_CHANNEL = (224, 104, 95), (63, 174, 90), (111, 149, 238)
"""What false colour makes of a channel alone, as the legend shows it."""
RAMP: tuple[Colour, ...] = (
    (0, 34, 78), (18, 53, 112), (59, 73, 108), (87, 93, 109), (112, 113, 115),
    (138, 134, 120), (165, 156, 116), (195, 179, 105), (225, 204, 85), (254, 232, 56),
)  # fmt: skip
"""IoU from 0 to 1: cividis (Nunez, Anderton & Renslow 2018), even to the eye and safe for the colour-blind."""

LAYERS: dict[str, Colour] = {
    "water": WATER,
    "truth": TRUTH,
    "truth-line": TRUTH_LINE,
    "hit": HIT,
    "false": FALSE,
    "missed": MISSED,
    "wet": WATER,
    "dry": DRY,
    "onlyA": ONLY_A,
    "onlyB": ONLY_B,
    "ramp-middle": RAMP[6],
}
"""What the page's filters and legend call them."""

# Okabe & Ito's, for lines and dots of figures, where no two are told apart by colour alone.
BLUE, VERMILION, GREEN, ORANGE, PURPLE = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7"
QUIET = "#7c8896"


def css(colour: Colour) -> str:
    """Return a colour as `#rrggbb`."""
    return "#" + "".join(f"{part:02x}" for part in colour)


def ramp_css() -> str:
    """Return the ramp as CSS lists the stops of a gradient."""
    return ", ".join(map(css, RAMP))


def ramp_at(share: float) -> Colour:
    """Return the ramp's colour at a share of its length; beyond 0 and 1 it is that of the end."""
    at = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    low = min(int(at), len(RAMP) - 2)
    red, green, blue = (round(a + (b - a) * (at - low)) for a, b in zip(RAMP[low], RAMP[low + 1], strict=True))
    return red, green, blue


def properties() -> str:
    """Return the palette as CSS custom properties: `--fs-water: 34 211 238` for `rgb(var(--fs-water))`, and the others."""
    layers = (f"--fs-{name}: {red} {green} {blue};" for name, (red, green, blue) in LAYERS.items())
    return " ".join((*layers, f"--fs-ramp: {ramp_css()};", f"--fs-grey-ground: {GREY_GROUND};"))
