"""Single modules, in node; and what Python passes to them and reads from them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mtbkd_core import build_config, default_config
from mtbkd_core.browser import FOLDER, offline
from mtbkd_core.browser.plane import given, start
from tests.playground.reference import HERE, node


def test_modules_keep_their_promises(tmp_path: Path) -> None:
    if not (program := shutil.which("node")):
        pytest.skip("node is not installed")
    (tmp_path / "given.json").write_text(json.dumps(given()))
    environment = {**os.environ, "GIVEN": str(tmp_path / "given.json")}
    command = [program, "--test", str(HERE / "modules.test.mjs")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def _configs(changes: list[dict[str, Any]], folder: Path) -> list[Any]:
    """What the engine's page makes of the links for some changes of the start."""
    found = node("engine_link.mjs", {"start": start(), "changes": changes}, folder)
    return [build_config([(name, str(value)) for name, value in parameters.items()]) for parameters in found]


def test_the_start_is_the_plane_tasks_default(tmp_path: Path) -> None:
    (config,) = _configs([{}], tmp_path)
    default = default_config("synthetic")
    assert (config.prior.strength, config.prior.concentration) == (
        default.prior.strength,
        default.prior.concentration,
    )
    assert config.student == default.student
    assert config.data.teachers == default.data.teachers


def test_strength_in_labels_is_the_engines(tmp_path: Path) -> None:
    (config,) = _configs([{"labels": 12, "concentration": 4, "temperature": 2}], tmp_path)
    assert config.prior.strength * config.prior.concentration / config.prior.temperature**2 == pytest.approx(12)


def test_no_teacher_is_strength_0(tmp_path: Path) -> None:
    teachers = [{**teacher, "on": False} for teacher in start()["teachers"]]
    (config,) = _configs([{"teachers": teachers}], tmp_path)
    assert config.prior.strength == 0


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
