"""Countries and dates in one form."""

from __future__ import annotations

import pytest
from shapely.geometry import Point, box

from tiles.places import country_at, country_name, iso_date


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
