"""Boosted trees over each pixel's surroundings: their features, their text form, and a module that answers as a network.

The text is LightGBM's own, which holds numbers alone. A bundle may come from a stranger and LightGBM trusts what it reads,
so every number is checked here, and LightGBM is only ever given what was written anew from the checked ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import uniform_filter
from torch import Tensor, nn

from model.bundle.normalisation import Normalisation
from tiles.errors import BundleError, ModelError

FloatArray = npt.NDArray[np.float32]

WINDOWS = (3, 7, 15, 31)
"""Sides of the squares that means and spreads are taken over, pixels."""
PLANES = ("vv", "vh", "ratio")
FEATURES = (*PLANES, *(f"{plane}_{what}_{side}" for side in WINDOWS for plane in PLANES for what in ("mean", "spread")))
"""What a tree may ask of a pixel: VV, VH, VV less VH (dB), and the mean and standard deviation of each around it."""

_MAX_TREES = 10_000
_MAX_LEAVES = 4096
# Squares of dB about a usual value: float32 then keeps a spread of some hundredths.
_USUAL = np.array([-11.0, -18.0, 7.0], dtype=np.float32)
_HEADER = (
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={last}\n"
    "objective=binary sigmoid:1\nfeature_names={names}\nfeature_infos={infos}\ntree_sizes={sizes}\n\n"
)


def features(vv: FloatArray, vh: FloatArray, asked: Collection[int] = range(len(FEATURES))) -> FloatArray:
    """Return the features of every pixel, float32 (H * W, len(FEATURES)), dB; NaN where a pixel's surroundings have no data.

    Args:
        vv, vh: float32 (H, W), dB, NaN where there is no data: those pixels count in no mean and no spread.
        asked: places in FEATURES; means and spreads that are not among them are not computed, and are 0.
    """
    planes = np.stack([vv, vh, vv - vh])
    out = np.zeros((vv.size, len(FEATURES)), dtype=np.float32)
    out[:, : len(PLANES)] = planes.reshape(len(PLANES), -1).T
    there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(planes).all(0))
    known = np.where(there, planes - _USUAL[:, None, None], np.float32(0))
    column = len(PLANES)
    for side in WINDOWS:
        last = column + 2 * len(PLANES)
        if not any(column <= place < last for place in asked):
            column = last
            continue
        share = _box(there.astype(np.float32), side)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Below half a pixel of data there is rounding alone.
            weight = np.where(share * side * side > 0.5, 1 / share, np.float32(np.nan)).astype(np.float32)
        for plane, usual in zip(known, _USUAL, strict=True):
            if column in asked or column + 1 in asked:
                mean = _box(plane, side) * weight
                out[:, column] = (mean + usual).reshape(-1)
            if column + 1 in asked:
                square = _box(np.square(plane), side) * weight
                out[:, column + 1] = np.sqrt(np.maximum(square - mean * mean, 0)).reshape(-1)
            column += 2
    return out


def _box(plane: FloatArray, side: int) -> FloatArray:
    """Return the sum over a square around each pixel over its area; nothing lies beyond the rim."""
    averaged: FloatArray = uniform_filter(plane, side, mode="constant", cval=0.0)
    return averaged


def backscatter(
    image: FloatArray, channels: Sequence[str], normalisation: Normalisation
) -> tuple[FloatArray, FloatArray]:
    """Return VV and VH of a network's input, float32 (H, W), dB, NaN where there is no data.

    What has no data stands as the channel's mean in a network's input: a pixel of exactly these values in both
    polarizations counts as one without data.

    Args:
        image: float32 (C, H, W), normalised.
        channels: its channels.
        normalisation: which is undone: trees are of dB, so they fit any bundle.
    """
    planes, holes = [], np.ones(image.shape[-2:], dtype=bool)
    for name in ("vv", "vh"):
        band, plane = normalisation.bands[name], image[channels.index(name)]
        holes &= plane == np.float32((band.mean - band.offset) / band.scale)
        planes.append(plane * np.float32(band.scale) + np.float32(band.offset))
    vv, vh = (np.where(holes, np.float32(np.nan), plane) for plane in planes)
    return vv, vh


@dataclass(frozen=True)
class Tree:
    """One tree. A node's child is a node where it is 0 or more, and leaf ~child where it is negative.

    Attributes:
        feature, left, right: int (n,), of the n nodes; none where the tree is one leaf.
        threshold: float64 (n,): pixels whose feature is at most this go left.
        decision: int (n,), LightGBM's flags: where NaN goes.
        value: float64 (n + 1,), log-odds that each leaf adds.
    """

    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float64]
    decision: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


# LightGBM's flags without categories: 2 sends what is missing to the left, 8 says that it is NaN.
_DECISIONS = (0, 2, 8, 10)


def parse_trees(text: str, where: str) -> list[Tree]:
    """Return the trees of LightGBM's text form.

    Raises:
        BundleError: it is another text, asks for other features, or a number is not what it may be.
    """
    body, end, _ = text.partition("\nend of trees")
    head, *blocks = body.split("\nTree=")
    if not head.startswith("tree\n") or not end or not 1 <= len(blocks) <= _MAX_TREES:
        raise BundleError(
            f"{{file}} is no text of 1 to {_MAX_TREES} LightGBM trees: write the bundle again.",
            file=where,
        )
    if _lines(head).get("feature_names", "").split() != list(FEATURES):
        raise BundleError(
            "{file} asks for other features than this floodscope computes: train it again.",
            file=where,
        )
    return [_parse_tree(_lines(block), f"{where}, tree {i}") for i, block in enumerate(blocks)]


def _lines(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _numbers(raw: dict[str, str], name: str, count: int, kind: type[Any]) -> npt.NDArray[Any]:
    values = np.array([kind(v) for v in raw.get(name, "").split()])
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"{name} is not {count} numbers")
    return values.astype(np.int64 if kind is int else np.float64)


def _parse_tree(raw: dict[str, str], where: str) -> Tree:
    try:
        leaves = int(raw["num_leaves"])
        if not 1 <= leaves <= _MAX_LEAVES or int(raw["num_cat"]) or int(raw.get("is_linear", 0)):
            raise ValueError("it is too large, linear or by category")  # noqa: TRY301 - told as any other damage
        nodes = leaves - 1

        tree = Tree(
            feature=_numbers(raw, "split_feature", nodes, int),
            threshold=_numbers(raw, "threshold", nodes, float),
            decision=_numbers(raw, "decision_type", nodes, int),
            left=_numbers(raw, "left_child", nodes, int),
            right=_numbers(raw, "right_child", nodes, int),
            value=_numbers(raw, "leaf_value", leaves, float),
        )
    except (KeyError, ValueError, TypeError, OverflowError) as error:  # numbers beyond int64 make no array of numbers
        raise BundleError(f"{{file}} is damaged ({error}): fetch the bundle again.", file=where) from None
    children = np.concatenate([tree.left, tree.right])
    # Every node but the root, and every leaf, is the child of one earlier node: so a way down always ends.
    whole = np.array_equal(np.sort(children), np.array([*range(-leaves, 0), *range(1, nodes)])) if nodes else True
    places = np.arange(nodes)
    forward = bool(((tree.left < 0) | (tree.left > places)).all() and ((tree.right < 0) | (tree.right > places)).all())
    asked = bool(((tree.feature >= 0) & (tree.feature < len(FEATURES))).all())
    if not (whole and forward and asked and np.isin(tree.decision, _DECISIONS).all()):
        raise BundleError("{file} is damaged (its nodes are no tree): fetch the bundle again.", file=where)
    return tree


def format_trees(trees: Sequence[Tree]) -> str:
    """Return LightGBM's text form, with what prediction needs and no more."""
    blocks = []
    for i, tree in enumerate(trees):
        lines = [f"Tree={i}", f"num_leaves={tree.value.size}", "num_cat=0"]
        if tree.feature.size:
            for name, values in (
                ("split_feature", tree.feature),
                ("threshold", tree.threshold),
                ("decision_type", tree.decision),
                ("left_child", tree.left),
                ("right_child", tree.right),
            ):
                lines.append(f"{name}=" + " ".join(map(repr, values.tolist())))
        lines += ["leaf_value=" + " ".join(map(repr, tree.value.tolist())), "is_linear=0", "shrinkage=1", "", "", ""]
        blocks.append("\n".join(lines))
    header = _HEADER.format(
        last=len(FEATURES) - 1,
        names=" ".join(FEATURES),
        infos=" ".join(["[-1e300:1e300]"] * len(FEATURES)),
        sizes=" ".join(str(len(block)) for block in blocks),
    )
    return header + "".join(blocks) + "end of trees\n"


def require_lightgbm(what: str) -> Any:
    """Return the module lightgbm.

    Raises:
        ModelError: it is not installed; `what` needs it.
    """
    try:
        import lightgbm  # noqa: PLC0415 - an extra, and only who has trees pays for it
    except (ImportError, OSError) as error:  # OSError: its library lacks one of the system's, as libgomp
        raise ModelError(
            f"{what} needs LightGBM, which cannot be loaded here ({error}): pip install lightgbm; on Linux also apt install "
            "libgomp1."
        ) from error
    return lightgbm


class TreeMember(nn.Module):
    """Boosted trees as a network is called: normalised float32 (N, C, H, W) -> logits (N, 1, H, W). Computes on the CPU.

    Args:
        text: LightGBM's text form.
        channels: the input's channels; "vv" and "vh" are among them.
        normalisation: of the input; it is undone, since trees are of dB.
        where: the text's file, for messages.

    Raises:
        BundleError: the text is not understood, or a polarization is missing.
        ModelError: LightGBM is not installed.
    """

    def __init__(self, text: str, channels: Sequence[str], normalisation: Normalisation, where: str) -> None:
        super().__init__()
        trees = parse_trees(text, where)
        self.text = format_trees(trees)
        self._asked = frozenset(int(place) for tree in trees for place in tree.feature)
        missing = {"vv", "vh"} - set(channels)
        if missing:
            raise BundleError(
                f"{{file}} needs VV and VH, but the bundle's channels are {', '.join(channels)}.",
                file=where,
            )
        self._channels, self._normalisation = tuple(channels), normalisation
        self._booster = require_lightgbm(where).Booster(model_str=self.text)

    def forward(self, x: Tensor) -> Tensor:
        """Return the log-odds of water."""
        threads = torch.get_num_threads()
        answers = []
        for image in x.detach().float().cpu().numpy():
            vv, vh = backscatter(image, self._channels, self._normalisation)
            margin = self._booster.predict(features(vv, vh, self._asked), raw_score=True, num_threads=threads)
            answers.append(margin.reshape(1, *vv.shape).astype(np.float32))
        return torch.from_numpy(np.stack(answers)).to(x.device)
