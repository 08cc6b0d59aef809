"""model.tar.gz: a bundle with the code that runs it, as the hosting contract unpacks it to /opt/ml/model.

    model.json, *.safetensors     the bundle
    code/inference.py             model_fn, input_fn, predict_fn, output_fn
    code/model, code/tiles        floodscope's packages, as far as prediction needs them
    code/requirements.txt         the versions of its libraries that it was packaged with

The same bundle and code give the same bytes, so that a second deployment finds what the first one sent.
"""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from model.bundle.archive import MANIFEST, read_files, read_manifest
from model.bundle.manifest import Bundle, read_bundle
from tiles.files import replacing, unwritable

ARCHIVE = "model.tar.gz"
CODE = "code"

REPOSITORY = Path(__file__).resolve().parents[3]
"""The folder that holds the packages: of the source tree, or site-packages."""

_ENTRY = '''"""What SageMaker's containers call: floodscope's handler, from the packages that lie beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from model.serving.inference import input_fn, model_fn, output_fn, predict_fn  # noqa: E402

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
'''
# What prediction needs none of: these talk to AWS, train, or evaluate.
_LEFT_OUT = ("model/aws/", "model/training/", "model/evaluation/", "model/streams/", "model/scale/")
# torch and torchvision come with the image, built for its CUDA; another build of them would take gigabytes and may not run.
_SERVING = (
    *("lightgbm", "numpy", "pyproj", "rasterio", "safetensors", "scikit-image", "scipy", "segmentation-models-pytorch"),
    "shapely",
)
_TRAINING = (
    *_SERVING,
    *("click", "geopandas", "lightning", "optuna", "pandas", "platformdirs", "plotly", "pyarrow", "pyogrio"),
    *("rio-tiler", "sqlalchemy", "tensorboard", "tqdm"),
)


def package(bundle: Path, archive: Path) -> Bundle:
    """Write a bundle and the code that runs it as model.tar.gz, and return the bundle.

    Args:
        bundle: a folder or .tar.gz; verified first.
        archive: the file to write, whole or not at all.

    Raises:
        BundleError: the bundle is damaged.
        OutputError: the file cannot be written.
    """
    found = read_bundle(bundle)
    # As it lies there: written anew, model.json would lose its place as what a person may read.
    files = [(MANIFEST, read_manifest(bundle))]
    files += sorted(read_files(bundle, found.files))
    files += [(f"{CODE}/{name}", content) for name, content in serving_code()]
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(archive) as part,
            part.open("wb") as file,
            gzip.GzipFile("", "wb", 1, file, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
        ):
            for name, content in files:
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o644
                tar.addfile(member, io.BytesIO(content))
    except OSError as error:
        raise unwritable(archive, error) from error
    return found


def serving_code() -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of everything in code/, sorted."""
    yield "inference.py", _ENTRY.encode()
    yield from sources(("model", "tiles"), _LEFT_OUT)
    yield "requirements.txt", requirements(_SERVING)


def training_code(folder: Path) -> None:
    """Write what a training container runs into a folder: `train.py` as its entry point, and the packages.

    Raises:
        OutputError: the folder cannot be written.
    """
    files = [
        *sources(("dashboard", "model", "tiles"), ()),
        ("assets/countries.geojson", (REPOSITORY / "assets" / "countries.geojson").read_bytes()),
        ("requirements.txt", requirements(_TRAINING)),
        ("train.py", b'"""SageMaker\'s entry point."""\n\nfrom model.aws.jobs.entry import main\n\nmain()\n'),
    ]
    try:
        for name, content in files:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise unwritable(folder, error) from error


def sources(packages: Sequence[str], left_out: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the Python files of some packages, sorted by name."""
    for package_name in packages:
        for path in sorted((REPOSITORY / package_name).rglob("*.py")):
            name = path.relative_to(REPOSITORY).as_posix()
            if not name.startswith(left_out):
                yield name, path.read_bytes()


def requirements(names: Sequence[str]) -> bytes:
    """Return requirements.txt with the versions that are installed here."""
    lines = ["# The versions this was packaged with. torch and torchvision are the image's own."]
    lines += [f"{name}=={importlib.metadata.version(name)}" for name in names]
    return ("\n".join(lines) + "\n").encode()
