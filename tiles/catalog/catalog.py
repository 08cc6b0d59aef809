"""The catalog: every chip that the sources know, as records and as a GeoDataFrame (GeoParquet on disk)."""

from __future__ import annotations

import bisect
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tiles.answers import NOTHING_SAID, Answers
from tiles.cache import uncollected
from tiles.catalog.kept import kept_reading
from tiles.catalog.moving import relative
from tiles.catalog.rows import COLUMNS, read_rows, row_of
from tiles.chip import ChipRecord
from tiles.errors import ChipNotFoundError, Problem, SourceError
from tiles.files import replacing, unwritable
from tiles.layouts import addresses, safe
from tiles.layouts.endings import cause, known_ending, packed_in
from tiles.layouts.folder import TIFF_ENDINGS, Reading
from tiles.layouts.known import LAYOUTS
from tiles.layouts.names import part_of
from tiles.layouts.nested import left_below, read_below
from tiles.layouts.pairing import labelled
from tiles.layouts.products import address_refusal, product_refusal, products_in
from tiles.naming import apart
from tiles.reading.headers import answered
from tiles.reading.sniff import is_utf8
from tiles.sentences import shown

if TYPE_CHECKING:
    import geopandas as gpd


_NEAR = 40
"""So many ids on either side of an unknown one are looked at, to say which was meant."""


class Catalog:
    """The chips of one or several sources, in the order of the sources. It never changes (`LiveCatalog` does).

    Two chips of one id are told apart: the second `X` becomes `X-` and 8 hex digits made of its folder's and its files'
    names, so that it is called the same whatever else is there. The same chip given twice, as by a catalog and by its
    folder, is one.
    """

    def __init__(self, records: Iterable[ChipRecord], problems: Iterable[Problem] = ()) -> None:
        """Make a catalog.

        Args:
            records: the chips.
            problems: of what belongs to no chip, by the names of files.
        """
        self._problems = list(problems)
        self.version = uuid.uuid4().hex[:12]
        """What no other catalog has."""
        self._records: dict[str, ChipRecord] = {}
        given: set[tuple[object, ...]] = set()
        for record in records:
            files = (record.vv, record.vh, record.problem)
            made_of = (record.source, *(files if any(files) else (record.id,)))
            if made_of in given:
                continue
            given.add(made_of)
            if record.id not in self._records:
                self._records[record.id] = record
                continue
            name, first = self._told_apart(record), self._records[record.id]
            self._records[record.id], other = _with_folders(first, record)
            self._records[name] = replace(other, id=name)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, chip_id: object) -> bool:
        return chip_id in self._records

    def _told_apart(self, record: ChipRecord) -> str:
        """Return the id of a chip whose own another one has: of its folder's name, else of its whole path."""
        for folder in (Path(record.source).name, record.source):
            name = apart(record.id, f"{folder}/{record.file or record.split}")
            if name not in self._records:
                return name
        return self.free_id(record.id)

    def free_id(self, wanted: str) -> str:
        """Return the id that a further chip gets: the one wanted, or where it is taken the next of `X-2`, `X-3`, ..."""
        name, number = wanted, 2
        while name in self._records:
            name, number = f"{wanted}-{number}", number + 1
        return name

    def added(self, records: Iterable[ChipRecord], problems: Iterable[Problem] = ()) -> Catalog:
        """Return the catalog with further chips behind its own, each under the first free id, and further problems."""
        catalog = Catalog((), [*self._problems, *problems])
        catalog._records.update(self._records)
        for record in records:
            name = catalog.free_id(record.id)
            catalog._records[name] = replace(record, id=name)
        return catalog

    def mapped(self, change: Callable[[ChipRecord], ChipRecord]) -> Catalog:
        """Return the catalog with what a function makes of each record, its id aside; itself where it makes nothing of any."""
        changed = {name: change(record) for name, record in self._records.items()}
        if all(changed[name] is record for name, record in self._records.items()):
            return self
        catalog = Catalog((), self._problems)
        catalog._records.update(changed)
        return catalog

    def without(self, chip_id: str) -> Catalog:
        """Return the catalog without a chip.

        Raises:
            ChipNotFoundError: no chip has that id.
        """
        gone, catalog = self.get(chip_id).id, Catalog((), self._problems)
        catalog._records.update((name, record) for name, record in self._records.items() if name != gone)
        return catalog

    def records(self) -> list[ChipRecord]:
        """Return all records."""
        return list(self._records.values())

    def usable(self) -> list[ChipRecord]:
        """Return the records that have imagery, as far as the headers tell."""
        return [r for r in self._records.values() if r.has_imagery]

    def problems(self) -> list[Problem]:
        """Return why files cannot be used, by chip id or file name."""
        return self._problems + [
            Problem(r.id, text)
            for r in self._records.values()
            for text in (r.problem, r.label_problem, r.ancillary_problem)
            if text is not None
        ]

    def get(self, chip_id: str) -> ChipRecord:
        """Return one record.

        Raises:
            ChipNotFoundError: no chip has that id.
        """
        try:
            return self._records[chip_id]
        except KeyError:
            import difflib  # noqa: PLC0415

            near = difflib.get_close_matches(chip_id[:80], self._neighbours(chip_id[:80]), n=1)
            hint = f"did you mean {near[0]}?" if near else "`floodscope catalog show SOURCE` lists the ids."
            raise ChipNotFoundError(f"No chip {chip_id[:80]!r} is in the catalog: {hint}") from None

    def _neighbours(self, name: str) -> list[str]:
        """Return the ids that begin or end most like a name: comparing it with every one takes seconds of many chips."""
        found: dict[str, None] = {}
        for ids, key in zip(self._by_ends, (name, name[::-1]), strict=True):
            at = bisect.bisect(ids, key)
            found |= dict.fromkeys(
                i if ids is self._by_ends[0] else i[::-1] for i in ids[max(0, at - _NEAR) : at + _NEAR]
            )
        return list(found)

    @cached_property
    def _by_ends(self) -> tuple[list[str], list[str]]:
        """The ids in order of their beginnings, and written backwards in order of their ends."""
        return sorted(self._records), sorted(i[::-1] for i in self._records)

    def filter(self, *, country: str | None = None, event: str | None = None, split: str | None = None) -> Catalog:
        """Return the catalog of the chips that match every value given."""
        wanted = {"country": country, "event": event, "split": split}
        chosen = (r for r in self._records.values() if all(v is None or getattr(r, k) == v for k, v in wanted.items()))
        return Catalog(chosen, self._problems)

    @cached_property
    def frame(self) -> gpd.GeoDataFrame:
        """The catalog as a GeoDataFrame in EPSG:4326, one row a chip; `geometry` is None where no footprint is known."""
        import geopandas as gpd  # noqa: PLC0415  (a second to import; commands that list nothing need not pay)

        rows = [row_of(record) for record in self._records.values()]
        return gpd.GeoDataFrame(rows, columns=list(COLUMNS), geometry="geometry", crs="EPSG:4326")

    def to_parquet(self, path: Path) -> None:
        """Write the catalog as GeoParquet; a file of that name is replaced whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part:
                relative(self.frame, path.absolute().parent).to_parquet(part, index=False)
        except OSError as error:
            raise unwritable(path, error) from error

    @classmethod
    def from_parquet(cls, path: Path) -> Catalog:
        """Read a catalog that `to_parquet` wrote. A row that is no chip is told among the problems.

        Raises:
            SourceError: the file is not such a catalog, or no row is a chip.
        """
        return cls(*read_rows(path))


def read_source(source: Path) -> Reading:
    """Return the chips of one source: a catalog GeoParquet, a data set's folder, a folder of GeoTIFFs or Sentinel-1 products,
    or one of these.

    Raises:
        SourceError: it does not exist, is none of these, or holds not one chip.
    """
    if (refusal := address_refusal(str(source))) is not None:
        raise SourceError(refusal)
    if addresses.recognises(str(source)):
        return _told_where_empty(addresses.read(str(source)), str(source))
    source = Path(os.path.abspath(source.expanduser()))  # noqa: PTH100 - resolve() would follow links, and fail on loops
    name = shown(source)
    if not is_utf8(source):
        raise SourceError(f"{name} has a name that is not UTF-8: rename it.")
    try:
        found = _read_file(source) if source.is_file() else _read_folder(source)
    except OSError as error:
        raise SourceError(f"{name} cannot be read ({error.strerror}): check the path and its permissions.") from error
    return _told_where_empty(found, name)


def _told_where_empty(found: Reading, name: str) -> Reading:
    if not found.records:
        why = (
            found.problems[0].message
            if found.problems
            else f"{name} holds no chip: give a folder of VV and VH GeoTIFFs."
        )
        raise SourceError(why)
    return found


def _read_file(source: Path) -> Reading:
    ending = source.suffix.lower()
    if safe.is_safe(source):
        return safe.read(source)
    if ending == ".parquet":
        return Reading(*read_rows(source))
    if ending not in TIFF_ENDINGS:
        raise SourceError(
            product_refusal(source)
            or known_ending(source)
            or "{file} is neither a catalog (.parquet) nor a GeoTIFF (.tif): give one, or a folder of chips.",
            file=source,
        )
    for layout in LAYOUTS:
        found = layout.read(source) if layout.recognises(source.parent) else Reading([])
        if found.records:
            return found
    raise SourceError(
        f"{{file}} is {part_of(source).said} by its name: give the image that it belongs to.", file=source
    )


def _read_folder(source: Path) -> Reading:
    if not source.is_dir():
        if source.is_symlink():
            raise SourceError(
                "{file} is a symbolic link that leads nowhere: mend it, or give the folder itself.", file=source
            )
        if source.exists():
            raise SourceError("{file} is neither a file nor a folder: give a folder of chips.", file=source)
        raise SourceError("{file} does not exist: check the path.", file=source)
    if safe.is_safe(source):
        return safe.read(source)
    if (refusal := product_refusal(source)) is not None:
        raise SourceError(refusal)
    if (here := _read_here(source)) is not None:
        return Reading(here.records, here.problems + left_below(source, here.records))
    if (found := read_below(source, _read_here)) is not None:
        return found
    if packed := packed_in(source):
        raise SourceError(cause(packed[0]))
    raise SourceError(
        f"{{file}} holds no chips that floodscope recognises "
        f"({', '.join(layout.FOLDERS for layout in LAYOUTS if layout.FOLDERS)}, Sentinel-1 SAFE), and neither do folders in it: "
        "see 'Your own chips' in the README.",
        file=source,
    )


def _read_here(source: Path) -> Reading | None:
    """Return what a folder itself holds, by the first layout that recognises it, or None; products lie beside whatever else."""
    products = safe.read(source)
    products = Reading(products.records, products.problems + products_in(source))
    for layout in LAYOUTS:
        if layout.recognises(source):
            found = _named(source, layout.read(source))
            return Reading(found.records + products.records, found.problems + products.problems)
    return products if products.records or products.problems else None


def _named(folder: Path, found: Reading) -> Reading:
    """Mark every chip of a folder that holds SIMULATED.json, those without imagery too."""
    if not (folder / "SIMULATED.json").is_file():
        return found
    return Reading([replace(r, simulated=True, legend=r.legend or "floodscope") for r in found.records], found.problems)


def open_catalog(
    sources: Sequence[str | Path],
    answers: Answers = NOTHING_SAID,
    *,
    labels: Sequence[Path] = (),
    data: Path | None = None,
) -> Catalog:
    """Return the catalog of one or several sources.

    Args:
        sources: folders, GeoTIFFs or catalogs.
        answers: what the user says of all their files; a catalog keeps its own where nothing is said.
        labels: folders of labels that lie elsewhere, paired with the images by name, in place of their own.
        data: a folder in which it is kept what large sources hold, so that they are not read as long as they stay the same.

    Raises:
        SourceError: no source exists, is recognised, or names a chip; a folder of labels fits none of them. Where that is so of
            one among others, it is a problem of the catalog, and the others are opened.
    """
    if not sources:
        raise SourceError("No source was given: name a folder of chips, a GeoTIFF or a catalog (.parquet).")
    with uncollected():
        found, lost = _readings([Path(source) for source in sources], data)
        records, problems = [r for f in found for r in f.records], [*lost, *(p for f in found for p in f.problems)]
        for folder in labels:
            records, told = labelled(records, Path(os.path.abspath(folder.expanduser())))  # noqa: PTH100 - as of a source
            problems += told
        return Catalog((answered(r, answers) for r in records), problems)


def _readings(sources: Sequence[Path], data: Path | None) -> tuple[list[Reading], list[Problem]]:
    """Return what sources hold, and the problems of those that hold nothing; raises the first where none holds anything."""
    found, errors = [], []
    for source in sources:
        try:
            found.append(read_source(source) if data is None else kept_reading(source, data, read_source))
        except SourceError as error:
            errors.append((source, error))
    if not found:
        raise errors[0][1]
    return found, [Problem(shown(source.name or source), str(error), source=True) for source, error in errors]


def _with_folders(*records: ChipRecord) -> tuple[ChipRecord, ...]:
    """Return chips of one name, their files called with the folder too where they have one name as well."""
    bare = [(record.file or "").rpartition("/")[2] for record in records]
    if len(set(bare)) == len(bare):
        return records
    parts = [(*Path(record.source).parts, file) for record, file in zip(records, bare, strict=True)]
    length = next((n for n in range(2, max(map(len, parts))) if len({part[-n:] for part in parts}) == len(parts)), 2)
    called = ["/".join(part[-length:]) for part in parts]
    # One that was called with more folders, to tell it from another chip, keeps them.
    return tuple(
        replace(record, file=max(file, record.file, key=len)) if record.file else record
        for record, file in zip(records, called, strict=True)
    )


def counts(catalog: Catalog) -> dict[str, int]:
    """Return how many chips the catalog has: all, with imagery, labelled, footprint alone, listed only, unusable.

    `chips` is the sum of `imagery`, `outline_only`, `listed_only` and `unusable` (with files that cannot be used).
    `unplaced` counts those with imagery that has no place on Earth.
    """
    kinds: Counter[str] = Counter()
    for r in catalog.records():
        kinds["chips"] += 1
        kinds["imagery"] += r.has_imagery
        kinds["labelled"] += r.has_imagery and r.has_label
        kinds["unplaced"] += r.has_imagery and r.unplaced is not None
        kinds["unusable"] += r.problem is not None
        absent = not r.has_imagery and r.problem is None
        kinds["outline_only"] += absent and r.footprint is not None
        kinds["listed_only"] += absent and r.footprint is None
        kinds["simulated"] += r.simulated
    names = ("chips", "imagery", "labelled", "outline_only", "listed_only", "unusable", "unplaced", "simulated")
    return {name: kinds[name] for name in names}
