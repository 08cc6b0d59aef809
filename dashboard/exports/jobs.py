"""Exports that the page asks for: made in the background into a zip on disk, with progress, to be cancelled or fetched."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
import time
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dashboard.exports.files import CHOICES, write_takeaway
from model.export.package import ExportCancelledError
from model.store.store import key_of
from tiles.chip import ChipRecord
from tiles.errors import EnoughError, ExportNotFoundError, FloodscopeError, OutputError, StoreError, UsageError
from tiles.naming import plain_name
from tiles.probability import level
from tiles.sentences import Sentence, named

if TYPE_CHECKING:
    from dashboard.workspace.workspace import Workspace

State = Literal["predicting", "writing", "packing", "done", "failed", "cancelled"]

FOLDER = "exports"
AT_ONCE = 2
"""How many exports are made at the same time; each holds a thread and room on the disk."""
KEPT_S = 3600.0
"""How long a finished file waits to be fetched, in seconds."""

_RUNNING = frozenset({"predicting", "writing", "packing"})
_LONGEST_NAME = 120
_STORED = frozenset({".tif", ".parquet"})  # compressed already


@dataclass
class Export:
    """One export, as its thread fills it in and others read it.

    Attributes:
        id: 32 hex digits that nobody guesses.
        name: of the file that is fetched.
        state: what is being done, or how it ended.
        done, total: chips of the present state.
        message: why it failed.
        notes: what was left out, and why; chips that could not be predicted.
        size: bytes of the finished file.
        ended: when, by the monotonic clock.
    """

    id: str
    name: str
    state: State = "predicting"
    done: int = 0
    total: int = 0
    message: str = ""
    notes: list[str] = field(default_factory=list)
    size: int = 0
    ended: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        """Whether it is still being made."""
        return self.state in _RUNNING

    def payload(self) -> dict[str, Any]:
        """Return what the page is told."""
        shown = ("id", "name", "state", "done", "total", "message", "notes", "size", "running")
        return {name: getattr(self, name) for name in shown}


class Exports:
    """The exports of one dashboard."""

    def __init__(self, workspace: Workspace) -> None:
        """Begin with none: what an earlier server left is removed.

        Raises:
            StoreError: the folder of exports cannot be written.
        """
        self._workspace = workspace
        self._folder = workspace.settings.data / FOLDER
        self._exports: dict[str, Export] = {}
        self._lock = threading.Lock()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
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
        may_predict: bool = True,
    ) -> Export:
        """Begin an export.

        Args:
            spec: the model.
            threshold: smallest probability that is water, in [0, 1].
            formats: some of CHOICES.
            chips: ids of the chips; None takes all with imagery.
            may_predict: predict chips that are not predicted yet; else they are left out, and a note says so.

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
            if sum(export.running for export in self._exports.values()) >= AT_ONCE:
                raise EnoughError(f"{AT_ONCE} exports are being made at this moment: try again when one is done.")
            what = records[0].id if len(records) == 1 else f"{len(records)}-chips"
            name = plain_name(f"floodscope-{what}-{predictor.name}", _LONGEST_NAME) + ".zip"
            export = Export(secrets.token_hex(16), name, total=len(records))
            self._exports[export.id] = export
        arguments = (export, records, spec, threshold, tuple(formats), may_predict)
        threading.Thread(target=self._run, args=arguments, name="floodscope-export", daemon=True).start()
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
        path = self._zip(export)
        if export.state != "done" or not path.is_file():
            raise ExportNotFoundError("This export is not finished, or its file is gone: make it again.")
        return path

    def cancel(self, export_id: str) -> None:
        """Stop an export that is being made, and remove what there is of it; nothing where there is none."""
        export = self._exports.get(export_id)
        if export is None:
            return
        export.stop.set()
        if not export.running:
            self._zip(export).unlink(missing_ok=True)
            self._exports.pop(export_id, None)

    def _zip(self, export: Export) -> Path:
        return self._folder / f"{export.id}.zip"

    def _run(
        self,
        export: Export,
        records: list[ChipRecord],
        spec: str,
        threshold: float,
        formats: tuple[str, ...],
        may_predict: bool,
    ) -> None:
        folder = self._folder / export.id
        try:
            self._make(export, folder, records, spec, threshold, formats, may_predict)
        except ExportCancelledError:
            export.state = "cancelled"
        except FloodscopeError as error:
            export.message, export.state = str(error), "failed"
        except OSError as error:
            export.message = (
                f"The export could not be written ({error.strerror}): free some space on the server's disk."
            )
            export.state = "failed"
        except Exception as error:  # a thread of its own: nobody else would tell
            export.message = Sentence.foreign(f"{type(error).__name__}: {error} (a defect of floodscope)")
            export.state = "failed"
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if export.state != "done":
                self._zip(export).unlink(missing_ok=True)
            export.ended = time.monotonic()

    def _make(
        self,
        export: Export,
        folder: Path,
        records: list[ChipRecord],
        spec: str,
        threshold: float,
        formats: tuple[str, ...],
        may_predict: bool,
    ) -> None:
        store, predictor = self._workspace.store, self._workspace.predictor(spec)
        failed = self._predict(export, records, spec) if may_predict else []
        stored = store.fresh(records, key_of(predictor))
        if not may_predict:
            failed = [
                (r.id, "not predicted yet, and you may not have it predicted here.")
                for r in records
                if r.id not in stored
            ]
        export.notes = [f"{chip}: {named(message)}" for chip, message in failed]
        chosen = [(record, stored[record.id]) for record in records if record.id in stored]
        if not chosen:
            raise OutputError(failed[0][1] if failed else "None of these chips could be predicted.")
        export.state, export.done, export.total = "writing", 0, len(chosen)

        def tick(done: int, total: int) -> None:
            export.done, export.total = done, total

        written = write_takeaway(
            folder,
            chosen,
            predictor,
            store,
            threshold,
            formats,
            failed=failed,
            tick=tick,
            stop=export.stop.is_set,
        )
        export.notes = [*written.notes, *export.notes]
        export.state, export.done, export.total = "packing", 0, len(written.files)
        self._pack(export, folder)
        export.size = self._zip(export).stat().st_size
        export.state = "done"

    def _predict(self, export: Export, records: list[ChipRecord], spec: str) -> list[tuple[str, str]]:
        """Predict what is not predicted yet, and return the ids of the chips that could not be, each with the reason."""
        job = self._workspace.inference.predict_all(records, self._workspace.predictor(spec))
        while not job.wait(0.1):
            progress = job.snapshot()
            export.done = progress.skipped + progress.done + progress.failed
            if export.stop.is_set():
                job.cancel()
        _give_up(export)
        return list(job.failed.items())

    def _pack(self, export: Export, folder: Path) -> None:
        """Put the files into the zip one after another, each removed when it is in."""
        with zipfile.ZipFile(self._zip(export), "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                _give_up(export)
                kind = zipfile.ZIP_STORED if path.suffix in _STORED else zipfile.ZIP_DEFLATED
                archive.write(
                    path, f"{Path(export.name).stem}/{path.relative_to(folder).as_posix()}", compress_type=kind
                )
                path.unlink()
                export.done += 1

    def _prune(self) -> None:
        """Forget exports that ended long ago, and their files. The lock is held."""
        for export in list(self._exports.values()):
            if export.ended is not None and time.monotonic() - export.ended > KEPT_S:
                self._zip(export).unlink(missing_ok=True)
                del self._exports[export.id]

    def _sweep(self) -> None:
        """Remove what is older than an export may wait: another server may share this folder."""
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > 2 * KEPT_S:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _give_up(export: Export) -> None:
    if export.stop.is_set():
        raise ExportCancelledError("The export was cancelled.")
