"""Thumbnails of chips, drawn when a list comes to them and kept in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tiles.cache import BoundedCache
from tiles.drawing.thumbnail import composite_thumbnail, score_thumbnail
from tiles.errors import LayerNotFoundError
from tiles.reading.door import read_chip

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

_CACHE_MB = 48


class Thumbnails:
    """The thumbnails of a workspace's chips. Methods may be called from several threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pictures: BoundedCache[bytes] = BoundedCache(_CACHE_MB << 20, len)

    def picture(self, kind: str, chip_id: str, revision: str) -> bytes:
        """Return a PNG.

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

        def draw() -> bytes:
            # Not through the tile service's cache of chips: a long list would push the open chip out of it.
            chip = read_chip(record, with_label=kind == "scores", with_ancillary=False)
            if kind == "composite":
                return composite_thumbnail(chip)
            return score_thumbnail(chip, self._workspace.stored.probability(record, revision))

        return self._pictures.get((kind, chip_id, record.revision(), revision), draw)
