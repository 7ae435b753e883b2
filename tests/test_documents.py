"""Documents state what is there: links, commands, options, settings, paths, and the benchmarks' generated tables."""

import ast
import json
import re
from pathlib import Path

import click
import pytest
import typer

import mtbkd_core
from benchmarks import tables
from mtbkd_core import build_config
from mtbkd_core.cli.main import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *tables.documents()])
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
BASH = re.compile(r"```bash\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PATH = re.compile(r"`((?:[\w.<>-]+/)+[\w.-]*)`")
SOURCES = sorted(
    path for folder in ("mtbkd_core", "pages", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)


def each_document(documents: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("document", documents, ids=lambda path: str(path.relative_to(ROOT)))


def commands() -> list[list[str]]:
    """The words of every command in the documents' shell examples."""
    texts = [example for document in DOCUMENTS for example in BASH.findall(document.read_text())]
    lines = [line.split("#")[0].split() for text in texts for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line]


def calls_of(*start: str) -> list[list[str]]:
    return [line[len(start) :] for line in commands() if tuple(line[: len(start)]) == start]


@each_document(DOCUMENTS)
def test_links_lead_to_files_and_headings_that_exist(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        there = document.parent / name if name else document
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings], target


@each_document([path for path in DOCUMENTS if path.parent.name != "log" and path.name != "CHANGELOG.md"])
def test_paths_in_a_document_exist(document: Path) -> None:
    bases = (ROOT, ROOT / "mtbkd_core", document.parent)
    paths = [path for path in PATH.findall(document.read_text()) if "<" not in path]
    assert not [path for path in paths if not any((base / path).exists() for base in bases)]


def test_benchmarks_that_comments_refer_to_exist() -> None:
    named = {name for path in SOURCES for name in re.findall(r"benchmarks/[\w/]+\.(?:py|md)", path.read_text())}
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert calls_of("make")
    assert {line[0] for line in calls_of("make")} <= targets


def test_every_command_and_option_in_the_documents_exists() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    calls = calls_of("python", "-m", "mtbkd_core")
    assert len(calls) > 10
    for name, *words in calls:
        options = {option for parameter in group.commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_every_setting_in_the_documents_can_be_set() -> None:
    for line in calls_of("python", "-m", "mtbkd_core", "distill"):
        settings = [line[place + 1] for place, word in enumerate(line) if word == "--set"]
        build_config([tuple(setting.split("=", 1)) for setting in settings])


def test_every_benchmark_in_the_documents_exists() -> None:
    texts = [document.read_text() for document in DOCUMENTS]
    names = {name for text in texts for name in re.findall(r"-m benchmarks\.(\w+)", text)}
    assert names
    assert not [name for name in names if not (tables.HERE / f"{name}.py").exists()]


def test_names_in_the_readmes_python_are_public() -> None:
    for example in PYTHON.findall((ROOT / "README.md").read_text()):
        for node in ast.walk(ast.parse(example)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "mt":
                assert node.attr in mtbkd_core.__all__


def test_the_benchmarks_readme_is_short() -> None:
    assert len((tables.HERE / "README.md").read_text().splitlines()) <= 150


@each_document(tables.documents())
def test_generated_tables_are_those_of_the_results(document: Path) -> None:
    assert tables.render(document.read_text()) == document.read_text()


@pytest.mark.parametrize("path", sorted((tables.HERE / "results").glob("*.json")), ids=lambda path: path.stem)
def test_a_result_names_command_date_machine_and_load(path: Path) -> None:
    found = json.loads(path.read_text())
    assert set(found) == {"command", "date", "machine", "load", "claims", "rows"}
    assert set(found["machine"]) == {"processor", "cores", "threads"}
    assert found["rows"] or found["claims"]
    assert all(set(claim) == {"claim", "target", "found", "verdict"} for claim in found["claims"])
