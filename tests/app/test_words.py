"""Text of imported tasks is shown as it is on every page: no picture is loaded, nothing is italic, no HTML is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, default_config
from mtbkd_core.catalog.adding import import_table
from mtbkd_core.imports.spec import Files, TableSpec
from pages.ui import engine, navigation
from pages.ui.words import plain
from tests.app.conftest import SMALL, FakeEngine, new_app, open_page
from tests.imports.files import ROWS, logits, write_csv, write_table

PICTURE = "![a](http://elsewhere.test/a.png)"
CLASSES = (PICTURE, "*other* :red[y] -->", "<b>$x$</b>")
#: What would be read as Markdown or HTML: a picture, an address, emphasis, colour, an arrow, a formula, HTML.
READ = ("![a](", "http://elsewhere", " *other*", "**other*", " :red[", "-->", "<b>", "$x$")
#: Fields of Streamlit's messages that hold no Markdown.
PLAIN = {"id", "spec", "alt", "options", "data", "arrow_data", "config", "columns", "json", "raw_value"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (PICTURE, r"!\[a\](http\::gray[]//elsewhere.test/a.png)"),
        ("www.elsewhere.test, a@b", "www:gray[].elsewhere.test, a@:gray[]b"),
        (":red[x] colour:red", r"\:red\[x\] colour\:red"),
        (":material/home:", r"\::gray[]material/home:"),
        ("a -> b --c", r"a -:gray[]\> b -:gray[]-c"),
        (":100: :streamlit:", r"\::gray[]100: \::gray[]streamlit:"),
        ("task: got", "task: got"),
        ("*other*", r"\*other\*"),
        ("_a_ b_c", r"\_a\_ b_c"),
        ("1. first", r"1\. first"),
        ("- item", r"\- item"),
        ("<b>&amp;", r"\<b\>\&amp;"),
        ("95 % of class 3", "95 % of class 3"),
    ],
)
def test_marks_are_shown_as_they_are(text: str, shown: str) -> None:
    assert plain(text) == shown


@dataclass(frozen=True)
class Odd:
    """A home folder with a task of odd names, and a run on it."""

    home: Path
    run: str


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Odd:
    folder = tmp_path_factory.mktemp("odd")
    accessions = {row: f"{PICTURE} {row}" for row in range(ROWS)}
    teachers = {"good": write_csv(folder / "good.csv", None, logits().tolist())}
    teachers["fair"] = write_csv(folder / "fair.csv", None, logits(2, 1.5).tolist())
    spec = TableSpec(
        Files(write_table(folder / "t.csv", ACC=accessions), teachers), "Label", "Sequence", classes=CLASSES
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_HOME", str(folder / "home"))
        import_table("odd", spec, title=f"*Mine* {PICTURE}")
        run = FakeEngine().distill(build_config(SMALL.items(), base=default_config("odd")))
        return Odd(folder / "home", run.id)


def texts(message: Any) -> Iterator[tuple[str, str]]:
    """Every text of a message that may be read as Markdown, with the field that holds it."""
    for field, value in message.ListFields():
        if field.name in PLAIN:
            continue
        several = value if field.is_repeated else [value]
        if field.type == FieldDescriptor.TYPE_STRING:
            yield from ((field.name, text) for text in several)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not hasattr(value, "items"):
            for each in several:
                yield from texts(each)


def everything(block: Any) -> Iterator[Any]:
    """A block and all that is in it."""
    if getattr(block, "proto", None) is not None:
        yield block
    for child in getattr(block, "children", {}).values():
        yield from everything(child)


@pytest.mark.parametrize("page", navigation.names())
def test_text_of_an_imported_task_is_never_read_as_markdown(
    page: str, odd: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTBKD_HOME", str(odd.home))
    monkeypatch.setattr(engine, "_engine", FakeEngine)
    app: AppTest = open_page(new_app(), page, task="odd", run=odd.run)
    assert not app.exception
    found = [
        (type(element).__name__, field, text)
        for element in everything(app._tree)
        for field, text in texts(element.proto)
        if any(mark in text for mark in (READ if field != "body" else ("<b>",)))  # of HTML, which knows no Markdown
    ]
    assert not found
