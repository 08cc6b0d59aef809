"""Exports that the page asks for: made in the background into a zip on disk, with progress, to be cancelled or fetched."""

from __future__ import annotations

import shutil
import threading
import time
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.exports.files import write_takeaway
from dashboard.exports.parts import parts_of
from model.export.formats import CHOICES
from model.inference.job import Job
from model.predictors.protocol import Predictor
from model.store.prediction import Prediction
from model.store.store import key_of
from tiles.chip import ChipRecord
from tiles.claims import Claim, sweep
from tiles.errors import EnoughError, ExportNotFoundError, OutputError, Problem, StoreError, UsageError
from tiles.files import unwritable
from tiles.naming import plain_name
from tiles.probability import level
from tiles.sentences import named

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

FOLDER = "exports"
AT_ONCE = 2
"""How many exports are made at the same time; each holds a thread and room on the disk."""
KEPT_S = 3600.0
"""How long a finished file waits to be fetched, in seconds."""

KEPT_BYTES = 4 << 30
"""How much finished files hold together: of more, the oldest go, but for the newest."""
SPARE_BYTES = 1 << 30
"""Room on the disk that is left alone."""

_MAY_NOT = "not predicted yet, and you may not have it predicted here."
_NOT_ASKED = "not predicted yet, and only what is predicted was asked for."
_OURS = "server-"
_LONGEST_NAME = 120
_STORED = frozenset({".tif", ".parquet"})  # compressed already


@dataclass
class Export:
    """One export, as its thread fills it in and others read it.

    Attributes:
        job: makes it: predicts, writes and packs, one after another. Nobody guesses its name, which is the export's id.
        name: of the file that is fetched.
        zip: where that file lies when it is finished.
        notes: what was left out, and why; chips that could not be predicted.
        size: bytes of the finished file.
    """

    job: Job
    name: str
    zip: Path
    notes: list[str] = field(default_factory=list)
    size: int = 0

    def payload(self) -> dict[str, object]:
        """Return what the page is told."""
        progress = self.job.snapshot()
        return {
            "id": self.job.name,
            "name": self.name,
            "state": progress.state,
            "done": progress.ready,
            "total": progress.total,
            "message": progress.message,
            "notes": self.notes,
            "size": self.size,
            "running": progress.running,
        }


class Exports:
    """The exports of one dashboard."""

    def __init__(self, workspace: Workspace) -> None:
        """Begin with none: what an earlier server left is removed.

        Raises:
            StoreError: the folder of exports cannot be written.
        """
        self._workspace = workspace
        workspace.at_close(self._close)
        self._folder = workspace.settings.data / FOLDER
        self._exports: dict[str, Export] = {}
        self._lock = threading.Lock()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            sweep(self._folder, _OURS)
            self._claim = Claim(self._folder, _OURS)
        except OSError as error:
            raise StoreError(
                f"{{file}} cannot be written ({error.strerror}): give write permission to it.",
                file=self._folder,
            ) from error

    def begin(
        self,
        spec: str,
        threshold: float,
        formats: Collection[str],
        chips: Sequence[str] | None,
        *,
        predict: bool = True,
        may_predict: bool = True,
    ) -> Export:
        """Begin an export.

        Args:
            spec: the model.
            threshold: smallest probability that is water, in [0, 1].
            formats: some of CHOICES.
            chips: ids of the chips; None takes all with imagery.
            predict: predict chips that are not predicted yet; else they are left out, and a note says so. Of a scene that is
                predicted in part there is that part.
            may_predict: whether whoever asks may have chips predicted.

        Raises:
            UsageError: no chip, no such format, or no such threshold.
            ChipNotFoundError: a chip is not in the catalog.
            ModelError: the model is not on offer or cannot be opened.
            EnoughError: several exports are being made already.
        """
        level(threshold)
        unknown = [name for name in formats if name not in CHOICES]
        if unknown or not formats:
            raise UsageError(f"Choose what to take away: some of {', '.join(CHOICES)}.")
        catalog = self._workspace.catalog
        records = catalog.usable() if chips is None else [catalog.get(chip) for chip in dict.fromkeys(chips)]
        records = [record for record in records if record.has_imagery]
        if not records:
            raise UsageError("None of these chips has imagery that can be used, so there is nothing to take away.")
        predictor = self._workspace.predictor(spec)
        with self._lock:
            self._prune()
            if sum(export.job.running for export in self._exports.values()) >= AT_ONCE:
                raise EnoughError(f"{AT_ONCE} exports are being made at this moment: try again when one is done.")
            what = records[0].id if len(records) == 1 else f"{len(records)}-chips"
            name = plain_name(f"floodscope-{what}-{predictor.name}", _LONGEST_NAME) + ".zip"
            job = Job(record.id for record in records)
            export = Export(job, name, self._place() / f"{job.name}.zip")
            wish = (
                records,
                predictor,
                threshold,
                tuple(formats),
                _NOT_ASKED if not predict else "" if may_predict else _MAY_NOT,
            )
            self._exports[job.name] = export
            job.start(lambda: self._make(export, *wish), "floodscope-export", "predicting")
        return export

    def get(self, export_id: str) -> Export:
        """Return an export.

        Raises:
            ExportNotFoundError: there is none of that id.
        """
        try:
            return self._exports[export_id]
        except KeyError:
            raise ExportNotFoundError("This export is not there any more: make it again.") from None

    def file(self, export_id: str) -> Path:
        """Return the finished file of an export.

        Raises:
            ExportNotFoundError: there is none.
        """
        export = self.get(export_id)
        if export.job.snapshot().state != "done" or not export.zip.is_file():
            raise ExportNotFoundError("This export is not finished, or its file is gone: make it again.")
        return export.zip

    def cancel(self, export_id: str) -> None:
        """Stop an export that is being made, and remove what there is of it; nothing where there is none."""
        export = self._exports.get(export_id)
        if export is None:
            return
        export.job.cancel()
        if not export.job.running:
            export.zip.unlink(missing_ok=True)
            self._exports.pop(export_id, None)

    def _make(
        self,
        export: Export,
        records: list[ChipRecord],
        predictor: Predictor,
        threshold: float,
        formats: tuple[str, ...],
        why_not: str,
    ) -> None:
        """Make an export, in the thread of its job; nothing is left of one that fails or is cancelled.

        Chips that are not predicted yet are predicted first, unless there is a reason why not.
        """
        folder = export.zip.with_suffix("")
        try:
            stored, failed = self._predicted(export.job, records, predictor, why_not)
            store, tick = self._workspace.store, export.job.reach
            parts = parts_of((record for record in records if record.id not in stored), predictor, store)
            if why_not:  # of what is not to be predicted the part that there is says enough
                failed = [one for one in failed if one.name not in {part.record.id for part in parts}]
            export.notes = [f"{one.name}: {named(one.message)}" for one in failed]
            chosen = [(record, stored[record.id]) for record in records if record.id in stored]
            if not chosen and not parts:
                raise OutputError(failed[0].message if failed else "None of these chips could be predicted.")  # noqa: TRY301
            export.job.begin("writing", stored)
            written = write_takeaway(
                folder, chosen, predictor, store, threshold, formats, parts=parts, failed=failed, tick=tick
            )
            export.notes = [*written.notes, *export.notes]
            _pack(export, folder)
            export.size = export.zip.stat().st_size
        except BaseException as error:
            export.zip.unlink(missing_ok=True)
            if isinstance(error, OSError):
                what = f"The export could not be written ({error.strerror}): free some space on the server's disk."
                raise OutputError(what) from error
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _predicted(
        self, job: Job, records: list[ChipRecord], predictor: Predictor, why_not: str
    ) -> tuple[dict[str, Prediction], list[Problem]]:
        """Return what is predicted of some chips, now if it has to be, and why the others are not."""
        failed: list[Problem] = []
        if not why_not:
            predicting = self._workspace.inference.predict_all(records, predictor)
            try:
                while not predicting.wait(0.1):
                    progress = predicting.snapshot()
                    job.reach(progress.steps_ready, progress.steps)
            finally:
                predicting.cancel()
                predicting.wait()
            job.require_wanted()
            failed = list(predicting.failed.values())
        stored = self._workspace.store.fresh(records, key_of(predictor))
        if why_not:
            failed = [Problem(record.id, why_not) for record in records if record.id not in stored]
        return stored, failed

    def _prune(self) -> None:
        """Forget exports that ended long ago, and the oldest of more than are kept, with their files. The lock is held."""
        ended = {name: one.job.ended for name, one in self._exports.items() if one.job.ended is not None}
        newest_first = sorted(ended, key=lambda name: ended[name] or 0.0, reverse=True)
        kept = 0
        for name in newest_first:
            export = self._exports[name]
            kept += export.size
            if time.monotonic() - (ended[name] or 0.0) > KEPT_S or (kept > KEPT_BYTES and name != newest_first[0]):
                export.zip.unlink(missing_ok=True)
                del self._exports[name]

    def _place(self) -> Path:
        """Return this server's own folder, made again where somebody removed it.

        Raises:
            OutputError: there is no room, or the folder cannot be written.
        """
        try:
            if not self._claim.folder.is_dir():
                self._folder.mkdir(exist_ok=True)
                self._claim = Claim(self._folder, _OURS)
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            raise unwritable(self._folder, error) from error
        if free < SPARE_BYTES:
            raise OutputError(
                f"The server's disk has less than {SPARE_BYTES >> 20} MiB left, so nothing is made to take away: free some space."
            )
        return self._claim.folder

    def _close(self) -> None:
        for export in list(self._exports.values()):
            export.job.cancel()
        self._claim.close()


def _pack(export: Export, folder: Path) -> None:
    """Put the files into the zip one after another, each removed when it is in."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    with zipfile.ZipFile(export.zip, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name in export.job.each(files, "packing"):
            kind = zipfile.ZIP_STORED if files[name].suffix in _STORED else zipfile.ZIP_DEFLATED
            archive.write(files[name], f"{Path(export.name).stem}/{name}", compress_type=kind)
            files[name].unlink()
