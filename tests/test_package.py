"""The package as a whole: no Streamlit in the core, a docstring on every public name, no global state touched."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import mtbkd_core

ROOT = Path(mtbkd_core.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
MODULES = sorted(
    info.name for info in pkgutil.walk_packages([str(ROOT)], "mtbkd_core.") if not info.name.endswith("__main__")
)

IMPORT_ALL = """
import importlib, sys, torch
before = torch.get_rng_state(), torch.get_default_dtype()
for name in sys.argv[1:]:
    importlib.import_module(name)
loaded = sorted({name.split(".")[0] for name in sys.modules} & {"streamlit"})
assert not loaded, loaded
assert torch.equal(before[0], torch.get_rng_state()) and before[1] is torch.get_default_dtype()
"""


@pytest.mark.slow
def test_importing_every_module_of_the_core_loads_no_streamlit() -> None:
    assert len(MODULES) > 20
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *MODULES],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_of_the_core_seeds_or_draws_from_global_generators(path: Path) -> None:
    forbidden = {
        "torch.manual_seed",
        "np.random.seed",
        "random.seed",
        "torch.set_default_dtype",
        "torch.set_default_device",
    }
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not forbidden & set(calls)


@pytest.mark.parametrize("name", ["mtbkd_core", *MODULES])
def test_every_module_and_everything_public_in_it_has_a_docstring_and_type_hints(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for label, thing in vars(module).items():
        if label.startswith("_") or getattr(thing, "__module__", None) != name:
            continue
        if inspect.isfunction(thing):
            assert thing.__doc__, f"{name}.{label}"
            assert set(thing.__annotations__) >= {*inspect.signature(thing).parameters, "return"}, f"{name}.{label}"
        elif inspect.isclass(thing):
            assert thing.__doc__, f"{name}.{label}"
            for method, function in vars(thing).items():
                if inspect.isfunction(function) and not method.startswith("_") and function.__module__ == name:
                    assert function.__doc__, f"{name}.{label}.{method}"


def test_the_public_interface_is_there() -> None:
    assert all(hasattr(mtbkd_core, name) for name in mtbkd_core.__all__)
    assert len(set(mtbkd_core.__all__)) == len(mtbkd_core.__all__)
    wanted = {"load_task", "RunConfig", "distill", "Result", "task_infos", "task_info", "fingerprint", "build_config"}
    assert wanted <= set(mtbkd_core.__all__)
    keywords = inspect.signature(mtbkd_core.distill).parameters
    assert list(keywords) == ["config", "task", "on_progress", "should_stop", "on_snapshot"]
    assert all(p.kind is p.KEYWORD_ONLY for name, p in keywords.items() if name != "config")
    for name in ("predict", "save", "load"):
        assert callable(getattr(mtbkd_core.Result, name))
