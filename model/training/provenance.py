"""Which chips a bundle names as seen: those that it was trained and calibrated on, and those of the model it went on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.bundle.manifest import Bundle, attach_list, read_bundle
from model.seen.chips import NOTHING, Part, SeenChips, read_seen_chips, seen_chips
from model.training.card import write_card
from model.training.dataset import ChipCache
from tiles.chip import ChipRecord
from tiles.content import content_of
from tiles.errors import UsageError
from tiles.reading.door import read_chip

_UNTOLD = SeenChips(complete=False)


def chips_of_training(
    train: Sequence[ChipRecord],
    validation: Sequence[ChipRecord],
    cache: ChipCache,
    *,
    init: Path | None = None,
    calibrated_on: SeenChips | None = NOTHING,
) -> SeenChips:
    """Return what a finished training has seen.

    Args:
        train: chips whose pixels were learned from.
        validation: chips that an epoch, the temperature and the threshold were chosen by.
        cache: through which both were read.
        init: the bundle that training went on from; what it has seen is seen. Where it does not tell, the list is not complete.
        calibrated_on: chips of a calibration from elsewhere; None where it does not tell.
    """
    found = seen_chips(((r, cache.content(r)) for r in train), "training")
    found = found.with_more(seen_chips(((r, cache.content(r)) for r in validation), "calibration"))
    if init is not None:
        found = found.with_more(read_seen_chips(init, read_bundle(init, verify=False)) or _UNTOLD)
    return found.with_more(_UNTOLD if calibrated_on is None else calibrated_on)


def name_chips(path: Path, records: Sequence[ChipRecord]) -> tuple[Bundle, SeenChips]:
    """Write the list of chips into the folder of a bundle that was trained before there were lists; its id becomes another.

    Model.json of such a bundle names its real chips, and counts the simulated ones. Those of the model that it went on from
    have to be among them, which model.json does not tell: give all sources that either was trained on.

    Args:
        path: the bundle's folder.
        records: of the sources that it was trained on: the real chips that it names are taken, and every simulated one.

    Returns:
        The bundle as it was written, and its list.

    Raises:
        UsageError: a chip that model.json names is not among `records`, or there are not as many simulated ones.
        BundleError, ChipError: the bundle or a chip cannot be read.
    """
    bundle = read_bundle(path)
    parts: tuple[tuple[str, Part], ...] = (("train", "training"), ("validation", "calibration"))
    noted = {key: bundle.training.get(key) for key, _ in parts}
    if not any(isinstance(part, Mapping) for part in noted.values()):
        raise UsageError(f"{path}/model.json does not say what it was trained on, so no chips can be named for it.")
    found = NOTHING
    by_id = {record.id: record for record in records if record.has_imagery and not record.simulated}
    simulated = [record for record in records if record.has_imagery and record.simulated]
    for key, part in parts:
        names, count = _names(noted[key])
        missing = [name for name in names if name not in by_id]
        if missing:
            raise UsageError(
                f"{path} was trained on {len(missing)} chip(s) that are in no SOURCE, as {missing[0]}: give all sources that it "
                "was trained on."
            )
        found = found.with_more(_read([by_id[name] for name in names], part))
        if count:
            if count != len(simulated):
                raise UsageError(
                    f"{path} was trained on {count} simulated chips, but the SOURCEs hold {len(simulated)}: give the folder "
                    "that it was trained on, and no other simulated one."
                )
            found = found.with_more(_read(simulated, part))
    written = attach_list(path, bundle, found.to_bytes())
    write_card(path, written, None)
    return written, found


def _names(noted: Any) -> tuple[list[str], int]:
    """Return the real chips that one part of model.json's training names, and how many simulated ones it counts."""
    if not isinstance(noted, Mapping):
        return [], 0
    names, count = noted.get("chips"), noted.get("simulated_chips")
    return [str(name) for name in names] if isinstance(names, list) else [], count if isinstance(count, int) else 0


def _read(records: Sequence[ChipRecord], part: Part) -> SeenChips:
    read = ((r, content_of(read_chip(r, with_label=False, with_ancillary=False))) for r in records)
    return seen_chips(read, part)
