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
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from dashboard.uploads.asking import OPTIONS, further_answers, looked_at
from dashboard.uploads.batch import Batch, Limits, Sent, no_room, require_room, too_large
from dashboard.uploads.grouping import Outcome, groups, in_their_words, kept_name, upload_of
from tiles.answers import NOTHING_SAID, Answers, answers_of
from tiles.catalog.live import LiveCatalog
from tiles.chip import Chip, ChipRecord
from tiles.claims import Claim, alone, sweep
from tiles.errors import (
    ChipError,
    ChipNotFoundError,
    EnoughError,
    Problem,
    StoreError,
    UploadError,
    UploadTooLargeError,
)
from tiles.files import write_whole
from tiles.layouts.names import Role, sent_as_mask
from tiles.layouts.uploads import CHIP, MARK, NAME, Upload, image_folders, read, read_upload, record_of
from tiles.reading.door import require_data
from tiles.reading.labels import LABEL_REFUSED
from tiles.scenes.windows import Scene
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
        self._stamps: dict[str, int] = {}  # of its chip.json, which changes where it is read otherwise
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
            stamps = {place.name: _stamp(place) for place in there}
            for name in [name for name in self._ids if stamps.get(name) != self._stamps.get(name)]:
                self._forget(name)
            self._stamps = stamps
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

    def answer(self, chip: str, said: Mapping[str, str]) -> tuple[ChipRecord, list[str]]:
        """Have an image that is kept read as is said now, whatever was said of it before.

        Args:
            chip: its id.
            said: answers by name, as `answers_of` takes them; what is not named stays as it is.

        Returns:
            Its record, and what is told of it.

        Raises:
            ChipNotFoundError: there is none of that id.
            UsageError: an answer is none.
            ChipError: it cannot be read so; it stays as it is.
        """
        new = answers_of(said)
        with self._lock, self._writing(), alone(self.folder / MARK):
            self.follow()
            record = next((r for r in self.records() if r.id == chip), None)
            upload = None if record is None or record.vv is None else read_upload(place := Path(record.vv.path).parent)
            if upload is None:
                raise ChipNotFoundError(f"No image {chip[:80]!r} was sent here, so none is read otherwise.")
            given = {name: getattr(new, name) for name in OPTIONS if said.get(name)}
            return self._read_as(place, replace(upload, answers=replace(upload.answers, **given)))

    def _read_as(self, place: Path, upload: Upload) -> tuple[ChipRecord, list[str]]:
        """Have the image of a folder read by other answers; raises ChipError where it cannot, and leaves it as it is."""
        sent = [Sent(name, place / file) for file, name in upload.called.items()]
        try:
            chip = self._checked(place, upload)
        except ChipError as error:
            raise ChipError(in_their_words(str(error), sent)).offering(*error.choices) from error
        upload = replace(upload, choices=further_answers(place, upload, chip))
        write_whole(place / CHIP, upload.to_json().encode())
        self._forget(place.name)
        record = self._added(place, upload)
        return record, [in_their_words(note, sent) for note in chip.notes]

    def _added(self, place: Path, upload: Upload) -> ChipRecord:
        """Take an image into the catalog, and return its record there."""
        record = self._catalog.change(lambda now: now.added([record_of(place, upload)])).records()[-1]
        self._ids[place.name], self._stamps[place.name] = record.id, _stamp(place)
        return record

    def upload(self, record: ChipRecord) -> Upload | None:
        """Return what is kept of an image beside its files; None where that is damaged."""
        assert record.vv is not None  # noqa: S101 - an upload has imagery
        return read_upload(Path(record.vv.path).parent)

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
            kept = read_upload(place)
            if kept is None or answers == kept.answers or not answers:
                raise UploadError(f"This image is there already, as {known}.")
            record, told = self._read_as(place, replace(kept, answers=answers))
            outcome.added.append(record)
            outcome.told[record.id] = ["This image was there already, and is read otherwise now.", *told]
            return
        scratch = next(iter(members.values())).path.parent / content
        scratch.mkdir()
        for role, sent in members.items():
            sent.path = sent.path.rename(scratch / kept_name(role))
        chip = self._checked(scratch, upload)
        upload = replace(upload, choices=further_answers(scratch, upload, chip))
        wanted, upload = upload.id, replace(upload, id=self._catalog.now.free_id(upload.id))
        (scratch / CHIP).write_text(upload.to_json(), encoding="utf-8")
        scratch.rename(place)
        outcome.added.append(self._added(place, upload))
        said = [f"Another chip is called {wanted}, so this one is {upload.id}."] if upload.id != wanted else []
        if "label" in members and sent_as_mask(members["label"].name):
            said.append(f"{members['label'].name} is taken for its truth, though a mask may be one of anything.")
        outcome.told[upload.id] = [*said, *(in_their_words(note, members.values()) for note in chip.notes)]

    def _checked(self, place: Path, upload: Upload) -> Chip | Scene:
        """Return the chip or scene of an upload; a label that cannot be used refuses it.

        Raises:
            ChipError: it cannot be used.
            UploadTooLargeError: it has too many pixels.
        """
        record = record_of(place, upload)
        if (record.width or 0) * (record.height or 0) > self.limits.pixels:
            raise UploadTooLargeError(
                f"{{file}} has {record.width:,} x {record.height:,} pixels, and {self.limits.pixels:,} are the most that are "
                "taken here: have it opened as a source (floodscope dashboard SOURCE), or send tiles of it.",
                file=record.vv.path if record.vv is not None else place,
            )
        chip = looked_at(record)
        if isinstance(chip, Chip):
            require_data(chip)
        if chip.label_problem is not None:
            raise ChipError(
                "The image is not taken, since its label cannot be used: {why}; or send it without the label.",
                why=Sentence(chip.label_problem).bare(LABEL_REFUSED),
            ).offering(*chip.choices)
        return chip


def _stamp(place: Path) -> int:
    """Return a number that changes with what is kept of an image beside its files; 0 where that is not there."""
    try:
        return (place / CHIP).stat().st_mtime_ns
    except OSError:
        return 0
