from collections.abc import Iterator
from pathlib import Path

import pytest

from mtbkd_core.runs import folder as files


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    monkeypatch.setenv("MTBKD_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def engine(home: Path) -> Iterator[str]:
    """The name of an engine that is alive."""
    files.engine_folder(home, "alive").mkdir(parents=True)
    with files.hold_engine(home, "alive"):
        yield "alive"
