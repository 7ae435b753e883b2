"""Single modules, in node; and what Python passes to them and reads from them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mtbkd_core.browser import FOLDER, offline
from mtbkd_core.browser.plane import given
from tests.playground.reference import HERE


def test_modules_keep_their_promises(tmp_path: Path) -> None:
    if not (program := shutil.which("node")):
        pytest.skip("node is not installed")
    (tmp_path / "given.json").write_text(json.dumps(given()))
    environment = {**os.environ, "GIVEN": str(tmp_path / "given.json")}
    command = [program, "--test", str(HERE / "modules.test.mjs")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_offline_file_asks_no_host() -> None:
    assert not re.findall(r"(?:https?:)?//[\w-]+\.\w", offline.document())


def test_joined_modules_come_after_those_that_they_import() -> None:
    names = offline.order(["worker.js", "app.js", "scroll.js"])
    for name in names:
        for needed in re.findall(r"from '\./(\w+\.js)'", offline.source(name)):
            assert names.index(needed) < names.index(name)


def test_every_module_is_in_an_offline_file() -> None:
    held = {*offline.order(["worker.js", "app.js", "scroll.js"]), *offline.order(["thinking.js"])}
    assert held == {path.name for path in FOLDER.glob("*.js")} - {"component.js"}


def test_no_import_or_export_is_left_where_modules_are_joined() -> None:
    assert not re.findall(r"^(?:import|export)\b.*$", offline.joined(["worker.js", "app.js"]), re.MULTILINE)
