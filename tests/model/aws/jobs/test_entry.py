"""The entry point of a training job: the environment of a container becomes a `floodscope train`, and its bundle a model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from model.aws.endpoint.package import training_code
from model.aws.jobs.entry import INDEX, hyperparameters, options_of, run, sources_of
from model.aws.jobs.metrics import METRICS
from model.bundle.manifest import read_bundle
from model.training.epochs import best_line, epoch_line
from tiles.errors import SourceError, TrainingError, UsageError

pytestmark = pytest.mark.slow

# What the SDK's container script and AWS's own training toolkit write for the same hyperparameters.
HPS = {
    "recipe": "quick",
    "split": "country",
    "learning_rate": 0.002,
    "encoder": '"tu-mobilenetv3_small_050"',
    "augmentation__zoom": "0",
    "options": {"encoder_depth": 3, "decoder_channels": [16, 8, 8]},
    "sagemaker_program": "train.py",
    "_tuning_objective_metric": "validation:best_iou",
}


def test_hyperparameters_are_options_and_fields_of_the_recipe() -> None:
    wanted = [
        *("--recipe", "quick", "--split", "country"),
        *("--set", "learning_rate=0.002", "--set", "encoder=tu-mobilenetv3_small_050", "--set", "augmentation.zoom=0"),
        *("--set", 'options={"encoder_depth" = 3, "decoder_channels" = [16, 8, 8]}'),
    ]
    assert options_of(hyperparameters({"SM_HPS": json.dumps(HPS)})) == wanted
    single = {
        f"SM_HP_{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in HPS.items()
    }
    assert sorted(options_of(hyperparameters(single))) == sorted(wanted)


def test_all_gpus_of_the_machine_are_used_unless_told_otherwise() -> None:
    assert options_of({}, 4) == ["--devices", "4"]
    assert options_of({"devices": 2}, 4) == ["--devices", "2"]
    assert options_of({}, 1) == options_of({}, 0) == []


def test_channels_are_sources_and_an_upload_must_be_whole(tmp_path: Path) -> None:
    (tmp_path / "up" / "chips").mkdir(parents=True)
    (tmp_path / "up" / "chips" / "a.tif").write_bytes(b"1234")
    index = {"sources": ["chips"], "files": {"chips/a.tif": {"size": 4, "sha256": ""}}}
    (tmp_path / "up" / INDEX).write_text(json.dumps(index))
    environment = {
        "SM_CHANNEL_TRAINING": str(tmp_path / "up"),
        "SM_CHANNEL_MORE": str(tmp_path / "more"),
        "SM_CHANNEL_CODE": "/code",
        "SM_CHANNEL_SM_DRIVERS": "/drivers",
    }
    assert sources_of(environment) == [tmp_path / "more", tmp_path / "up" / "chips"]
    (tmp_path / "up" / "chips" / "a.tif").write_bytes(b"12")
    with pytest.raises(SourceError, match=r"SM_CHANNEL_TRAINING lacks chips/a\.tif.*upload"):
        sources_of(environment)
    with pytest.raises(SourceError, match="no data channel"):
        sources_of({"SM_CHANNEL_CODE": "/code"})


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "SM_MODEL_DIR is not set"),
        ({"SM_MODEL_DIR": "m", "SM_CHANNEL_TRAINING": "c", "SM_HPS": "{"}, "SM_HPS is no JSON"),
        ({"SM_MODEL_DIR": "m", "SM_CHANNEL_TRAINING": "c", "SM_HPS": "[]"}, "SM_HPS is no JSON object"),
    ],
)
def test_an_environment_that_is_not_sagemakers_is_told(environment: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run(environment)


def test_a_real_training_in_the_container_s_environment(chips: Path, tmp_path: Path) -> None:
    """The code as it is sent, run as the container runs it, on a few chips; again, as after a lost spot instance."""
    training_code(tmp_path / "code")
    for name in ("model", "output", "checkpoints"):
        (tmp_path / name).mkdir()
    hps = {k: v for k, v in HPS.items() if k != "learning_rate"} | {"steps_per_epoch": 2, "batch": 2, "crop": 32}
    environment = {
        "PATH": "",
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
        "SM_CHANNEL_TRAINING": str(chips),
        "SM_CHANNEL_CODE": str(tmp_path / "code"),
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SM_OUTPUT_DATA_DIR": str(tmp_path / "output"),
        "SM_OUTPUT_FAILURE": str(tmp_path / "failure"),
        "SM_NUM_GPUS": "0",
        "SM_HPS": json.dumps(hps),
        "FLOODSCOPE_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "TRAINING_JOB_NAME": "floods-1",
    }

    def train() -> str:
        # The toolkit hands hyperparameters over as arguments too; the environment is what counts.
        done = subprocess.run(
            [sys.executable, "train.py", "--recipe", "quick"],
            cwd=tmp_path / "code",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    log = train()
    bundle = read_bundle(tmp_path / "model")
    assert bundle.encoder == "tu-mobilenetv3_small_050"
    assert bundle.training["recipe"]["augmentation"]["zoom"] == 0
    assert "countr" in bundle.training["split"]
    assert (tmp_path / "output" / "logs" / "csv" / "metrics.csv").is_file()
    assert (tmp_path / "checkpoints" / "floods-1" / "checkpoints" / "last.ckpt").is_file()

    # The published expressions find in the real log what the epochs were.
    found = {m["Name"]: [float(v) for v in re.findall(m["Regex"], log)] for m in METRICS}
    assert found["epoch"] == [1, 2]
    assert len(found["train:loss"]) == len(found["validation:iou"]) == 2
    assert found["validation:best_iou"] == [max(found["validation:iou"])]

    again = train()  # everything is trained: it ends with the same weights, and trains no epoch
    assert re.findall(r"\bepoch=\d+", again) == [], again
    assert read_bundle(tmp_path / "model").members == bundle.members


def test_a_training_that_fails_leaves_its_reason_where_sagemaker_looks(chips: Path, tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    environment = {"SM_MODEL_DIR": str(tmp_path / "m"), "SM_CHANNEL_TRAINING": str(chips), "PATH": ""}
    with pytest.raises(TrainingError, match=r"ended with 1: There is no recipe 'quikc'.*did you mean quick"):
        run(environment | {"SM_HPS": '{"recipe": "quikc"}'})
    done = subprocess.run(
        [sys.executable, "-c", "from model.aws.jobs.entry import main; main()"],
        env={"PATH": "", "SM_OUTPUT_FAILURE": str(tmp_path / "output" / "failure")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert (tmp_path / "output" / "failure").read_text().startswith("SM_MODEL_DIR is not set")
    assert done.stderr.count("\n") == 1


def test_a_line_of_an_epoch_reads_the_same_to_people_and_programs() -> None:
    rows = [
        {"epoch": 1, "train_loss": 0.5, "validation_iou": 0.25},
        {"epoch": 2, "train_loss": 1e-7, "validation_iou": 0.0},
    ]
    assert epoch_line(rows[0]) == "epoch=1 train_loss=0.50000 validation_iou=0.25000"
    assert best_line(rows) == "best_validation_iou=0.25000"
    assert best_line([{"epoch": 1, "train_loss": float("nan")}]) is None
    text = f"algo-1 | {epoch_line(rows[0])}\n{best_line(rows)}"
    assert [re.findall(m["Regex"], text) for m in METRICS] == [["0.50000"], ["0.25000"], ["0.25000"], ["1"]]
