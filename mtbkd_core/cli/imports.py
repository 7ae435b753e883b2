"""The command line's part on tables of one's own: `import` and `forget`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.catalog.adding import check_free, forget, import_table
from mtbkd_core.catalog.registry import task_info
from mtbkd_core.common.progress import Progress, UserError
from mtbkd_core.imports.check import Checked, check_table, class_columns_between, columns_between
from mtbkd_core.imports.classes import check_class_names, split_names
from mtbkd_core.imports.spec import Files, TableSpec

TeacherOption = Annotated[
    list[str], typer.Option("--teacher", help="A teacher's logits or probabilities, as name=file. Repeatable.")
]
FeaturesOption = Annotated[
    str,
    typer.Option(
        "--features",
        help="descriptors of the sequences; columns:a,b,c or columns:first:last of the table; a file of embeddings "
        "(CSV, Parquet, NPY, NPZ, safetensors, HDF5); or model:FOLDER or model:NAME, an ESM model (needs "
        "transformers).",
    ),
]
IdOption = Annotated[
    str | None,
    typer.Option("--id", "--accession", help="Column that names the rows, where its name is not a usual one."),
]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Replace an imported task of that name; its runs stay, as of former data.")
]
TestTeacherOption = Annotated[
    list[str] | None, typer.Option("--test-teacher", help="A teacher's outputs on --test, as name=file.")
]
TestFeaturesOption = Annotated[
    Path | None, typer.Option("--test-features", help="Embeddings of --test, where --features is a file.")
]
TestOption = Annotated[Path | None, typer.Option("--test", help="A table to be measured on; none: a fifth is kept.")]
UnseenOption = Annotated[
    bool,
    typer.Option(
        "--labels-unseen",
        help="No teacher was trained on the table's labels: calibrate each teacher on them. Runs then start with "
        "calibrated teachers.",
    ),
]
NormaliseOption = Annotated[
    bool,
    typer.Option(
        "--normalise",
        help="Teachers' numbers are shares of another sum than 1, or a probability for each class by itself "
        "(sigmoids): divide each row by its sum.",
    ),
]
UnlabelledOption = Annotated[
    bool, typer.Option("--unlabelled", help="Use rows without a label, for what the teachers say of them.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to a command line."""
    app.command("import")(import_command)
    app.command("forget")(forget_command)


def import_command(
    name: Annotated[str, typer.Option("--name", help="What the task is called from then on: a to z, 0 to 9 and -.")],
    table: Annotated[Path, typer.Option("--table", help="CSV, Parquet, Excel or FASTA, its columns named.")],
    label: Annotated[str, typer.Option("--label", help="Column of labels: names of classes, or numbers from 0.")],
    teacher: TeacherOption,
    sequence: Annotated[str | None, typer.Option("--sequence", help="Column of amino acid sequences.")] = None,
    classes: Annotated[str | None, typer.Option("--classes", help="Names of the classes in order: a,b,c.")] = None,
    columns: Annotated[
        str | None,
        typer.Option("--class-columns", help="The classes' names are those of the table's columns first:last."),
    ] = None,
    features: FeaturesOption = "descriptors",
    accession: IdOption = None,
    test: TestOption = None,
    test_teacher: TestTeacherOption = None,
    test_features: TestFeaturesOption = None,
    unseen: UnseenOption = False,
    normalise: NormaliseOption = False,
    unlabelled: UnlabelledOption = False,
    title: Annotated[str, typer.Option("--title", help="The task's name for people.")] = "",
    replaces: ReplaceOption = False,
    only_check: Annotated[bool, typer.Option("--check", help="Check the files; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON on standard output.")] = False,
) -> None:
    """Check a table of your own with its teachers' outputs, and make a task of it."""
    check_free(name, replaces or only_check)
    chosen, embeddings, model = _features(features, table)
    files = Files(table, teacher_files(teacher, "--teacher"), embeddings)
    others = None
    if test is not None:
        others = Files(test, teacher_files(test_teacher or [], "--test-teacher"), test_features)
    elif test_teacher or test_features is not None:
        raise UserError("--test-teacher, --test-features: need --test, the table that they belong to")
    if classes is not None and columns is not None:
        raise UserError("--classes, --class-columns: one of the two names the classes, not both")
    names = check_class_names(split_names(classes), "--classes") if classes is not None else None
    if columns is not None:
        names = class_columns_between(table, *_range(columns, "--class-columns"))
    spec = TableSpec(
        files,
        label,
        sequence,
        chosen,
        model,
        names,
        accession,
        others,
        unseen=unseen,
        normalise=normalise,
        unlabelled=unlabelled,
    )
    make = check_table if only_check else partial(import_table, replaces=replaces)
    checked = make(name, spec, title=title, on_progress=tell)
    say_checked(name, checked, only_check, as_json)


def forget_command(name: Annotated[str, typer.Argument(help="An imported task; see the command tasks.")]) -> None:
    """Remove an imported task; its runs stay."""
    forget(name)
    print(f"{name}: forgotten")


def say_checked(name: str, checked: Checked, only_check: bool, as_json: bool) -> None:
    """What was made of the files, and what to do next."""
    for line in checked.notes:
        print(line, file=sys.stderr)
    for line in checked.warnings:
        print(f"warning: {line}", file=sys.stderr)
    if as_json:
        answer = {
            "name": name,
            "written": not only_check,
            "notes": checked.notes,
            "warnings": checked.warnings,
            "classes": checked.data.about.class_names,
            "rows": len(checked.data.rows),
            "features": checked.data.rows.features.shape[1],
        }
        print(json.dumps(answer))
    elif only_check:
        print(f"{name}: {_remarks(checked) or 'nothing wrong was found'}; {checked.data.about.description}")
    else:
        remarks = f"{_remarks(checked)}; " if checked.warnings else ""
        print(f"{name}: {remarks}{task_info(name).description} Next: python -m mtbkd_core distill --task {name}")


def _remarks(checked: Checked) -> str:
    """How many warnings there are and where they stand; empty where there is none."""
    count = len(checked.warnings)
    return f"{count} remark{'' if count == 1 else 's'} above, after 'warning:'" if count else ""


def _features(text: str, table: Path) -> tuple[tuple[str, ...], Path | None, str | None]:
    """Columns, a file or a model, whichever is asked for."""
    if text == "descriptors":
        return (), None, None
    kind, _, rest = text.partition(":")
    if kind == "model" and rest:
        return (), None, rest
    if kind == "columns" and ":" in rest:
        return columns_between(table, *_range(rest, "--features columns"), "--features"), None, None
    if kind == "columns" and rest:
        return tuple(part.strip() for part in rest.split(",")), None, None
    try:
        is_file, is_folder = Path(text).is_file(), bool(text.strip()) and Path(text).is_dir()
    except OSError:  # a name that is too long for a file
        is_file = is_folder = False
    if is_file:
        return (), Path(text), None
    allowed = "descriptors, columns:a,b,c, columns:first:last, model:NAME, or a file of embeddings"
    if is_folder:
        raise UserError(f"--features: {text} is a folder, allowed: {allowed}")
    if Path(text).suffix or len(Path(text).parts) > 1:
        raise UserError(f"--features: there is no file {text[:200]}, allowed: {allowed}")
    raise UserError(f"--features: got {text[:60]!r}, allowed: {allowed}")


def teacher_files(pairs: Sequence[str], option: str) -> dict[str, Path]:
    """Files by teacher, as name=file."""
    needs = "name=file, such as esm2=esm2_logits.csv"
    return {name: Path(file) for name, file in named(pairs, option, needs).items()}


def named(pairs: Sequence[str], option: str, needs: str) -> dict[str, str]:
    """Values by name, as name=value."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, file = pair.partition("=")
        if not equals or not name.strip() or not file.strip():
            raise UserError(f"{option}: got {pair!r}, needs {needs}")
        if name.strip() in found:
            raise UserError(f"{option}: {name.strip()!r} is named twice")
        found[name.strip()] = file.strip()
    return found


def _range(text: str, option: str) -> tuple[str, str]:
    first, colon, last = text.partition(":")
    if not colon or not first.strip() or not last.strip():
        raise UserError(f"{option}: got {text!r}, needs first:last, two columns of the table")
    return first.strip(), last.strip()


def tell(progress: Progress) -> None:
    """How far it is, on standard error."""
    print(progress.message, file=sys.stderr, flush=True)
