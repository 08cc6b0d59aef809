"""Countries and dates in one form."""

from __future__ import annotations

import pytest
from shapely.geometry import Point, box

from tiles.places import country_at, country_name, date_in, date_in_tags, iso_date


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("USA", "United States of America"),
        ("Sri-Lanka", "Sri Lanka"),
        ("Mekong", "Cambodia"),
        ("uk", "United Kingdom"),
        (" India ", "India"),
        ("", None),
        (None, None),
    ],
)
def test_a_country_has_one_name(said: str | None, name: str | None) -> None:
    assert country_name(said) == name


def test_a_place_at_sea_near_a_coast_has_that_coasts_country_and_the_open_ocean_has_none() -> None:
    assert country_at(box(80.0, 26.0, 80.1, 26.1)) == "India"
    assert country_at(Point(-1.2, 5.0).buffer(0.02)) == "Ghana"
    assert country_at(box(-140.0, -40.0, -139.9, -39.9)) is None


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("2018-02-15", "2018-02-15"),
        ("2018/02/15", "2018-02-15"),
        ("20180215T101112", "2018-02-15"),
        ("201802151", None),
        ("2018-02-15T10:11:12Z", "2018-02-15"),
        (20180215, "2018-02-15"),
        ("15.2.2018", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_iso_or_none(said: object, date: str | None) -> None:
    assert iso_date(said) == date


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("S1A_IW_GRDH_1SDV_20210901T000000_20210901T000025_039", "2021-09-01"),
        ("s1a-iw-grd-vv-20180921t051229-20180921t051254-023799", "2018-09-21"),
        ("flood_2018-09-21_vv", "2018-09-21"),
        ("flood_2018_09_21", "2018-09-21"),
        ("flood20180921vv", "2018-09-21"),
        ("India_900498", None),
        ("tile_20181332", None),
        ("20180230", None),
        ("id_120180921", None),
        ("before_20180101_after_20180921", None),
        ("20180921_20180921", "2018-09-21"),
        ("99999999T999999_20180921T051229", "2018-09-21"),
    ],
)
def test_dates_are_found_in_names(name: str, date: str | None) -> None:
    assert date_in(name) == date


def test_dates_are_found_in_tags_that_say_when_an_image_was_taken() -> None:
    assert date_in_tags({"ACQUISITION_DATE": "2018-09-21T05:12:29Z"}) == "2018-09-21"
    assert date_in_tags({"datetime": "20180921"}) == "2018-09-21"
    assert date_in_tags({"TIFFTAG_DATETIME": "2024:01:01 00:00:00"}) is None, "when the file was written"
    assert date_in_tags({"date": "2018-13-40"}) is None
