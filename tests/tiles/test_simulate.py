"""Simulated chips: repeatable, in the real layouts' formats, with the physics that they claim."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from scipy.stats import wasserstein_distance

from tiles.catalog.catalog import open_catalog
from tiles.errors import OutputError, UsageError
from tiles.places import country_at
from tiles.reading.door import read_chip
from tiles.simulate import lookalikes, simulate
from tiles.simulate.chip import draw_chip, place_chip
from tiles.simulate.floods import FLOODS
from tiles.simulate.radar import LOOKS, measure, other_processor, speckle
from tiles.simulate.scene import build_scene

pytestmark = pytest.mark.slow

CHIPS = 22  # two a country
SIZE = 128

Array = npt.NDArray[np.floating]


@pytest.fixture(scope="module")
def sen1floods11(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("simulated") / "sen1floods11", chips=CHIPS, seed=3, size=SIZE)


@pytest.fixture(scope="module")
def drivendata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "drivendata"
    return simulate(out, chips=CHIPS, seed=3, size=SIZE, layout="drivendata")


def looks(power: Array) -> float:
    return float((power.mean() / power.std()) ** 2)


def correlation(power: Array, step: int, axis: int) -> float:
    moved = np.moveaxis(power - power.mean(), axis, 0)
    return float((moved[step:] * moved[:-step]).mean() / power.var())


# Repeatable


def test_the_same_seed_gives_the_same_bytes(sen1floods11: Path, tmp_path: Path) -> None:
    again = simulate(tmp_path / "again", chips=CHIPS, seed=3, size=SIZE)
    names = sorted(p.relative_to(sen1floods11) for p in sen1floods11.rglob("*") if p.is_file())
    assert len(names) == 2 * CHIPS + 7
    assert names == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    for name in names:
        assert (sen1floods11 / name).read_bytes() == (again / name).read_bytes(), name


def test_a_chip_depends_neither_on_the_number_of_chips_nor_on_threads(sen1floods11: Path) -> None:
    alone = draw_chip(seed=3, number=13, size=SIZE)
    with rasterio.open(sen1floods11 / "S1Hand" / "India_sim0013_S1Hand.tif") as raster:
        np.testing.assert_array_equal(raster.read(), np.stack([alone.vv, alone.vh]))


def test_another_seed_and_another_number_give_other_chips() -> None:
    first = draw_chip(seed=0, number=2, size=64)
    for other in (draw_chip(seed=1, number=2, size=64), draw_chip(seed=0, number=24, size=64)):
        assert not np.array_equal(first.vv, other.vv)


# As the real layouts are


@pytest.mark.parametrize("layout", ["sen1floods11", "drivendata"])
def test_the_layout_reader_finds_every_chip_usable_and_simulated(layout: str, request: pytest.FixtureRequest) -> None:
    records = open_catalog([request.getfixturevalue(layout)]).records()
    assert len(records) == CHIPS
    assert all(r.has_imagery and r.has_label and r.simulated and r.layout == layout for r in records)
    by_country = Counter(r.country for r in records)
    assert len(by_country) == 11
    assert set(by_country.values()) == {CHIPS // 11}
    dates = {flood.s1_date for flood in FLOODS}
    for record in records:
        assert record.date in dates
        chip = read_chip(record)
        assert chip.label is not None
        assert chip.label.shape == (SIZE, SIZE)
        assert chip.valid.mean() > 0.6


@pytest.mark.parametrize("layout", ["sen1floods11", "drivendata"])
def test_chips_of_both_layouts_hold_the_same_pixels(
    layout: str, sen1floods11: Path, drivendata: Path, request: pytest.FixtureRequest
) -> None:
    record = next(r for r in open_catalog([request.getfixturevalue(layout)]).records() if r.country == "Nigeria")
    number = 4 if record.id.endswith(("0004", "00")) else 15
    expected, chip = draw_chip(seed=3, number=number, size=SIZE), read_chip(record)
    np.testing.assert_array_equal(chip.vh, expected.vh)
    np.testing.assert_array_equal(chip.label, expected.label)


def test_splits_name_every_chip_once_and_bolivia_is_its_own(sen1floods11: Path) -> None:
    lists = {p.stem: p.read_text().splitlines() for p in (sen1floods11 / "splits").glob("*.csv")}
    assert set(lists) == {f"flood_{split}_data" for split in ("train", "valid", "test", "bolivia")}
    rows = [row.split(",") for lines in lists.values() for row in lines]
    assert len({image for image, _ in rows}) == len(rows) == CHIPS
    for image, label in rows:
        assert (sen1floods11 / "S1Hand" / image).is_file()
        assert (sen1floods11 / "LabelHand" / label).is_file()
    assert all(row.startswith("Bolivia_") for row in lists["flood_bolivia_data"])


@pytest.mark.parametrize("layout", ["sen1floods11", "drivendata"])
def test_files_have_the_types_nodata_and_blocks_of_the_real_ones(
    layout: str, real_data: Path, request: pytest.FixtureRequest
) -> None:
    ours = request.getfixturevalue(layout)
    kinds = {
        "sen1floods11": ["S1Hand", "LabelHand"],
        "drivendata": ["train_features", "train_labels"],
    }[layout]
    for kind in kinds:
        made = sorted((ours / kind).glob("*.tif"))[0]
        real = sorted((real_data / layout / kind).glob("*.tif"))[0]
        with rasterio.open(made) as a, rasterio.open(real) as b:
            assert a.dtypes == b.dtypes
            assert a.count == b.count
            assert a.descriptions == b.descriptions
            assert a.compression == b.compression
            assert a.crs.is_projected == b.crs.is_projected
            assert a.res == pytest.approx(b.res, rel=1e-12)
            np.testing.assert_equal(a.nodatavals, b.nodatavals)


def test_the_tables_have_the_columns_and_properties_of_the_real_ones(
    sen1floods11: Path, drivendata: Path, real_data: Path
) -> None:
    for name in ("Sen1Floods11_Metadata.geojson", "chip_footprints.geojson"):
        ours, real = (json.loads((d / name).read_text()) for d in (sen1floods11, real_data / "sen1floods11"))
        keys = set(real["features"][0]["properties"])
        assert all(set(f["properties"]) == keys | {"simulated"} for f in ours["features"])
    table = "flood-training-metadata.csv"
    ours, real = ((d / table).read_text().splitlines() for d in (drivendata, real_data / "drivendata"))
    assert ours[0] == real[0]
    assert len(ours) == 1 + 2 * CHIPS


@pytest.mark.parametrize("layout", ["sen1floods11", "drivendata"])
def test_every_folder_and_file_says_that_it_is_simulated(layout: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(layout)
    marker = json.loads((folder / "SIMULATED.json").read_text())
    assert marker["simulated"] is True
    assert (marker["seed"], marker["chips"]) == (3, CHIPS)
    assert marker["generator"].startswith("floodscope ")
    files = list(folder.rglob("*.tif"))
    assert len(files) == CHIPS * (2 if layout == "sen1floods11" else 3)
    for path in files:
        with rasterio.open(path) as raster:
            assert raster.tags()["FLOODSCOPE_SIMULATED"] == "yes"


@pytest.mark.parametrize("layout", ["sen1floods11", "drivendata"])
def test_ids_are_not_those_of_real_chips(layout: str, real_data: Path, request: pytest.FixtureRequest) -> None:
    ours, real = (open_catalog([d]) for d in (request.getfixturevalue(layout), real_data / layout))
    assert not {r.id for r in ours.records()} & {r.id for r in real.records()}


@pytest.mark.parametrize("layout", ["sen1floods11", "drivendata"])
def test_chips_lie_in_their_countries_and_none_on_another(layout: str) -> None:
    outlines = [(n, place_chip(0, n, 512, layout).footprint()) for n in range(110)]
    for number, outline in outlines:
        country = "United States of America" if FLOODS[number % 11].iso == "USA" else FLOODS[number % 11].country
        assert country_at(outline) == country, number
    assert not [(a, b) for (a, x), (b, y) in combinations(outlines, 2) if x.intersects(y)]


def test_places_do_not_run_out() -> None:
    places = {place_chip(0, n, 512, "sen1floods11").transform[2:6:3] for n in range(0, 11 * 200, 11)}
    assert len(places) == 200


# The radar


def test_speckle_has_mean_one_and_the_looks_of_grd_products() -> None:
    field = speckle(np.random.default_rng(0), 512, (0.92, 0.92))
    assert field.mean() == pytest.approx(1.0, abs=0.02)
    assert looks(field) == pytest.approx(LOOKS, abs=0.25)
    # Gamma distributed: its skewness is 2 / sqrt(looks).
    skewness = float((((field - field.mean()) / field.std()) ** 3).mean())
    assert skewness == pytest.approx(2 / np.sqrt(LOOKS), abs=0.12)


def test_measured_speckle_is_correlated_like_that_of_the_real_chips() -> None:
    db = measure(
        np.random.default_rng(1), np.full((512, 512), 0.1, np.float32), noise_db=-40, removed=1, pixel_m=(10, 10)
    )
    power = 10 ** (db / 10)
    for axis in (0, 1):
        assert correlation(power, 1, axis) == pytest.approx(0.66, abs=0.06)
        assert correlation(power, 2, axis) == pytest.approx(0.18, abs=0.06)
        assert abs(correlation(power, 5, axis)) < 0.03


def test_pixels_narrower_on_the_ground_are_more_alike() -> None:
    power = np.full((256, 256), 0.1, np.float32)
    db = measure(np.random.default_rng(1), power, noise_db=-40, removed=1, pixel_m=(10, 7.5))
    measured = 10 ** (db / 10)
    assert correlation(measured, 1, 1) > correlation(measured, 1, 0) + 0.05


def test_vv_and_vh_have_independent_speckle() -> None:
    rng = np.random.default_rng(2)
    first, second = speckle(rng, 256, (0.92, 0.92)), speckle(rng, 256, (0.92, 0.92))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_nothing_to_see_measures_as_the_noise_floor() -> None:
    nothing = np.zeros((256, 256), np.float32)
    db = measure(np.random.default_rng(3), nothing, noise_db=-27.0, removed=0.0, pixel_m=(10, 10))
    assert 10 * np.log10((10 ** (db / 10)).mean()) == pytest.approx(-27.0, abs=0.15)


def test_noise_removal_keeps_the_mean_and_leaves_the_spread() -> None:
    true_power = 10 ** (-25.0 / 10)
    dark = np.full((256, 256), true_power, np.float32)
    db = measure(np.random.default_rng(4), dark, noise_db=-27.0, removed=1.0, pixel_m=(10, 10))
    bright = measure(np.random.default_rng(4), dark * 100, noise_db=-27.0, removed=1.0, pixel_m=(10, 10))
    assert 10 * np.log10((10 ** (db / 10)).mean()) == pytest.approx(-25.0, abs=0.2)
    assert looks(10 ** (db / 10)) < 0.6 * looks(10 ** (bright / 10))
    assert db.min() >= -50.01


# The land and the water


def test_wind_lifts_vv_over_water_by_far_more_than_vh() -> None:
    sri_lanka = next(f.biome for f in FLOODS if f.event == "Sri-Lanka")
    mean_db = {}
    for wind in (0.0, 1.0):
        scene = build_scene(np.random.default_rng(0), replace(sri_lanka, wind=wind, emergent=0.0), "lagoon", 128)
        inside = scene.water & ~scene.vegetated
        mean_db[wind] = [float(10 * np.log10(np.median(band[inside]))) for band in (scene.vv, scene.vh)]
    lifted_vv, lifted_vh = np.subtract(mean_db[1.0], mean_db[0.0])
    assert lifted_vv > 6
    assert 0.5 < lifted_vh < 0.5 * lifted_vv


def test_flooded_vegetation_is_water_and_as_bright_as_land() -> None:
    pakistan = next(f.biome for f in FLOODS if f.event == "Pakistan")
    scene = build_scene(np.random.default_rng(1), pakistan, "wetland", 256)
    assert scene.vegetated.any()
    assert scene.water[scene.vegetated].all()
    vv = 10 * np.log10(scene.vv)
    assert np.median(vv[scene.vegetated]) > np.median(vv[scene.water & ~scene.vegetated]) + 5
    assert np.median(vv[scene.vegetated]) > np.median(vv[~scene.water]) - 0.5


@pytest.mark.parametrize("kind", ["river", "braided", "lake", "ponds", "lagoon", "wetland"])
def test_every_kind_of_water_floods_a_share_and_leaves_land(kind: str) -> None:
    india = next(f.biome for f in FLOODS if f.event == "India")
    for seed in range(3):
        water = build_scene(np.random.default_rng(seed), india, kind, 256).water.mean()
        assert 0.01 < water < 0.9, seed


def test_some_chips_are_dry_some_lack_data_and_some_labels_are_unknown() -> None:
    chips = [draw_chip(seed=0, number=n, size=SIZE) for n in range(44)]
    dry = [not (c.label == 1).any() for c in chips]
    wedge = [float(np.isnan(c.vv).mean()) for c in chips]
    unknown = [float(((c.label == 255) & ~np.isnan(c.vv)).mean()) for c in chips]
    assert 2 <= sum(dry) <= 8
    assert 3 <= sum(share > 0.05 for share in wedge) <= 8
    assert max(wedge) < 0.4
    assert 8 <= sum(share > 0.03 for share in unknown) <= 20
    shares = [float((c.label == 1).sum() / (c.label != 255).sum()) for c in chips]
    assert 0.1 < float(np.mean(shares)) < 0.5
    for chip in chips:
        assert np.array_equal(np.isnan(chip.vv), np.isnan(chip.vh))
        assert (chip.label[np.isnan(chip.vv)] == 255).all()


def test_a_threshold_is_right_in_some_countries_and_wrong_in_others() -> None:
    counts: dict[str, npt.NDArray[np.int64]] = {}
    for number in range(33):
        chip = draw_chip(seed=0, number=number, size=SIZE)
        known = (chip.label != 255) & np.isfinite(chip.vh)
        mask, water = chip.vh[known] < -22.0, chip.label[known] == 1
        event = FLOODS[number % 11].event
        found = np.array([(mask & water).sum(), (mask | water).sum()])
        counts[event] = counts.get(event, np.zeros(2, np.int64)) + found
    iou = {event: float(hit / either) for event, (hit, either) in counts.items()}
    assert min(iou.values()) < 0.35
    assert max(iou.values()) > 0.75
    hit, either = sum(counts.values())
    assert 0.45 < hit / either < 0.8


def test_backscatter_over_water_and_land_resembles_the_real_chips(real_data: Path) -> None:
    def classes(chips: list[tuple[Array, Array]]) -> dict[tuple[int, int], list[Array]]:
        out: dict[tuple[int, int], list[Array]] = {}
        for bands, label in chips:
            for value in (0, 1):
                inside = (label == value) & np.isfinite(bands).all(axis=0)
                if inside.mean() > 0.004:
                    for band in (0, 1):  # the same number of each chip, so that every chip weighs the same
                        levels = np.quantile(bands[band][inside], np.linspace(0.0005, 0.9995, 1000))
                        out.setdefault((value, band), []).append(levels)
        return out

    records = open_catalog([real_data / "sen1floods11", real_data / "drivendata"]).records()
    real = [read_chip(r) for r in records if r.has_imagery and r.has_label]
    theirs = classes([(np.stack([c.vv, c.vh]), c.label) for c in real if c.label is not None])
    drawn = [draw_chip(seed=0, number=n, size=256) for n in range(22)]
    ours = classes([(np.stack([c.vv, c.vh]), c.label) for c in drawn])
    for key in theirs:
        distance = wasserstein_distance(np.concatenate(theirs[key]), np.concatenate(ours[key]))
        assert distance < (1.5 if key[0] == 1 else 0.7), key


# The folder


def test_progress_is_told_after_each_chip(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(tmp_path / "out", chips=3, size=32, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_folder_of_other_files_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not simulated chips"):
        simulate(tmp_path, chips=1, size=32)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="not a folder"):
        simulate(tmp_path / "out", chips=1, size=32)


def test_a_simulated_folder_with_something_else_in_it_is_not_overwritten(tmp_path: Path) -> None:
    out = simulate(tmp_path / "out", chips=1, size=32)
    (out / "notes.md").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.md"):
        simulate(out, chips=1, size=32, replace=True)
    (out / "notes.md").rename(out / "S1Hand" / "Ghana_53713_S1Hand.tif")
    with pytest.raises(OutputError, match="S1Hand/Ghana_53713_S1Hand"):
        simulate(out, chips=1, size=32, replace=True)
    assert (out / "S1Hand" / "Ghana_53713_S1Hand.tif").read_text() == "mine"


@pytest.mark.parametrize("other", [{"layout": "drivendata"}, {"seed": 1}, {"size": 64}, {"chips": 1}])
def test_chips_simulated_in_another_way_are_kept(tmp_path: Path, other: dict[str, Any]) -> None:
    out = simulate(tmp_path / "out", chips=2, size=32)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    with pytest.raises(OutputError, match=r"holds 2 other simulated chips \(layout sen1floods11, seed 0.*--replace"):
        simulate(out, **{"chips": 2, "size": 32, **other})
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


def test_more_of_the_same_chips_may_be_made_in_place(tmp_path: Path) -> None:
    out = simulate(tmp_path / "out", chips=1, size=32)
    (first,) = (out / "S1Hand").iterdir()
    before = first.read_bytes()
    simulate(out, chips=2, size=32)
    assert len(list((out / "S1Hand").iterdir())) == 2
    assert first.read_bytes() == before


def test_a_simulated_folder_is_replaced_whole_where_that_is_asked_for(tmp_path: Path) -> None:
    out = simulate(tmp_path / "out", chips=3, size=32)
    assert simulate(out, chips=1, size=32, layout="drivendata", replace=True) == out
    assert sorted(p.name for p in out.iterdir()) == [
        "SIMULATED.json",
        "flood-training-metadata.csv",
        "train_features",
        "train_labels",
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "out", chips=5, size=32, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        simulate(tmp_path / "file" / "out", chips=1, size=32)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"chips": 0}, "0 simulated chips"),
        ({"chips": 10_000}, "1 to 9999"),
        ({"seed": -1}, "negative"),
        ({"layout": "landsat"}, "landsat"),
        ({"size": 8}, "8 pixels"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(wrong: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        simulate(tmp_path / "out", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_importing_the_package_loads_no_rasterio_or_scipy() -> None:
    code = "import sys, tiles.simulate; sys.exit(bool({'rasterio', 'scipy', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_wide_chip_is_the_same_for_the_same_arguments_and_another_than_that_of_a_flood() -> None:
    one, two = draw_chip(7, 2, 96, "wide"), draw_chip(7, 2, 96, "wide")
    np.testing.assert_array_equal(one.vv, two.vv)
    np.testing.assert_array_equal(one.label, two.label)
    changed = [np.nanmax(np.abs(draw_chip(7, n, 96, "wide").vh - draw_chip(7, n, 96).vh)) > 1.0 for n in range(12)]
    assert sum(changed) >= 6


def test_what_only_looks_like_water_is_dry_in_the_label_and_as_dark() -> None:
    still = build_scene(np.random.default_rng(5), FLOODS[0].biome, "dry", 128)
    for add in (lookalikes._smooth_fields, lookalikes._flats, lookalikes._runways):
        darker = add(np.random.default_rng(1), still)
        np.testing.assert_array_equal(darker.water, still.water)
        changed = darker.vh < 0.5 * still.vh
        assert changed.mean() > 0.005
        assert np.median(10 * np.log10(darker.vh[changed])) < -20.0


def test_a_chip_of_fields_changes_land_alone_and_every_second_one_holds_no_water() -> None:
    for number in range(6):
        plain, made = draw_chip(7, number, 96), draw_chip(7, number, 96, "fields")
        if number % 2:
            assert not (made.label == 1).any()
            continue
        np.testing.assert_array_equal(made.label, plain.label)
        np.testing.assert_array_equal(made.vh, draw_chip(7, number, 96, "fields").vh)
    still = build_scene(np.random.default_rng(5), FLOODS[0].biome, "river", 192)
    darker = [lookalikes.add_fields(np.random.default_rng(seed), still) for seed in range(8)]
    for scene in darker:
        np.testing.assert_array_equal(scene.water, still.water)
        np.testing.assert_array_equal(scene.vh[still.water], still.vh[still.water])
    fields = np.concatenate([10 * np.log10(scene.vh[scene.vh < 0.7 * still.vh]) for scene in darker])
    assert fields.size > 0.02 * len(darker) * still.vh.size
    assert -25.5 < np.percentile(fields, 5) < np.percentile(fields, 95) < -16.0


def test_mountains_have_layover_and_shadow_that_returns_nothing_and_spare_the_water() -> None:
    scene = build_scene(np.random.default_rng(5), FLOODS[2].biome, "river", 192)
    steep = None
    for seed in range(20):
        made = lookalikes._mountains(np.random.default_rng(seed), scene)
        np.testing.assert_array_equal(made.vv[scene.water], scene.vv[scene.water])
        np.testing.assert_array_equal(made.water, scene.water)
        dark = 10 * np.log10(made.vv[~scene.water]) < -35.0
        steep = made if dark.mean() > 0.01 else steep
    assert steep is not None
    assert (steep.vv > 2.5 * scene.vv).mean() > 0.01


def test_small_water_is_water_and_gusts_brighten_water_alone() -> None:
    scene = build_scene(np.random.default_rng(5), FLOODS[2].biome, "river", 192)
    small = lookalikes._small_water(np.random.default_rng(3), scene)
    new = small.water & ~scene.water
    assert new.any()
    assert np.median(10 * np.log10(small.vh[new])) < -20.0
    rough = lookalikes._rough_water(np.random.default_rng(3), scene)
    np.testing.assert_array_equal(rough.vv[~scene.water], scene.vv[~scene.water])
    assert (rough.vv[scene.water] >= scene.vv[scene.water]).all()


def test_other_processors_give_finite_db_about_where_they_were() -> None:
    vv, vh = (np.random.default_rng(0).normal(-15, 4, (64, 64)).astype(np.float32) for _ in range(2))
    for seed in range(30):
        one, two = other_processor(np.random.default_rng(seed), vv, vh)
        assert one.dtype == two.dtype == np.float32
        assert np.isfinite(one).all()
        assert np.isfinite(two).all()
        assert abs(float(np.median(one) - np.median(vv))) < 6.0


def test_a_folder_of_another_variety_is_kept_and_an_unknown_variety_refused(tmp_path: Path) -> None:
    simulate(tmp_path / "chips", chips=1, size=64, variety="wide")
    with pytest.raises(OutputError, match="other simulated chips"):
        simulate(tmp_path / "chips", chips=1, size=64)
    with pytest.raises(UsageError, match=r"no variety 'broad'.*floods or wide"):
        simulate(tmp_path / "more", chips=1, size=64, variety="broad")  # type: ignore[arg-type]
