"""model.tar.gz holds a bundle and the code that runs it, the same bytes each time, and it runs on its own."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import numpy as np
import pytest

from model.aws.endpoint.package import package, serving_code
from model.bundle.manifest import read_bundle
from model.predictors.local import LocalPredictor
from tests.dashboard.command_line import Run
from tiles.catalog.catalog import open_catalog
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

# Only the unpacked folder and the libraries: neither this repository nor its editable install can be imported.
_ALONE = (sys.executable, "-I", "-S", "-c")
_PATHS = f"import sys; sys.path[:0] = ['CODE']; sys.path.append({sysconfig.get_path('purelib')!r}); "


def test_it_is_a_bundle_with_its_code_and_the_same_bytes_twice(bundle: Path, tmp_path: Path) -> None:
    package(bundle, tmp_path / "a.tar.gz")
    package(tmp_path / "a.tar.gz", tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert read_bundle(tmp_path / "a.tar.gz").id == read_bundle(bundle).id
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        members = tar.getmembers()
    names = {member.name for member in members}
    assert {"model.json", "model.safetensors", "code/inference.py", "code/requirements.txt"} <= names
    assert {"code/model/bundle/network.py", "code/tiles/chip.py"} <= names
    assert not [name for name in names if name.startswith(("code/dashboard", "code/model/aws", "code/model/training"))]
    assert {(m.uid, m.mtime, m.mode) for m in members} == {(0, 0, 0o644)}


def test_every_module_that_the_code_imports_is_in_it() -> None:
    code = {name: content for name, content in serving_code() if name.endswith(".py")}
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in code}
    for name, content in code.items():
        for node in ast.parse(content).body:  # at module level: what a function imports is asked for when it is called
            wanted = [node.module] if isinstance(node, ast.ImportFrom) else []
            wanted += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in wanted:
                if module and module.partition(".")[0] in {"model", "tiles", "dashboard"}:
                    assert module in modules, f"{name} imports {module}, which is left out"


def test_unpacked_as_sagemaker_does_it_answers_as_the_local_model(bundle: Path, chips: Path, tmp_path: Path) -> None:
    package(bundle, tmp_path / "model.tar.gz")
    home = tmp_path / "opt" / "ml" / "model"
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        tar.extractall(home, filter="data")
    chip = read_chip(open_catalog([chips]).usable()[0])
    np.save(tmp_path / "in.npy", np.stack([chip.vv, chip.vh])[None])
    script = _PATHS.replace("CODE", str(home / "code")) + (
        "import inference, pathlib, model; "
        f"assert model.__file__.startswith({str(home)!r}), model.__file__; "
        f"loaded = inference.model_fn({str(home)!r}); "
        f"data = inference.input_fn(pathlib.Path({str(tmp_path / 'in.npy')!r}).read_bytes(), 'application/x-npy'); "
        "answer = inference.output_fn(inference.predict_fn(data, loaded), 'application/x-npy'); "
        "answer = answer[0] if isinstance(answer, tuple) else answer; "
        f"pathlib.Path({str(tmp_path / 'out.npy')!r}).write_bytes(answer)"
    )
    done = subprocess.run([*_ALONE, script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (expected,) = LocalPredictor(bundle, "cpu").predict([chip])
    assert np.array_equal(np.load(tmp_path / "out.npy")[0], expected)


def test_the_lambda_function_answers_as_the_local_model(bundle: Path, chips: Path, tmp_path: Path) -> None:
    chip = read_chip(open_catalog([chips]).usable()[0])
    np.save(tmp_path / "in.npy", np.stack([chip.vv, chip.vh])[None])
    event = {
        "rawPath": "/invocations",
        "requestContext": {"http": {"method": "POST"}},
        "headers": {"content-type": "application/x-npy", "accept": "application/x-npy"},
        "isBase64Encoded": True,
        "body": base64.b64encode((tmp_path / "in.npy").read_bytes()).decode(),
    }
    bad = {**event, "body": base64.b64encode(b"no npy").decode()}
    ping = {"rawPath": "/ping", "requestContext": {"http": {"method": "GET"}}, "headers": {}}
    script = (
        "import json, sys\nfrom model.aws.endpoint.lambda_handler import handler\n"
        "print(json.dumps([handler(e, None) for e in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps([event, bad, ping]),
        env={"FLOODSCOPE_MODEL": str(bundle), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, refused, alive = json.loads(done.stdout.splitlines()[-1])
    assert (answer["statusCode"], refused["statusCode"], alive["statusCode"]) == (200, 400, 200)
    (tmp_path / "out.npy").write_bytes(base64.b64decode(answer["body"]))
    (expected,) = LocalPredictor(bundle, "cpu").predict([chip])
    assert np.array_equal(np.load(tmp_path / "out.npy")[0], expected)


def test_the_command_packs_and_its_dry_run_lists(floodscope: Run, nowhere: None, bundle: Path, tmp_path: Path) -> None:
    listed = floodscope("package", bundle, "--out", tmp_path / "m.tar.gz", "--dry-run")
    assert listed.stdout.splitlines()[:3] == ["model.json", "model.safetensors", "code/inference.py"]
    assert not (tmp_path / "m.tar.gz").exists()
    assert floodscope("package", bundle, "--out", tmp_path / "m.tar.gz").returncode == 0
    with tarfile.open(tmp_path / "m.tar.gz") as tar:
        assert tar.getnames() == listed.stdout.split()
    broken = floodscope("package", tmp_path, "--out", tmp_path / "n.tar.gz")
    assert (broken.returncode, broken.stderr.count("\n")) == (1, 1)
