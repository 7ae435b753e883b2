"""The container's files, as far as they can be tried without a container engine: their commands run as processes."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from mtbkd_core.runs.engine import start_engine
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.runs.support import config, eventually, finished

ROOT = Path(__file__).parents[1]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_what_the_image_copies_is_there() -> None:
    copied = re.findall(r"^COPY (\S+) ", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(allowed)
    assert not [name for name in copied if not (ROOT / name).exists()]


def test_the_app_is_offered_to_this_machine_alone() -> None:
    assert {name: each["ports"] for name, each in SERVICES.items() if "ports" in each} == {
        "app": ["127.0.0.1:8501:8501"]
    }


def test_all_parts_share_the_data_folder_and_the_certificate() -> None:
    assert {tuple(each["volumes"]) for each in SERVICES.values()} == {("home:/mtbkd", "tls:/tls")}


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    return found


@pytest.fixture
def cluster(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[psutil.Process]]:
    """The scheduler and two workers of compose.yaml, and the app's environment in this process."""
    (tmp_path / "tls").mkdir()
    (tmp_path / "home").mkdir()

    def here(text: str) -> str:
        text = text.replace("/tls", str(tmp_path / "tls"), 1) if "://" not in text else text
        return text.replace("scheduler:8786", f"127.0.0.1:{port}").replace("--port=8786", f"--port={port}")

    def begin(name: str, *more: str) -> subprocess.Popen[bytes]:
        words = [here(word) for word in SERVICES[name]["command"]]
        program = ["-m", "dask", *words[1:]] if words[0] == "dask" else words[1:]
        added = {variable: str(value) for variable, value in SERVICES[name].get("environment", {}).items()}
        environment = {**os.environ, **added, "MTBKD_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
        return subprocess.Popen([sys.executable, *program, *more], cwd=tmp_path, env=environment)

    assert begin("certificate").wait(60) == 0
    assert begin("certificate").wait(60) == 0  # as at the next start
    monkeypatch.setenv("MTBKD_HOME", str(tmp_path / "home"))
    for variable, value in SERVICES["app"]["environment"].items():
        if variable.startswith("MTBKD_"):
            monkeypatch.setenv(variable, here(value))
    with ExitStack() as stack:
        parts = [begin("scheduler", "--host=127.0.0.1")]
        parts += [begin("worker", "--host=127.0.0.1") for _ in range(SERVICES["worker"]["deploy"]["replicas"])]
        for part in parts:
            stack.callback(part.wait, 60)
            stack.callback(part.terminate)
        yield [psutil.Process(part.pid) for part in parts]


@pytest.mark.slow
def test_the_parts_compute_runs_together_with_tls_on_every_port(cluster: list[psutil.Process]) -> None:
    engine = start_engine()
    try:
        eventually(lambda: engine.info().workers == 2, timeout=120)
        runs = [engine.submit(RUN, config(task="synthetic", teachers="north", seed=seed)) for seed in range(2)]
        assert {finished(run).state for run in runs} == {State.DONE}
        assert not engine.info().is_open
        assert engine.info().problem is None
    finally:
        engine.close()
    family = [process for part in cluster for process in [part, *part.children(recursive=True)]]
    listening = [link.laddr.ip for each in family for link in each.net_connections("inet") if link.status == "LISTEN"]
    assert set(listening) == {"127.0.0.1"}
