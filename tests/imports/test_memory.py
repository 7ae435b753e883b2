"""Small files that grow when they are unpacked: a look takes little, a whole read or its refusal stays below 1 GiB."""

import json
import subprocess
import sys
from itertools import product

import pytest

from tests.imports.memory import ALL, FILES

#: MiB that a process may grow by; it has some 270 MiB before.
MOST = {"look": 180, "whole": 640}


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[float, str]]:
    """File and way -> MiB, and what was said."""
    folder = tmp_path_factory.mktemp("files")
    command = [sys.executable, "-m", "tests.imports.memory", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(name, way): (grown, said) for name, way, grown, _, said in lines}


@pytest.mark.parametrize(("name", "way"), [*product(FILES, MOST), *((name, "whole") for name in ALL)])
def test_a_file_that_would_grow_takes_little_memory(
    taken: dict[tuple[str, str], tuple[float, str]], name: str, way: str
) -> None:
    grown, said = taken[name, way]
    assert grown < MOST[way], said
    assert not said.startswith("BUG")
