"""Thumbnails of chips, drawn when a list comes to them and kept in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiles.cache import BoundedCache
from tiles.chip import ChipRecord
from tiles.drawing.thumbnail import blank, composite_thumbnail, scene_scores, scene_thumbnail, score_thumbnail
from tiles.errors import LayerNotFoundError
from tiles.reading.door import read_chip
from tiles.scenes.windows import is_scene

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

_CACHE_MB = 48


class _NotYet(Exception):  # noqa: N818 - nothing is wrong
    """A scene holds no overviews, or its label was not looked at: it is drawn once it was opened."""


class Thumbnails:
    """The thumbnails of a workspace's chips. Methods may be called from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pictures: BoundedCache[bytes] = BoundedCache(_CACHE_MB << 20, len)

    def picture(self, kind: str, chip_id: str, revision: str) -> tuple[bytes, bool]:
        """Return a PNG, and whether it stays what it is: of a scene that cannot be drawn yet it is a picture of nothing.

        Args:
            kind: composite or scores.
            chip_id: a chip of the catalog.
            revision: of the image, or for scores of the prediction; what is answered under it never changes.

        Raises:
            LayerNotFoundError: there is no such kind, or the image has another revision now.
            ChipNotFoundError: there is no such chip.
            ChipError: the chip's files cannot be used.
            StoreError: the prediction is not there.
        """
        record = self._workspace.catalog.get(chip_id).now()
        if kind not in {"composite", "scores"}:
            raise LayerNotFoundError(f"There is no thumbnail {kind[:40]!r}: it is composite or scores.")
        if kind == "composite" and revision != record.revision():
            raise LayerNotFoundError(f"The image of {chip_id} has no revision {revision[:20]!r} now: reload the page.")

        scene = is_scene(record)

        def draw() -> bytes:
            if scene:
                return self._of_scene(kind, record, revision)
            # Not through the tile service's cache of chips: a long list would push the open chip out of it.
            chip = read_chip(record, with_label=kind == "scores", with_ancillary=False)
            if kind == "composite":
                return composite_thumbnail(chip)
            return score_thumbnail(chip, self._workspace.stored.probability(record, revision))

        try:
            return self._pictures.get((kind, chip_id, record.revision(), revision), draw), True
        except _NotYet:
            return blank(), False

    def _of_scene(self, kind: str, record: ChipRecord, revision: str) -> bytes:
        """Return a scene's thumbnail, from overviews that are there: nothing is made for a list."""
        image, label, settled = self._workspace.scenes.at_hand(record)
        if kind == "composite":
            if image is None:
                raise _NotYet
            return scene_thumbnail(image)
        if not settled:
            raise _NotYet
        return scene_scores(self._workspace.stored.levels(record, revision)[0], label)
