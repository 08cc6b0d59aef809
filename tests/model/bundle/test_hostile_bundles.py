"""Bundles of a stranger's making: refused in a sentence that names the field, or opened, shown and reported on."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dashboard.report.markdown import as_html
from model.bundle.card import card_text
from model.bundle.manifest import Bundle, canonical_json, parse_bundle
from model.bundle.threshold import threshold_trees
from model.bundle.trees import parse_trees
from model.evaluation.answer import ShareError
from model.evaluation.judge import crossvalidated
from model.seen.headline import crossvalidated_sentence
from model.weights import WEIGHTS
from tests.hostile import mutated_bytes, mutated_json, share
from tiles.errors import BundleError

pytestmark = pytest.mark.slow

SHIPPED = (WEIGHTS / "model.json").read_text()


def show(bundle: Bundle) -> str:
    """Do with a bundle what pages, reports and commands do with what it tells of itself."""
    text = card_text(bundle, has_plot=False)
    as_html(text).encode()
    crossvalidated_sentence(bundle.name, crossvalidated(bundle)).encode()
    ShareError.recorded(bundle.scores)
    return text


def rightly_named(texts: Iterator[str]) -> Iterator[str]:
    """Give each text the id that belongs to its content, as whoever makes a hostile bundle would."""
    for text in texts:
        try:
            raw = json.loads(text)
            content = {k: v for k, v in raw.items() if k != "id"}
            yield json.dumps({"id": hashlib.sha256(canonical_json(content).encode()).hexdigest()} | content)
        except (ValueError, AttributeError, RecursionError):
            yield text


def test_a_mutated_manifest_is_refused_by_a_sentence_or_shown() -> None:
    raw = json.loads(SHIPPED)
    told = json.dumps({name: raw[name] for name in ("training", "scores", "name", "licence")})
    of_words = (json.dumps(raw | json.loads(text)) for text in mutated_json(told, share(150, 10_000), 2, whole=True))
    shown = 0
    for text in rightly_named(itertools.chain(mutated_json(SHIPPED, share(150, 10_000), 1), of_words)):
        try:
            bundle = parse_bundle(text, "model.json")
        except BundleError as error:
            assert "model.json" in str(error)
            continue
        shown += 1
        show(bundle)
    assert shown > 40


@pytest.mark.parametrize(
    ("training", "scores"),
    [
        ({"recipe": 7, "train": [], "validation": "x", "teacher": 5, "split": {}}, {"validation": {"micro": 3}}),
        ({"recipe": {"despeckled_below_db": "x"}, "train": {"chips": [1], "simulated_chips": "many"}}, {"x": {"countries": []}}),
        ({"train": {"chips": "abc", "countries": 4}}, {"cross_validation": {"micro": {"iou": 0.5, "iou_ci": [1], "chips": "x"}}}),
        ({}, {"cross_validation": {"micro": {"iou": "0.5"}, "countries": {"a": 1, "b": {"iou": [], "chips": {}}}, "metric": 4}}),
        ({}, {"share_error": {"spread": 10**400, "chips": 9}, "a\nb": {"mean_over_chips_iou": [], "note": {"a": 1}}}),
    ],
)  # fmt: skip
def test_words_and_figures_of_any_kind_make_a_card(training: dict[str, Any], scores: dict[str, Any]) -> None:
    shipped = parse_bundle(SHIPPED, "model.json")
    text = show(replace(shipped, training=training, scores=scores))
    assert "## Limits" in text and "Split: not recorded." in text


def test_the_card_of_the_shipped_model_is_as_it_was() -> None:
    text = show(parse_bundle(SHIPPED, "model.json"))
    assert "not recorded" not in text and "loss None" not in text
    assert "best epoch 30, seed" in text
    assert "| **all** |" in text and "Mean IoU over chips: 0." in text


def test_mutated_trees_are_refused_or_are_trees() -> None:
    text = threshold_trees(-19.0).encode()
    for data in mutated_bytes(text, share(400, 8_000), seed=5):
        try:
            parse_trees(data.decode("ascii", "replace"), "trees.txt")
        except BundleError as error:
            assert "trees.txt" in str(error)
    numbers = text.replace(b"leaf_value=", b"leaf_value=" + b"9" * 400 + b" ", 1).replace(
        b"num_leaves=66", b"num_leaves=67", 1
    )
    with pytest.raises(BundleError, match="is damaged"):
        parse_trees(numbers.replace(b"left_child=", b"left_child=99999999999999999999 ", 1).decode(), "trees.txt")
