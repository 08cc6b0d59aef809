"""The images that were sent: checked as every other chip, kept as a catalog of their own, removable.

Nothing of a name that was sent becomes a path: a chip's folder is called after its content. What is refused leaves nothing
behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dashboard.uploads.batch import Batch, Limits, Sent, no_room, require_room, too_large
from dashboard.uploads.grouping import Outcome, groups, in_their_words, kept_name, upload_of
from model.inference.ahead import load_chip
from tiles.answers import NOTHING_SAID, Answers
from tiles.catalog.live import LiveCatalog
from tiles.chip import ChipRecord
from tiles.claims import Claim, alone, sweep
from tiles.errors import (
    ChipError,
    ChipNotFoundError,
    EnoughError,
    Problem,
    StoreError,
    UploadError,
)
from tiles.layouts.names import Role, sent_part
from tiles.layouts.uploads import CHIP, MARK, NAME, image_folders, read, read_upload, record_of
from tiles.reading.labels import LABEL_REFUSED
from tiles.sentences import Sentence

FOLDER = "uploads"
_INCOMING = ".incoming-"
_RECEIVED_AT_ONCE = 4


class Uploads:
    """The images that were sent to one data folder, and their place in a running dashboard's catalog."""

    def __init__(self, data: Path, catalog: LiveCatalog, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        """Open the folder, and take its chips into the catalog.

        Raises:
            StoreError: the folder cannot be written or read.
        """
        self.folder = data / FOLDER
        self.limits = limits
        self._catalog = catalog
        self._lock = threading.RLock()
        self._receiving: dict[Batch, int] = {}  # those that come in, and how many bytes were announced
        self._ids: dict[str, str] = {}  # by the folder of an image; "" where it is not sound
        try:
            data.mkdir(parents=True, exist_ok=True)
            with self._writing():
                sweep(self.folder, _INCOMING)
        except OSError as error:
            raise self._unwritable(error) from error
        self.follow()

    def follow(self) -> None:
        """Take into the catalog what another server has added to the folder, and out of it what is not there any more.

        Where the folder is gone as a whole, as on a disk that is taken off, all stays as it was.
        """
        with self._lock:
            try:
                there = image_folders(self.folder)
            except OSError:
                return
            names = {place.name for place in there}
            for name in set(self._ids) - names:
                self._forget(name)
            new = [place for place in there if place.name not in self._ids]
            if new:
                found = read(self.folder, new)
                self._catalog.change(lambda now: now.added(found.records, found.problems))
                self._ids |= {place.name: "" for place in new}
                self._ids |= {Path(r.vv.path).parent.name: r.id for r in self.records() if r.vv is not None}

    def records(self) -> list[ChipRecord]:
        """Return the images that were sent, as they are in the catalog."""
        source = str(self.folder)
        return [r for r in self._catalog.now.records() if r.layout == NAME and r.source == source]

    @contextlib.contextmanager
    def receiving(self, announced: int | None) -> Iterator[Batch]:
        """Give a batch that files can be written to; whatever is not kept at the end is removed.

        Args:
            announced: how many bytes will come, where that is known.

        Raises:
            UploadTooLargeError: they are more than is taken in, or than there is room for.
            EnoughError: several batches are coming in already.
        """
        if announced is not None and announced > self.limits.batch_bytes:
            raise too_large(self.limits)
        with self._lock:
            if len(self._receiving) >= _RECEIVED_AT_ONCE:
                raise EnoughError("Several people are sending images at this moment: try again in a minute.")
            try:
                with self._writing():
                    coming = sum(max(0, size - batch.received) for batch, size in self._receiving.items())
                    require_room(self.folder, self.limits, coming + (announced or 0))
                    claim = Claim(self.folder, _INCOMING)
            except OSError as error:
                raise self._unwritable(error) from error
            batch = Batch(claim.folder, self.limits)
            self._receiving[batch] = announced or 0
        try:
            yield batch
        except OSError as error:
            raise no_room(error) from error
        finally:
            claim.close()
            with self._lock:
                del self._receiving[batch]

    def keep(self, batch: Batch, answers: Answers = NOTHING_SAID) -> Outcome:
        """Check the chips of a batch, and take in those that are good.

        Args:
            batch: the files.
            answers: what their sender says of all of them.

        Raises:
            UploadError: no file was sent.
        """
        if not batch.files:
            raise UploadError("No file was sent: drop a VV and a VH GeoTIFF, or one with both bands.")
        outcome = Outcome()
        # An id is one image's, whichever of the servers that share the folder gives it.
        with self._lock, self._writing(), alone(self.folder / MARK):
            self.follow()
            for key, members in groups(batch.files, outcome):
                try:
                    self._take(key, members, answers, outcome)
                except (ChipError, UploadError) as error:
                    problem = Problem.of(error, key, (member.name for member in members.values()))
                    words = in_their_words(problem.message, members.values())
                    outcome.refused.append(replace(problem, message=words))
        return outcome

    def remove(self, chip: str) -> ChipRecord:
        """Remove an image that was sent: from the catalog and from the disk.

        Raises:
            ChipNotFoundError: there is none of that id; chips of other sources are never removed.
        """
        with self._lock:
            record = next((r for r in self.records() if r.id == chip), None)
            if record is None or record.vv is None:
                raise ChipNotFoundError(f"No image {chip[:80]!r} was sent here, so none is removed.")
            place = Path(record.vv.path).parent
            try:
                gone = place.rename(
                    self.folder / f"{_INCOMING}{secrets.token_hex(8)}"
                )  # at once, however long the rest takes
                shutil.rmtree(gone, ignore_errors=True)
            except FileNotFoundError:  # somebody else removed it
                pass
            except OSError as error:
                raise self._unwritable(error) from error
            self._forget(place.name)
        return record

    def _forget(self, name: str) -> None:
        """Take the image of a folder out of the catalog."""
        chip = self._ids.pop(name, "")
        if chip in self._catalog.now:
            self._catalog.change(lambda now: now.without(chip))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Have the folder there, made again where somebody removed it, but for the data folder that it lies in."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / MARK).touch()
        yield

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{{file}} cannot be written ({error.strerror}): give write permission to it, put it back, or choose another "
            "--data.",
            file=self.folder,
        )

    def names(self, record: ChipRecord) -> list[str]:
        """Return what an image's files were called by who sent them."""
        assert record.vv is not None  # noqa: S101 - an upload has imagery
        upload = read_upload(Path(record.vv.path).parent)
        return list(upload.names) if upload else []

    def _take(self, key: str, members: dict[Role, Sent], answers: Answers, outcome: Outcome) -> None:
        """Check one chip, headers and pixels, and take it in; a label that cannot be used refuses the chip.

        Raises:
            ChipError: its files cannot be used; the message names them as they lie here.
            UploadError: they cannot be taken in.
        """
        if len(self.records()) >= self.limits.chips:
            raise UploadError(f"{self.limits.chips} images are kept already, which is the most: remove some first.")
        upload = upload_of(key, members, answers)
        content = hashlib.sha256("".join(f"{r}{m.digest}" for r, m in sorted(members.items())).encode()).hexdigest()[
            :24
        ]
        place = self.folder / content
        if place.exists():
            known = next((r.id for r in self.records() if r.vv and Path(r.vv.path).parent == place), key)
            raise UploadError(f"This image is there already, as {known}.")
        scratch = next(iter(members.values())).path.parent / content
        scratch.mkdir()
        for role, sent in members.items():
            sent.path = sent.path.rename(scratch / kept_name(role))
        chip = load_chip(record_of(scratch, upload)).chip
        if chip.label_problem is not None:
            raise ChipError(
                "The image is not taken, since its label cannot be used: {why}; or send it without the label.",
                why=Sentence(chip.label_problem).bare(LABEL_REFUSED),
            ).offering(*chip.choices)
        wanted, upload = upload.id, replace(upload, id=self._catalog.now.free_id(upload.id))
        (scratch / CHIP).write_text(upload.to_json(), encoding="utf-8")
        scratch.rename(place)
        record = record_of(place, upload)
        outcome.added.append(self._catalog.change(lambda now: now.added([record])).records()[-1])
        self._ids[content] = outcome.added[-1].id
        said = [f"Another chip is called {wanted}, so this one is {upload.id}."] if upload.id != wanted else []
        if "label" in members and sent_part(members["label"].name).role == "mask":
            said.append(f"{members['label'].name} is taken for its truth, though a mask may be one of anything.")
        outcome.told[upload.id] = [*said, *(in_their_words(note, members.values()) for note in chip.notes)]
