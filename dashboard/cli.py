"""The command line: one group of commands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
import traceback

import click

from dashboard.commands.batch import batch
from dashboard.commands.catalog import catalog
from dashboard.commands.dashboard import dashboard, demo
from dashboard.commands.data import download, simulate
from dashboard.commands.evaluation import evaluate
from dashboard.commands.export import export
from dashboard.commands.prediction import predict
from dashboard.commands.rasters import cut, geocode, regrid
from dashboard.commands.sagemaker.endpoint import sagemaker
from dashboard.commands.serve import serve
from dashboard.commands.store import store
from dashboard.commands.training import name_chips, train, tune
from dashboard.commands.watch import watch
from tiles.errors import FloodscopeError, exit_code


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "FLOODSCOPE"})
@click.version_option(package_name="floodscope")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Sentinel-1 flood chips on a map: predict their water, lay it over the truth, and see where to trust the model.

    SOURCE is a DrivenData or Sen1Floods11 folder, a folder of VV/VH GeoTIFFs, one GeoTIFF, a
    Sentinel-1 product (.SAFE, zipped or not), or a catalog (.parquet).
    """


for _command in (
    batch, catalog, cut, dashboard, demo, download, evaluate, export, geocode, name_chips, predict, regrid, sagemaker, serve,
    simulate, store, train, tune, watch,
):  # fmt: skip
    cli.add_command(_command)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Leave out that a remark of GDAL's own is not UTF-8, as of a file with Latin-1 names: our sentence tells of the file."""
    if not (isinstance(what.exc_value, UnicodeDecodeError) and what.object == "rasterio._env.log_error"):
        sys.__unraisablehook__(what)


def main() -> None:
    """Run the command line: errors are one line on stderr and an exit code, with --debug a traceback too.

    Exit codes: 0, done; 1, it failed; 2, wrong use; 3, `predict --alert-above` or `watch --once` found one above.
    """
    debug = "--debug" in sys.argv[1:]
    sys.unraisablehook = _unraisable
    try:
        lost: list[object] = []  # whole sources of which nothing could be opened, while the others were
        code = cli.main(standalone_mode=False, obj=lost) or int(bool(lost))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 2
    except click.ClickException as error:
        code = _fail(error.format_message(), error.exit_code, debug)
    except click.Abort:
        code = _fail("Interrupted. What was finished is kept.", 1, False)
    except FloodscopeError as error:
        code = _fail(str(error), exit_code(error), debug)
    except BrokenPipeError:
        # The reader of our output is gone, as `| head` is: nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        where = f"{error.filename} cannot be used" if error.filename else "Output cannot be written"
        code = _fail(f"{where} ({error.strerror}): free some space, or choose another place.", 1, debug)
    except Exception as error:
        code = _fail(f"{type(error).__name__}: {error} (a defect of floodscope; --debug shows where)", 1, debug)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    click.echo("floodscope: " + " ".join(message.split()), err=True)
    return code
