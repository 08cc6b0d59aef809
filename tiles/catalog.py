"""The catalog: every chip that the sources know, as records and as a GeoDataFrame (GeoParquet on disk)."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tiles.chip import Asset, ChipRecord
from tiles.errors import ChipNotFoundError, SourceError
from tiles.layouts import drivendata, geotiff, sen1floods11

if TYPE_CHECKING:
    import geopandas as gpd

_ASSETS = ("vv", "vh", "label", "elevation", "permanent_water")
_PLAIN = tuple(f.name for f in fields(ChipRecord) if f.name not in (*_ASSETS, "footprint"))
_REQUIRED = {"id", "vv_path", "vh_path", "layout", "geometry"}


class Catalog:
    """The chips of one or several sources, in the order of the sources.

    Two chips of one id are told apart by a suffix: the second `X` becomes `X-2`.
    """

    def __init__(self, records: Iterable[ChipRecord]) -> None:
        self._records: dict[str, ChipRecord] = {}
        for record in records:
            twin = self._records.get(record.id)
            if twin is not None and (twin.vv, twin.vh, twin.source) == (record.vv, record.vh, record.source):
                continue
            name, number = record.id, 2
            while name in self._records:
                name, number = f"{record.id}-{number}", number + 1
            self._records[name] = record if name == record.id else replace(record, id=name)

    def __len__(self) -> int:
        return len(self._records)

    def records(self) -> list[ChipRecord]:
        """Return all records."""
        return list(self._records.values())

    def usable(self) -> list[ChipRecord]:
        """Return the records that have imagery, as far as the headers tell."""
        return [r for r in self._records.values() if r.has_imagery]

    def problems(self) -> list[tuple[str, str]]:
        """Return (chip id, sentence) for every image or label that cannot be used."""
        return [
            (r.id, text) for r in self._records.values() for text in (r.problem, r.label_problem) if text is not None
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

            near = difflib.get_close_matches(chip_id[:80], self._records, n=1)
            hint = f"did you mean {near[0]}?" if near else "see `floodscope catalog show` for the ids."
            raise ChipNotFoundError(f"No chip {chip_id[:80]!r} is in the catalog: {hint}") from None

    def filter(self, *, country: str | None = None, event: str | None = None, split: str | None = None) -> Catalog:
        """Return the catalog of the chips that match every value given."""
        wanted = {"country": country, "event": event, "split": split}
        return Catalog(
            r for r in self._records.values() if all(v is None or getattr(r, k) == v for k, v in wanted.items())
        )

    @cached_property
    def frame(self) -> gpd.GeoDataFrame:
        """The catalog as a GeoDataFrame in EPSG:4326, one row a chip; `geometry` is None where no footprint is known."""
        import geopandas as gpd  # noqa: PLC0415  (a second to import; commands that list nothing need not pay)

        rows = []
        for record in self._records.values():
            row = {name: getattr(record, name) for name in _PLAIN}
            for name in _ASSETS:
                asset: Asset | None = getattr(record, name)
                row[f"{name}_path"] = asset.path if asset else None
                row[f"{name}_band"] = asset.band if asset else 0
            row["geometry"] = record.footprint
            rows.append(row)
        columns = [*_PLAIN, *(f"{n}_{k}" for n in _ASSETS for k in ("path", "band")), "geometry"]
        return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs="EPSG:4326")

    def within(self, west: float, south: float, east: float, north: float) -> list[ChipRecord]:
        """Return the chips whose footprint touches a box of WGS84 degrees, through the frame's spatial index."""
        from shapely.geometry import box  # noqa: PLC0415

        rows = self.frame.sindex.query(box(west, south, east, north), predicate="intersects")
        ids = list(self._records)
        return [self._records[ids[int(i)]] for i in sorted(rows)]

    def to_parquet(self, path: Path) -> None:
        """Write the catalog as GeoParquet; a file of that name is replaced whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            self.frame.to_parquet(scratch, index=False)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)

    @classmethod
    def from_parquet(cls, path: Path) -> Catalog:
        """Read a catalog that `to_parquet` wrote.

        Raises:
            SourceError: the file is not such a catalog.
        """
        import geopandas as gpd  # noqa: PLC0415

        try:
            frame = gpd.read_parquet(path)
        except Exception as error:  # pyarrow, geopandas and the operating system each raise their own kinds
            raise SourceError(
                f"{path} is not a readable GeoParquet file: build it again (floodscope catalog build)."
            ) from error
        missing = _REQUIRED - set(frame.columns)
        if missing:
            raise SourceError(
                f"{path} is no floodscope catalog (no column {', '.join(sorted(missing))}): make one with "
                "`floodscope catalog build SOURCE OUT.parquet`."
            )
        return cls(_record_of(row) for row in frame.to_dict("records"))


def _record_of(row: dict[str, object]) -> ChipRecord:
    def plain(value: object) -> object:
        return None if value is None or value != value else value  # noqa: PLR0124  (NaN is how pandas says None)

    values = {name: plain(row[name]) for name in _PLAIN if name in row}
    for name in _ASSETS:
        path = plain(row.get(f"{name}_path"))
        values[name] = Asset(str(path), int(str(row[f"{name}_band"]))) if path else None
    values["footprint"] = row["geometry"]
    return ChipRecord(**values)  # type: ignore[arg-type]


def read_source(source: Path) -> list[ChipRecord]:
    """Return the chips of one source: a catalog GeoParquet, a data set's folder, a folder of GeoTIFFs, or one GeoTIFF.

    Raises:
        SourceError: it does not exist, or is none of these.
    """
    source = source.expanduser().absolute()
    try:
        if source.is_file():
            if source.suffix.lower() == ".parquet":
                return Catalog.from_parquet(source).records()
            if source.suffix.lower() in {".tif", ".tiff"}:
                return geotiff.read(source)
            raise SourceError(
                f"{source} is neither a catalog (.parquet) nor a GeoTIFF (.tif): give one, or a folder of chips."
            )
        if not source.is_dir():
            raise SourceError(f"{source} does not exist: check the path.")
        if sen1floods11.recognises(source):
            return _named(source, sen1floods11.read(source))
        if drivendata.recognises(source):
            return _named(source, drivendata.read(source))
        if geotiff.recognises(source):
            return _named(source, geotiff.read(source))
        inner = sorted(p.name for p in source.iterdir() if p.is_dir() and _holds_chips(p))
    except OSError as error:
        raise SourceError(f"{source} cannot be read ({error.strerror}): check the path and its permissions.") from error
    hint = f"it holds {', '.join(inner[:4])}: give one of those" if inner else "see `floodscope catalog build --help`"
    raise SourceError(
        f"{source} holds no chips that floodscope recognises (Sen1Floods11, DrivenData, *_vv.tif with *_vh.tif, two-band "
        f"GeoTIFFs): {hint}."
    )


def _holds_chips(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return any(layout.recognises(folder) for layout in (sen1floods11, drivendata, geotiff))
    return False


def _named(folder: Path, records: list[ChipRecord]) -> list[ChipRecord]:
    """Mark every chip of a folder that holds SIMULATED.json, those without imagery too."""
    if not (folder / "SIMULATED.json").is_file():
        return records
    return [replace(r, simulated=True) for r in records]


def open_catalog(sources: Sequence[str | Path]) -> Catalog:
    """Return the catalog of one or several sources.

    Raises:
        SourceError: a source does not exist or is not recognised, or none of them names a chip.
    """
    if not sources:
        raise SourceError("No source was given: name a folder of chips, a GeoTIFF or a catalog (.parquet).")
    return Catalog(record for source in sources for record in read_source(Path(source)))


def counts(catalog: Catalog) -> dict[str, int]:
    """Return how many chips the catalog has: all, with imagery, labelled, with a footprint alone, listed only."""
    kinds: Counter[str] = Counter()
    for r in catalog.records():
        kinds["chips"] += 1
        kinds["imagery"] += r.has_imagery
        kinds["labelled"] += r.has_imagery and r.has_label
        kinds["outline_only"] += not r.has_imagery and r.footprint is not None
        kinds["listed_only"] += not r.has_imagery and r.footprint is None
        kinds["simulated"] += r.simulated
    return {k: kinds[k] for k in ("chips", "imagery", "labelled", "outline_only", "listed_only", "simulated")}
