"""Shapes that people have chips in: copies of Sen1Floods11 and DrivenData, parallel folders, products and their layers."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chips import backscatter, lake, write_pair, write_tiff

from tests.problems import pairs
from tiles.catalog.catalog import Catalog, open_catalog
from tiles.errors import SourceError
from tiles.layouts.names import pair_key, part_of
from tiles.reading.door import read_chip

VV, VH = backscatter()
TRUTH = lake().astype(np.uint8)
SIGNED = TRUTH.astype(np.int16)
CHIPS = ("India_1", "Ghana_2")


def _both(path: Path) -> None:
    write_tiff(path, VV, VH, names=("VV", "VH"))


def _told(catalog: Catalog) -> str:
    return "\n".join(text for _, text in pairs(catalog.problems()))


def _labelled(catalog: Catalog) -> set[str]:
    return {record.id for record in catalog.usable() if record.has_label}


# --- Sen1Floods11


def _sen1floods11(home: Path, imagery: str = "S1Hand", labels: str = "LabelHand") -> None:
    for name in CHIPS:
        _both(home / imagery / f"{name}_S1Hand.tif")
        write_tiff(home / labels / f"{name}_LabelHand.tif", SIGNED)


@pytest.mark.parametrize(
    ("home", "imagery", "given"),
    [
        ("data", "S1GRDHand", ""),
        ("data", "S1GRDHand", "data"),
        ("data", "S1GRDHand", "data/S1GRDHand"),
        ("HandLabeled", "S1Hand", "HandLabeled/S1Hand"),
        ("v1.1/data/flood_events/HandLabeled", "S1Hand", "v1.1/data/flood_events"),
        ("sen1floods11_v1.1/data", "S1GRDHand", ""),
        ("sen1floods11/v1.1/data/flood_events/HandLabeled", "S1Hand", "sen1floods11"),
    ],
)
def test_every_copy_of_sen1floods11_is_found_with_its_labels_and_splits(
    tmp_path: Path, home: str, imagery: str, given: str
) -> None:
    _sen1floods11(tmp_path / home, imagery)
    lists = tmp_path / home.partition("data")[0] / "splits"
    lists.mkdir(parents=True)
    (lists / "flood_train_data.txt").write_text("India_1\n")
    (lists / "flood_val_data.txt").write_text("Ghana_2\n")
    catalog = open_catalog([tmp_path / given])
    assert _labelled(catalog) == set(CHIPS)
    assert {r.id: r.legend for r in catalog.records()} == dict.fromkeys(CHIPS, "sen1floods11")
    assert {r.id: r.split for r in catalog.records()} == {"India_1": "train", "Ghana_2": "valid"}
    assert catalog.problems() == []


def test_one_flat_folder_of_sen1floods11_is_found_with_labels_permanent_water_and_nothing_else(tmp_path: Path) -> None:
    _sen1floods11(tmp_path, "", "")
    write_tiff(tmp_path / "India_1_JRCWaterHand.tif", TRUTH)
    write_tiff(tmp_path / "India_1_S1OtsuLabelHand.tif", TRUTH)
    write_tiff(tmp_path / "India_1_S2Hand.tif", *[TRUTH] * 13)
    catalog = open_catalog([tmp_path])
    assert _labelled(catalog) == set(CHIPS) and len(catalog) == 2
    assert (catalog.get("India_1").label or VV).path.endswith("India_1_LabelHand.tif")  # type: ignore[union-attr]
    assert catalog.get("India_1").permanent_water is not None


def test_one_image_of_sen1floods11_brings_its_label_from_the_folder_beside(tmp_path: Path) -> None:
    _sen1floods11(tmp_path)
    (record,) = open_catalog([tmp_path / "S1Hand" / "India_1_S1Hand.tif"]).records()
    assert (record.id, record.has_label, record.country) == ("India_1", True, "India")


def test_images_of_sen1floods11_among_others_hide_none_of_them(tmp_path: Path) -> None:
    _sen1floods11(tmp_path, "", "")
    write_pair(tmp_path, "mine")
    assert _labelled(open_catalog([tmp_path])) == {*CHIPS, "mine"}


@pytest.mark.parametrize("given", ["", "data/flood_events/WeaklyLabeled", "data/flood_events/WeaklyLabeled/S1Weak"])
def test_weak_labels_are_told_and_taken_only_where_they_are_asked_for(tmp_path: Path, given: str) -> None:
    home = tmp_path / "data/flood_events/WeaklyLabeled"
    _both(home / "S1Weak" / "Bolivia_7_S1Weak.tif")
    write_tiff(home / "S1OtsuLabelWeak" / "Bolivia_7_S1OtsuLabelWeak.tif", SIGNED)
    catalog = open_catalog([tmp_path / given])
    assert [r.id for r in catalog.usable()] == ["Bolivia_7"] and _labelled(catalog) == set()
    assert f"--labels {home}/S1OtsuLabelWeak" in _told(catalog)
    asked = open_catalog([tmp_path / given], labels=[home / "S1OtsuLabelWeak"])  # what the sentence says to type
    assert _labelled(asked) == {"Bolivia_7"}


# --- split lists


ROWS = ["India_1_S1Hand.tif,India_1_LabelHand.tif", "Ghana_2_S1Hand.tif,Ghana_2_LabelHand.tif"]


@pytest.mark.parametrize(
    "data",
    [
        "\r\n".join(ROWS).encode(),
        codecs.BOM_UTF8 + "\r\n".join(ROWS).encode(),
        "\r\n".join(ROWS).replace(",", ";").encode(),
        "\n".join(ROWS).replace(",", "\t").encode(),
        "\r".join(ROWS).encode(),
        "\n".join(ROWS).encode("utf-16"),
        b"sep=;\r\n" + "\r\n".join(ROWS).replace(",", ";").encode(),
        "\n".join(f"C:\\data\\S1Hand\\{row.split(',')[0]}" for row in ROWS).encode(),
        "\n".join(f"./S1Hand/{row.split(',')[0]}" for row in ROWS).encode(),
        b'"India_1"\n"Ghana_2"\n',
        b"image,label\n" + "\n".join(ROWS).encode(),
        b"S1Hand,LabelHand\n" + "\n".join(ROWS).encode(),
        b"India_1\n\nGhana_2\n\n",
        b" India_1 \n Ghana_2 \n",
        b"India_1_LabelHand\nGhana_2_LabelHand\n",
    ],
    ids=lambda data: repr(data[:24]),
)
@pytest.mark.parametrize("name", ["flood_test_data.csv", "flood_test_data.txt"])
def test_a_split_list_is_read_as_any_editor_leaves_it(tmp_path: Path, data: bytes, name: str) -> None:
    _sen1floods11(tmp_path)
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / name).write_bytes(data)
    catalog = open_catalog([tmp_path])
    assert {r.split for r in catalog.records()} == {"test"}
    assert catalog.problems() == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("Peru_5\nPeru_6\n", "names no chip that is here, as Peru_5"),
        ("India_1\nPeru_6\nPeru_7\n", "names 2 of 3 chips that are not here, as Peru_6"),
        ("Peru_5\nIndia_1\n", "names 1 of 2 chips that are not here, as Peru_5"),
    ],
)
def test_what_a_split_list_names_beside_is_told_once_a_list(tmp_path: Path, rows: str, words: str) -> None:
    _sen1floods11(tmp_path)
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "flood_test_data.csv").write_text(rows)
    catalog = open_catalog([tmp_path])
    ((name, text),) = pairs(catalog.problems())
    assert name == "flood_test_data.csv" and words in text
    assert (catalog.get("India_1").split == "test") is ("India_1" in rows)


def test_two_lists_that_contradict_are_told_and_the_first_is_followed(tmp_path: Path) -> None:
    _sen1floods11(tmp_path)
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "flood_test_data.csv").write_text("India_1\nGhana_2\n")
    (tmp_path / "splits" / "flood_train_data.csv").write_text("Ghana_2\n")
    catalog = open_catalog([tmp_path])
    ((name, text),) = pairs(catalog.problems())
    assert name == "flood_train_data.csv"
    assert (
        "puts 1 chip(s), as Ghana_2, in the split train, and flood_test_data.csv puts it in test, which is followed"
        in text
    )
    assert catalog.get("Ghana_2").split == "test"


# --- DrivenData


def _drivendata(images: Path, labels: Path) -> None:
    write_tiff(images / "abc00_vv.tif", VV)
    write_tiff(images / "abc00_vh.tif", VH)
    write_tiff(labels / "abc00.tif", TRUTH)


@pytest.mark.parametrize("table", [True, False])
def test_drivendata_in_one_flat_folder_has_its_label_by_the_bare_name(tmp_path: Path, table: bool) -> None:
    _drivendata(tmp_path, tmp_path)
    if table:
        rows = codecs.BOM_UTF8 + b"chip_id;flood_id;location;scene_start\r\nabc00;abc;Bolivia;2018-02-15\r\n"
        (tmp_path / "flood-training-metadata.csv").write_bytes(rows)
    catalog = open_catalog([tmp_path])
    (record,) = catalog.records()
    assert (record.id, record.has_label, record.date) == ("abc00", True, "2018-02-15" if table else None)
    assert catalog.problems() == []


@pytest.mark.parametrize("given", ["", "train_features"])
def test_drivendatas_features_bring_their_labels_from_the_folder_beside(tmp_path: Path, given: str) -> None:
    _drivendata(tmp_path / "train_features", tmp_path / "train_labels")
    (record,) = open_catalog([tmp_path / given]).records()
    assert (record.layout, record.has_label, record.legend) == ("drivendata", True, "drivendata")


def test_drivendatas_test_features_are_chips_without_labels(tmp_path: Path) -> None:
    _drivendata(tmp_path / "test_features", tmp_path / "elsewhere")
    (record,) = open_catalog([tmp_path]).records()
    assert (record.id, record.has_imagery, record.has_label) == ("abc00", True, False)


def test_a_table_that_names_none_of_the_chips_and_one_that_contradicts_itself_are_told(tmp_path: Path) -> None:
    _drivendata(tmp_path / "train_features", tmp_path / "train_labels")
    table = tmp_path / "flood-training-metadata.csv"
    table.write_text("chip_id,flood_id,location\nxyz00,xyz,Peru\n")
    assert "names none of the 1 chips here, as abc00" in _told(open_catalog([tmp_path]))
    table.write_text("chip_id,flood_id,location\nabc00,abc,Peru\nabc00,abc,Chile\n")
    catalog = open_catalog([tmp_path])
    assert "has 1 chip(s) twice with another place or flood, as abc00" in _told(catalog)
    assert catalog.get("abc00").country == "Peru"


# --- two parallel folders, and --labels


@pytest.mark.parametrize(
    ("images", "labels", "image", "label"),
    [
        ("s1_raw", "mask", "{}", "{}"),
        ("images", "labels", "{}", "{}"),
        ("image", "masks", "{}_image", "{}_mask"),
        ("img", "gt", "{}_img", "{}_gt"),
        ("s1", "label", "{}_s1", "{}_label"),
        ("Images", "Masks", "image_{}", "mask_{}"),
        ("SAR", "msk", "{}", "{}_msk"),
        ("sentinel1", "ground_truth", "img_{}", "label_{}"),
    ],
)
def test_two_parallel_folders_are_paired_by_name(
    tmp_path: Path, images: str, labels: str, image: str, label: str
) -> None:
    for number in ("001", "002"):
        _both(tmp_path / images / f"{image.format(number)}.tif")
        write_tiff(tmp_path / labels / f"{label.format(number)}.tif", TRUTH)
    for given in (tmp_path, tmp_path / images):
        catalog = open_catalog([given])
        assert len(_labelled(catalog)) == 2 == len(catalog)
        assert catalog.problems() == []
    (one,) = open_catalog([tmp_path / images / f"{image.format('002')}.tif"]).records()
    assert one.label is not None and Path(one.label.path).name == f"{label.format('002')}.tif"


@pytest.mark.parametrize("ending", ["", "_{band}"])
def test_a_folder_each_for_vv_vh_and_labels_is_one_set(tmp_path: Path, ending: str) -> None:
    for band, values in (("vv", VV), ("vh", VH)):
        write_tiff(tmp_path / band / f"x{ending.format(band=band)}.tif", values)
    write_tiff(tmp_path / "labels" / "x.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    assert _labelled(catalog) == {"x"} and catalog.problems() == []
    np.testing.assert_array_equal(read_chip(catalog.get("x")).vh, VH)


@pytest.mark.parametrize("place", ["{split}/{kind}", "{kind}/{split}"])
def test_a_folder_for_each_split_names_it(tmp_path: Path, place: str) -> None:
    for split in ("train", "val"):
        _both(tmp_path / place.format(split=split, kind="images") / f"{split}.tif")
        write_tiff(tmp_path / place.format(split=split, kind="masks") / f"{split}.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    assert {r.id: r.split for r in catalog.records()} == {"train": "train", "val": "valid"}
    assert _labelled(catalog) == {"train", "val"}


def test_images_and_labels_without_a_partner_are_told_in_one_line_each(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        _both(tmp_path / "images" / f"{name}.tif")
    for name in ("a", "y", "z"):
        write_tiff(tmp_path / "labels" / f"{name}.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    assert _labelled(catalog) == {"a"}
    assert len(catalog.problems()) == 2
    assert "2 of 3 images have no label" in _told(catalog) and "2 of 3 labels belong to no image, as y.tif" in _told(
        catalog
    )


def test_a_folder_of_labels_is_given_to_any_source_and_takes_the_place_of_its_own(tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a", label=True)
    write_pair(tmp_path / "chips", "b", label=False)
    for name in ("a_mask", "b_mask"):
        write_tiff(tmp_path / "elsewhere" / f"{name}.tif", TRUTH)
    catalog = open_catalog([tmp_path / "chips"], labels=[tmp_path / "elsewhere"])
    assert {Path(r.label.path).parent.name for r in catalog.records() if r.label} == {"elsewhere"}
    assert _labelled(catalog) == {"a", "b"} and catalog.problems() == []
    open_catalog([tmp_path / "chips"]).to_parquet(tmp_path / "c.parquet")
    assert _labelled(open_catalog([tmp_path / "c.parquet"], labels=[tmp_path / "elsewhere"])) == {"a", "b"}


def test_a_folder_of_labels_that_fits_nothing_is_refused_with_an_example_of_both(tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a", label=False)
    write_tiff(tmp_path / "elsewhere" / "z.tif", TRUTH)
    (tmp_path / "none").mkdir()
    with pytest.raises(
        SourceError, match=r"No label in .* belongs to an image, by their names \(z.tif there, a_vv.tif"
    ):
        open_catalog([tmp_path / "chips"], labels=[tmp_path / "elsewhere"])
    with pytest.raises(SourceError, match="holds no GeoTIFF"):
        open_catalog([tmp_path / "chips"], labels=[tmp_path / "none"])
    with pytest.raises(SourceError, match="is no folder"):
        open_catalog([tmp_path / "chips"], labels=[tmp_path / "nowhere"])


# --- side layers of products


HYP3 = "S1A_IW_20180921T051229_DVP_RTC30_G_gpuned_1234"
OPERA = "OPERA_L2_RTC-S1_T034-071100-IW3_20211212T002833Z_20230929T210202Z_S1B_30_v1.0"


@pytest.mark.parametrize(
    ("product", "bands", "sides", "told"),
    [
        (OPERA, ("_VV", "_VH"), ("_mask",), True),
        (HYP3, ("_VV", "_VH"), ("_ls_map", "_inc_map", "_rgb", "_area", "_WM"), True),
        (HYP3, ("_VV", "_VH"), ("_inc_map", "_rgb", "_area"), False),
        (
            "S1A__IW___A_20180921T051229",
            ("_VV_gamma0-rtc_db", "_VH_gamma0-rtc_db"),
            ("_layoverShadowMask", "_localIncAngle"),
            True,
        ),
        ("scene", ("_VV", "_VH"), ("_layover_shadow_mask", "_localIncidenceAngle", "_incidence_angle", "_angle"), True),
        (
            "s1a-iw-nrb-20200103t170705-030639-0382d5-32tps",
            ("-vv-g-lin", "-vh-g-lin"),
            ("-dm", "-ei", "-gs", "-id", "-lc"),
            False,
        ),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_a_products_side_layers_are_no_truth_and_no_broken_chips(
    tmp_path: Path, product: str, bands: tuple[str, str], sides: tuple[str, ...], told: bool
) -> None:
    for band, values in zip(bands, (VV, VH), strict=True):
        write_tiff(tmp_path / f"{product}{band}.tif", values)
    for side in sides:
        write_tiff(tmp_path / f"{product}{side}.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    (record,) = catalog.records()
    assert record.has_imagery and record.label is None
    assert len(catalog.problems()) == told, catalog.problems()


def test_gfms_layers_are_no_chips_though_they_have_vv_in_their_names(tmp_path: Path) -> None:
    for name in ("ENSEMBLE_FLOOD", "ENSEMBLE_EXCLAYER", "TUWIEN_FLOOD"):
        write_tiff(tmp_path / f"{name}_20220830T011518_VV_A042_E020M_AS.tif", TRUTH)
    with pytest.raises(
        SourceError, match=r"holds no image: .* and 2 more are neither image nor truth by name.*a layer of GFM"
    ):
        open_catalog([tmp_path])


def test_s1s2_waters_msk_is_truth_and_its_other_layers_are_left_alone(tmp_path: Path) -> None:
    _both(tmp_path / "sentinel12_s1_31_img.tif")
    for name in ("s1_31_msk", "s1_31_valid", "s2_31_img", "s2_31_msk", "s2_31_valid", "copdem30_31_slope"):
        write_tiff(tmp_path / f"sentinel12_{name}.tif", TRUTH)
    (record,) = open_catalog([tmp_path]).records()
    assert record.label is not None and record.label.path.endswith("sentinel12_s1_31_msk.tif")
    assert (record.id, record.legend) == ("sentinel12_s1_31_img", "s1s2water")


def test_a_mask_beside_an_image_of_no_known_product_is_truth_and_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_pair(tmp_path, name, label=False)
        write_tiff(tmp_path / f"{name}_mask.tif", TRUTH)
    catalog = open_catalog([tmp_path])
    assert _labelled(catalog) == {"a", "b"}
    ((_, text),) = pairs(catalog.problems())
    assert (
        "a_mask.tif and 1 more are taken for the truth of their chips, though _mask may be a mask of anything" in text
    )
    write_tiff(tmp_path / "a_label.tif", TRUTH)
    assert (open_catalog([tmp_path]).get("a").label or VV).path.endswith("a_label.tif")  # type: ignore[union-attr]


def test_what_floodscope_predicted_is_not_taken_for_truth(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", label=False)
    write_tiff(tmp_path / "a_mask.tif", TRUTH, tags={"chip": "a", "model": "backscatter"})
    write_tiff(tmp_path / "a_probability.tif", TRUTH, tags={"chip": "a", "model": "backscatter"})
    catalog = open_catalog([tmp_path])
    assert _labelled(catalog) == set() and len(catalog) == 1
    assert "a prediction of floodscope" in _told(catalog)


def test_an_image_whose_name_ends_like_a_side_layer_is_an_image(tmp_path: Path) -> None:
    _both(tmp_path / "study_area.tif")
    assert [r.id for r in open_catalog([tmp_path]).usable()] == ["study_area"]


@pytest.mark.parametrize("name", [f"{OPERA}_mask", f"{HYP3}_ls_map", "x_label", "x_mask", "x_dem"])
def test_one_file_that_is_no_image_by_its_name_says_what_it_is(tmp_path: Path, name: str) -> None:
    write_tiff(tmp_path / f"{name}.tif", TRUTH)
    with pytest.raises(SourceError, match="by its name: give the image that it belongs to"):
        open_catalog([tmp_path / f"{name}.tif"])


# --- products that must be processed first, and what is no file


def _dimap(folder: Path) -> None:
    (folder / "S1A_TC_dB.data").mkdir(parents=True)
    (folder / "S1A_TC_dB.dim").write_text("<Dimap_Document/>")
    for band in ("Sigma0_VV_db", "Sigma0_VH_db"):
        (folder / "S1A_TC_dB.data" / f"{band}.img").write_bytes(b"\1" * 100)
        (folder / "S1A_TC_dB.data" / f"{band}.hdr").write_text("ENVI\n")


def _half_a_safe(folder: Path) -> None:
    inner = folder / "S1A_IW_GRDH_1SDV_20180921T051229_20180921T051254_023799_02991A_1234.SAFE"
    (inner / "measurement").mkdir(parents=True)
    (inner / "manifest.safe").write_text("<xfdu/>")


@pytest.mark.parametrize(
    ("make", "given", "words"),
    [
        (_dimap, "", "export VV and VH in dB"),
        (_dimap, "S1A_TC_dB.dim", "export VV and VH in dB"),
        (_dimap, "S1A_TC_dB.data", "Sigma0_VH_db.img, Sigma0_VV_db.img"),
        (_half_a_safe, "", "lacks the annotation of VV"),
        (
            _half_a_safe,
            "S1A_IW_GRDH_1SDV_20180921T051229_20180921T051254_023799_02991A_1234.SAFE",
            "lacks the annotation",
        ),
    ],
)
def test_a_product_that_cannot_be_used_is_told_by_its_true_cause(
    tmp_path: Path, make: Callable[[Path], None], given: str, words: str
) -> None:
    make(tmp_path)
    with pytest.raises(SourceError, match=words):
        open_catalog([tmp_path / given])


def test_a_product_beside_good_chips_is_one_line(tmp_path: Path) -> None:
    write_pair(tmp_path, "x")
    _dimap(tmp_path)
    _half_a_safe(tmp_path)
    catalog = open_catalog([tmp_path])
    assert _labelled(catalog) == {"x"}
    assert sorted(name[:4] for name, _ in pairs(catalog.problems())) == ["S1A_", "S1A_"]


def test_esas_measurement_files_are_a_pair_whose_date_is_known(tmp_path: Path) -> None:
    for number, band, values in ((1, "vv", VV), (2, "vh", VH)):
        name = f"s1a-iw-grd-{band}-20180921t051229-20180921t051254-023799-02991a-00{number}.tiff"
        write_tiff(tmp_path / name, values)
    (record,) = open_catalog([tmp_path]).usable()
    assert record.date == "2018-09-21"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "https://no-such-machine.invalid/a%20b/iw-vv.tiff?sig=1&x=2",
            "iw-vv.tiff cannot be asked: no machine is called",
        ),
        ("gs://bucket/x", "gs://bucket/x is an address of a kind that is not read here"),
        ("/vsicurl/https://example.org/x.tif", "is a virtual path of GDAL"),
        ("file:///tmp/x.tif", "give its path alone"),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_an_address_is_told_to_be_one(source: str, words: str, kind: Callable[[str], str | Path]) -> None:
    with pytest.raises(SourceError, match=words):
        open_catalog([kind(source)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull"),
        ("/annex/objects/SHA256E-s12--00.tif\n", "git annex get"),
    ],
)
def test_a_pointer_to_a_file_that_was_not_fetched_says_how_it_is_fetched(tmp_path: Path, text: str, words: str) -> None:
    for band in ("vv", "vh"):
        (tmp_path / f"a_{band}.tif").write_text(text)
    assert words in _told(open_catalog([tmp_path]))


# --- names


def test_a_pair_called_by_its_folder_has_the_folders_date(tmp_path: Path) -> None:
    folder = tmp_path / "S1A_IW_GRDH_1SDV_20210901T000000"
    for band, values in (("vv", VV), ("vh", VH)):
        write_tiff(folder / f"{band}.tif", values)
    (record,) = open_catalog([folder]).records()
    assert (record.id, record.date) == (folder.name, "2021-09-01")


def test_names_of_images_and_labels_meet() -> None:
    for image, label in (
        ("a_img", "a_msk"),
        ("a", "a_mask"),
        ("image_7", "mask_7"),
        ("India_1_S1Hand", "India_1_LabelHand"),
    ):
        assert pair_key(image) == pair_key(label)
    assert pair_key("mask") == "mask" and pair_key("s1_a") == "s1_a"


def test_planetary_computers_files_are_a_pair() -> None:
    parts = [part_of(Path(f"/x/S1A_scene/iw-{band}.rtc.tiff")) for band in ("vv", "vh")]
    assert [part.role for part in parts] == ["vv", "vh"] and parts[0].key == parts[1].key


@pytest.mark.parametrize(
    "names", [("image_1", "mask_1"), ("img_07", "label_07"), ("S1_3", "gt_3"), ("image-1", "masks-1")]
)
def test_numbered_images_and_masks_in_one_folder_are_pairs(tmp_path: Path, names: tuple[str, str]) -> None:
    image, label = names
    write_tiff(tmp_path / f"{image}.tif", *backscatter(), names=("VV", "VH"))
    write_tiff(tmp_path / f"{label}.tif", lake().astype(np.uint8))
    (record,) = open_catalog([tmp_path]).records()
    assert record.id == image and record.has_imagery and record.has_label
    write_tiff(tmp_path / "mask_99.tif", *backscatter(), names=("VV", "VH"))  # an image, whatever it is called
    assert {r.id for r in open_catalog([tmp_path]).usable()} == {image, "mask_99"}


def test_a_polarization_at_the_beginning_of_a_name_is_no_part_of_the_id(tmp_path: Path) -> None:
    for name, band in zip(("VV", "VH"), backscatter(), strict=True):
        write_tiff(tmp_path / f"{name}_lake.tif", band)
    write_tiff(tmp_path / "lake_label.tif", lake().astype(np.uint8))
    (record,) = open_catalog([tmp_path]).records()
    assert record.id == "lake" and record.has_imagery and record.has_label
