"""What evaluate and predict can be asked beside scores, run as a user runs it: as processes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from command_line import Run

from dashboard.commands.prediction import ALERT_EXIT_CODE
from dashboard.commands.values import SeveralValues, Share

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all, so that chips are predicted once."""
    return tmp_path_factory.mktemp("asked") / "data"


def test_everything_at_once_goes_to_json_html_and_the_table(
    floodscope: Run, simulated: Path, data: Path, tmp_path: Path
) -> None:
    asked = ["evaluate", simulated, "--data", data, "--robustness", "--compare", "backscatter", "backscatter:otsu"]
    result = floodscope(*asked, "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    assert result.returncode == 0, result.stderr
    written = f"Written to {tmp_path / 'r.json'}\nWritten to {tmp_path / 'r.html'}\n"
    assert (result.stdout, result.stderr) == (written, "")
    report = json.loads((tmp_path / "r.json").read_text())
    assert [m["model"]["name"] for m in report["comparison"]["models"]] == ["VH threshold -22 dB", "VH Otsu threshold"]
    assert len(report["robustness"]["changes"]) == 14
    assert report["alert"]["above"] == 0.05
    page = (tmp_path / "r.html").read_text()
    assert f"{report['micro']['iou']:.3f}" in page
    for said in ("By country", "Robustness", "Comparison", "By share of water", "Worst chips"):
        assert f"<h2>{said}</h2>" in page
    table = floodscope(*asked).stdout
    for said in ("share of water of the chip", "Is more than 5 %", "compared on", "spread of IoU over the eight views"):
        assert said in table


def test_a_given_model_is_the_first_to_be_compared(floodscope: Run, simulated: Path, data: Path) -> None:
    asked = ["--model", "backscatter:otsu", "--compare", "backscatter"]
    result = floodscope("evaluate", simulated, "--data", data, *asked, "--json")
    report = json.loads(result.stdout)
    assert report["model"]["name"] == "VH Otsu threshold"
    assert [p["second"] for p in report["comparison"]["pairs"]] == ["VH threshold -22 dB"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--compare", "backscatter"], "needs two models"),
        (["--compare", "backscatter", "backscatter:-22"], "are the same"),
        (["--alert-above", "5"], "write 5% or 0.05"),
        (["--html", "a.html", "--json", "a.html"], "cannot both"),
    ],
)
def test_what_cannot_be_asked_is_wrong_use(
    floodscope: Run, simulated: Path, data: Path, asked: list[str], said: str
) -> None:
    result = floodscope("evaluate", simulated, "--data", data, *asked)
    assert result.returncode == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("above", ["5%", "0.05"])
def test_predict_answers_for_each_chip_and_exits_by_the_answer(
    floodscope: Run, simulated: Path, data: Path, above: str
) -> None:
    result = floodscope("predict", simulated, "--data", data, "--alert-above", above, "--json", "-")
    assert result.returncode == ALERT_EXIT_CODE == 3, result.stderr
    report = json.loads(result.stdout)  # and nothing else is on stdout
    assert len(report["chips"]) == 11
    assert report["alert_above"] == 0.05
    assert report["alerts"] == sum(c["alert"] for c in report["chips"]) > 0
    for chip in report["chips"]:
        low, high = chip["share_ci"]
        assert 0 <= low <= chip["share"] <= high <= 1
        assert chip["alert"] == (chip["probability"] >= 0.5)
        assert chip["share_error"]["origin"] == "labelled chips"
        assert chip["share_error"]["chips"] <= 10  # never the chip itself
    assert "predicted" in result.stderr or "were there" in result.stderr


def test_no_chip_above_is_exit_code_0_and_the_table_says_no(floodscope: Run, simulated: Path, data: Path) -> None:
    result = floodscope("predict", simulated, "--data", data, "--alert-above", "99.9%")
    assert result.returncode == 0, result.stderr
    assert "YES" not in result.stdout
    assert result.stdout.count("  no") >= 11 or result.stdout.count(" no ") >= 11


def test_json_without_a_question_holds_shares_and_no_answer(
    floodscope: Run, simulated: Path, data: Path, tmp_path: Path
) -> None:
    result = floodscope("predict", simulated, "--data", data, "--json", tmp_path / "p.json")
    assert result.returncode == 0, result.stderr
    chip = json.loads((tmp_path / "p.json").read_text())["chips"][0]
    assert {"share", "share_ci", "share_error", "water_km2", "valid_km2"} <= set(chip)
    assert not {"alert", "probability", "above"} & set(chip)


def test_each_chips_water_is_told_with_its_range_and_what_that_rests_on(
    floodscope: Run, simulated: Path, data: Path, tmp_path: Path
) -> None:
    told = floodscope("predict", simulated, "--data", data).stdout.splitlines()
    alone = floodscope("predict", simulated, "--data", data, "--json", "-")
    chips = json.loads(alone.stdout)["chips"]
    for chip in chips:
        low, high = (share * chip["valid_km2"] for share in chip["share_ci"])
        (row,) = [line for line in told if line.startswith(chip["id"])]
        assert f"{chip['water_km2']:.2f} km² ({low:.2f} to {high:.2f})" in row
    assert told[-1].startswith("Ranges: from the model's error on the labelled chips among these")


def test_without_labels_the_error_is_assumed_and_said_to_be(
    floodscope: Run, simulated: Path, data: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(simulated / "S1Hand", bare)
    result = floodscope("predict", bare, "--data", tmp_path / "d", "--alert-above", "5%")
    assert result.returncode in {0, ALERT_EXIT_CODE}, result.stderr
    assert "it is assumed" in result.stdout


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("5 %", 0.05), ("0.05", 0.05), (".5", 0.5), ("0", 0.0), ("12.5%", 0.125)]
)
def test_a_share_is_a_percentage_or_a_fraction(text: str, share: float) -> None:
    assert Share().convert(text, None, None) == share


@pytest.mark.parametrize("text", ["5", "1", "100%", "-5%", "", "%", "five", "nan", "1e-2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"write 5% or 0\.05"):
        Share().convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["s", "--many", "a", "b"], (("s",), ("a", "b"), False)),
        (["s", "--many", "a", "b", "--flag"], (("s",), ("a", "b"), True)),
        (["--many", "a", "--flag", "s"], (("s",), ("a",), True)),
        (["--many", "a", "--many", "b", "--", "s"], (("s",), ("a", "b"), False)),
        (["s", "t", "--many=a"], (("s", "t"), ("a",), False)),
        (["s"], (("s",), (), False)),
    ],
)
def test_values_after_one_name_are_all_its_own(
    arguments: list[str], found: tuple[tuple[str, ...], tuple[str, ...], bool]
) -> None:
    seen: list[object] = []

    @click.command(cls=SeveralValues)
    @click.argument("sources", nargs=-1)
    @click.option("--many", multiple=True)
    @click.option("--flag", is_flag=True)
    def command(sources: tuple[str, ...], many: tuple[str, ...], flag: bool) -> None:
        seen.append((sources, many, flag))

    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert seen == [found]
