"""The command `import-hub`: a task of a data set and of models, each in a folder or on the Hub."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from mtbkd_core.catalog.adding import check_free, import_hub
from mtbkd_core.cli.imports import ReplaceOption, named, say_checked, tell
from mtbkd_core.imports.classes import check_class_names, split_names
from mtbkd_core.imports.hub.check import check_hub
from mtbkd_core.imports.hub.spec import HubSpec

NameOption = Annotated[str, typer.Option("--name", help="What the task is called from then on: a to z, 0 to 9 and -.")]
DataOption = Annotated[str, typer.Option("--data", help="A data set: a folder, or its name on the Hugging Face Hub.")]
InputsOption = Annotated[
    list[str],
    typer.Option("--inputs", help="Column of texts or pictures that models read; twice: two texts, read together."),
]
ModelOption = Annotated[
    list[str],
    typer.Option("--teacher", help="A model with a head for classes, as name=model: folder or name. Repeatable."),
]
EncoderOption = Annotated[
    str, typer.Option("--encoder", help="A model whose mean hidden states are what the student sees.")
]
ClassesOption = Annotated[
    str | None, typer.Option("--classes", help="Names of the classes in order, where the data set has none: a,b,c.")
]
OutputsOption = Annotated[
    list[str] | None,
    typer.Option("--outputs", help="Classes of a teacher's outputs in order, where it does not name them: name=a,b."),
]
NormaliseOption = Annotated[
    bool, typer.Option("--normalise", help="Divide by their sum the probabilities of models that answer by class.")
]


def register(app: typer.Typer) -> None:
    """Add the command to a command line."""
    app.command("import-hub")(import_hub_command)


def import_hub_command(
    name: NameOption,
    data: DataOption,
    label: Annotated[str, typer.Option("--label", help="Column of labels.")],
    inputs: InputsOption,
    teacher: ModelOption,
    encoder: EncoderOption = "",
    columns: Annotated[str, typer.Option("--columns", help="Or columns of numbers that it sees: a,b,c.")] = "",
    subset: Annotated[str, typer.Option("--subset", help="The data set's configuration, where it has several.")] = "",
    split: Annotated[str, typer.Option("--split", help="The part that the student learns from.")] = "train",
    test: Annotated[str, typer.Option("--test", help="The part to be measured on; none: a fifth is kept.")] = "",
    rows: Annotated[int | None, typer.Option("--rows", help="So many rows of each part, at random; none: all.")] = None,
    classes: ClassesOption = None,
    outputs: OutputsOption = None,
    normalise: NormaliseOption = False,
    unseen: Annotated[
        bool, typer.Option("--labels-unseen", help="No teacher was trained on these labels: calibrate each on them.")
    ] = False,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Use rows without a label, for what the teachers say of them.")
    ] = False,
    title: Annotated[str, typer.Option("--title", help="The task's name for people.")] = "",
    replaces: ReplaceOption = False,
    only_check: Annotated[bool, typer.Option("--check", help="Check it all; write no task.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON on standard output.")] = False,
) -> None:
    """Work out teachers' logits and the student's inputs on a data set, check them, and make a task of them."""
    check_free(name, replaces or only_check)
    spec = HubSpec(
        data,
        label,
        tuple(inputs),
        named(teacher, "--teacher", "name=model, such as tiny=owner/model or tiny=/a/folder"),
        encoder,
        tuple(split_names(columns)),
        subset,
        split,
        test,
        rows,
        check_class_names(split_names(classes), "--classes") if classes is not None else None,
        {
            who: tuple(split_names(names))
            for who, names in named(outputs or [], "--outputs", "name=a,b, classes in the order of the outputs").items()
        },
        normalise=normalise,
        unseen=unseen,
        unlabelled=unlabelled,
    )
    make = check_hub if only_check else partial(import_hub, replaces=replaces)
    checked = make(name, spec, title=title, on_progress=tell)
    say_checked(name, checked, only_check, as_json)
