"""Functions of the page's modules, called in Node with what Python has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tiles.places import ASSETS

NODE = Path(sys.executable).with_name("node")  # of the same environment: .ci/setup.sh puts it there


def ask(module: str, argument: object) -> Any:
    """Return what the default export of a module answers; its imports are relative to assets/, the argument goes as JSON."""
    run = """
import { readFileSync } from "node:fs";
const [folder, text] = JSON.parse(readFileSync(0, "utf8"));
const source = text.module.replaceAll('"./', `"${folder}/`);
const { default: call } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
console.log(JSON.stringify(call(text.argument)));
"""
    given = json.dumps([ASSETS.as_uri(), {"module": module, "argument": argument}])
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", run], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
