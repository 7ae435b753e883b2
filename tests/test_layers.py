"""The layers of the source as data: who may import whom, no circles, thin pages, and short files and functions."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Lowest first; parts of one line do not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("common",),
    ("config",),
    ("proteins", "images"),
    ("teachers",),
    ("tasks",),
    ("imports",),
    ("catalog",),
    ("prior", "students"),
    ("posterior",),
    ("samplers",),
    ("evaluation",),
    ("student_inputs",),
    ("result",),
    ("snapshot",),
    ("run_progress",),
    ("strength",),
    ("measuring",),
    ("course", "exact_check"),
    ("distillation",),
    ("extension",),
    ("baselines",),
    ("studies",),
    ("review",),
    ("runs",),
    ("figures",),
    ("browser",),
    ("export",),
    ("report",),
    ("cli",),
    ("__init__", "__main__"),
    ("pages/ui",),
    ("pages",),
    ("pages/shell",),
    ("app",),
)
#: The two wings know nothing of each other.
DATA = {"proteins", "images", "teachers", "tasks", "imports", "catalog"}
MATHEMATICS = {"prior", "students", "posterior", "samplers", "evaluation"}

MOST_LINES, MOST_LINES_OF_A_TEST, MOST_LINES_OF_A_FUNCTION = 300, 400, 60

# Exceptions, each with its reason.
#: A component's script and styles lie beside it; Streamlit takes their text.
FILE_ACCESS = {"pages/ui/live.py"}
#: One list of all settings, which is read from top to bottom.
LONG_FILES = {"mtbkd_core/config/models.py"}


def agree(found: set[str], known: set[str]) -> None:
    """What breaks a rule is the exceptions, and each of them does."""
    assert not found - known, f"breaks the rule: {sorted(found - known)}"
    assert not known - found, f"keeps the rule, so it is no exception: {sorted(known - found)}"


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


SOURCES = [*sources("mtbkd_core", "pages"), ROOT / "app.py"]
PAGES = [*sources("pages"), ROOT / "app.py"]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def part_of(path: Path) -> str:
    """The name in `LAYERS` of a file's part."""
    first, *rest = path.relative_to(ROOT).with_suffix("").parts
    if first == "mtbkd_core":
        return rest[0]
    return f"pages/{rest[0]}" if rest and rest[0] in ("ui", "shell") else first


def rank(path: Path) -> int:
    return next(place for place, parts in enumerate(LAYERS) if part_of(path) in parts)


def file_of(module: str) -> Path | None:
    """The file of one of our own modules."""
    path = ROOT / module.replace(".", "/")
    found = [each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()]
    return found[0] if found and module.split(".")[0] in ("mtbkd_core", "pages", "app") else None


@cache
def imported(path: Path) -> frozenset[Path]:
    """Our own files that a file imports anywhere, in functions and for type checking too."""
    modules: list[str] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: a relative import"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            modules += [name if file_of(name) else str(node.module) for name in inside]
    return frozenset(file for module in modules if (file := file_of(module)) and file != path)


def allowed(path: Path, other: Path) -> bool:
    """Whether the layers allow a file to import another."""
    ours, theirs = part_of(path), part_of(other)
    if ours == theirs:
        return True
    apart = (ours in DATA and theirs in MATHEMATICS) or (ours in MATHEMATICS and theirs in DATA)
    return rank(other) < rank(path) and not apart


def edge(path: Path, other: Path) -> str:
    return f"{name_of(path)} -> {name_of(other)}"


def test_every_layer_is_there_and_in_the_drawing() -> None:
    parts = {part for parts in LAYERS for part in parts}
    assert parts == {part_of(path) for path in SOURCES}
    drawing = (ROOT / "ARCHITECTURE.md").read_text().split("```")[1]
    assert not [part for part in parts if part not in drawing and not part.startswith("__")]


def test_no_layer_imports_a_higher_one_or_the_other_wing() -> None:
    agree({edge(path, other) for path in SOURCES for other in imported(path) if not allowed(path, other)}, set())


def test_no_files_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({path: set(imported(path)) for path in SOURCES}).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(name_of(path) for path in error.args[1]))


def is_arithmetic(node: ast.AST) -> bool:
    """A product, quotient or power; a string may be repeated."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div | ast.Pow | ast.MatMult):
        return False
    sides = (node.left, node.right)
    return not any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in sides
    )


def test_pages_hold_no_arithmetic() -> None:
    found = {name_of(path) for path in PAGES if any(map(is_arithmetic, ast.walk(tree(path))))}
    agree(found, set())


def libraries(path: Path) -> set[str]:
    """Every package that a file imports anywhere."""
    names: list[str] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return {name.split(".")[0] for name in names}


def test_pages_import_no_library_of_numbers() -> None:
    agree({name_of(path) for path in PAGES if libraries(path) & {"torch", "numpy", "scipy"}}, set())


def test_the_core_imports_no_streamlit() -> None:
    assert not [name_of(path) for path in sources("mtbkd_core") if "streamlit" in libraries(path)]


def test_pages_open_no_file() -> None:
    methods = {"read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir"}

    def opens(node: ast.AST) -> bool:
        called = node.func if isinstance(node, ast.Call) else None
        return (isinstance(called, ast.Name) and called.id == "open") or (
            isinstance(called, ast.Attribute) and called.attr in methods
        )

    found = {name_of(path) for path in PAGES if any(map(opens, ast.walk(tree(path))))}
    agree(found, FILE_ACCESS)


def test_files_are_short() -> None:
    limits = dict.fromkeys(SOURCES, MOST_LINES) | dict.fromkeys(sources("tests"), MOST_LINES_OF_A_TEST)
    found = {name_of(path) for path, most in limits.items() if len(path.read_text().splitlines()) > most}
    agree(found, LONG_FILES)


def long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            if node.end_lineno - node.lineno >= MOST_LINES_OF_A_FUNCTION:
                yield f"{name_of(path)}:{node.name}"


def test_functions_are_short() -> None:
    agree({name for path in SOURCES for name in long_functions(path)}, set())
