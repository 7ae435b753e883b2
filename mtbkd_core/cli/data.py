"""The commands `rebuild`, `examples`, `fetch` and `import-images`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import fetches, rebuilds
from mtbkd_core.cli.console import Log, say
from mtbkd_core.cli.imports import NormaliseOption, ReplaceOption, teacher_files
from mtbkd_core.cli.settings import JsonOption
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import split_names
from mtbkd_core.imports.image_outputs import TeacherFiles
from mtbkd_core.runs.examples import EXAMPLES, make
from mtbkd_core.teachers import shipped

TaskArgument = Annotated[str, typer.Argument(help="A task; see the command tasks.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(rebuild)
    app.command()(examples)
    app.command()(fetch)
    app.command("import-images")(import_images_command)


def rebuild(
    task: TaskArgument,
    write: Annotated[bool, typer.Option("--write", help="Replace the shipped file and its entry.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a task's shipped teachers anew and compare their outputs bit for bit with the file in data/.

    A training that was broken off goes on where it was. Exit status 1 where something differs and is not replaced.
    """
    source = rebuilds(task)
    known = None
    if not write:
        known = shipped.read(task)
    elif shipped.absent(task) is None:
        try:
            known = shipped.read(task)
        except UserError as error:
            say(f"replaced without a comparison: {error}")
    tensors = source.rebuild(Log(), None)
    found = [] if known is None else shipped.differences(known, _as_read(tensors))
    environment = shipped.other_environment(task) if found else None
    path = shipped.write(task, tensors, source.origin()) if write else shipped.path_of(task)
    if as_json:
        gaps = [asdict(each) | {"largest": each.largest if math.isfinite(each.largest) else None} for each in found]
        print(
            json.dumps(
                {"task": task, "file": path.name, "identical": known is not None and not found} | {"differences": gaps}
            )
        )
    elif known is None:
        print(f"{path.name}: written")
    elif not found:
        print(f"{path.name}: identical")
    else:
        for each in found:
            by = f"by at most {each.largest:.3g}" if math.isfinite(each.largest) else "for only one side has its rows"
            print(f"{path.name}: {each.teacher}: {each.differing} of {each.logits} logits differ, {by}")
        if environment:
            print(f"{path.name}: {environment}")
        print(f"{path.name}: " + ("replaced" if write else "kept; --write replaces it"))
    if found and not write:
        raise typer.Exit(1)


def examples(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all without a name.")] = None,
) -> None:
    """Compute the shipped examples anew, by today's settings, and put them into data/runs.

    Pages show them where nothing has been measured yet.
    """
    for name in names or EXAMPLES:
        path = make(name)
        size = sum(file.stat().st_size for file in path.iterdir())
        print(f"{path.name}: {size / 1000:.0f} kB")


def fetch(task: TaskArgument) -> None:
    """Download the data that a task needs and that is not on this machine, checked by its sha256."""
    print(f"{task}: its data is in {fetches(task).fetch(Log())}")


def import_images_command(
    name: Annotated[str, typer.Option("--name", help="What the task is called from then on: a to z, 0 to 9 and -.")],
    folder: Annotated[
        Path,
        typer.Option(
            "--folder",
            help="With four IDX files, MedMNIST's NPZ, or a folder of pictures for each class below train, test.",
        ),
    ],
    classes: Annotated[str | None, typer.Option("--classes", help='Names of the classes in order: a,b,"c, d".')] = None,
    transposed: Annotated[
        bool, typer.Option("--transposed", help="The pictures lie mirrored along their diagonal, as EMNIST's.")
    ] = False,
    prefix: Annotated[
        str, typer.Option("--prefix", help="How the files' names begin, in a folder of several sets: emnist-digits.")
    ] = "",
    title: Annotated[str, typer.Option("--title", help="The task's name for people.")] = "",
    replaces: ReplaceOption = False,
    teacher: Annotated[
        list[str] | None,
        typer.Option("--teacher", help="A teacher's logits or probabilities for the training images, as name=file."),
    ] = None,
    test_teacher: Annotated[
        list[str] | None, typer.Option("--test-teacher", help="Its outputs for the test images, as name=file.")
    ] = None,
    trained: Annotated[
        bool, typer.Option("--trained", help="Beside these, teachers that are trained on this machine.")
    ] = False,
    unseen: Annotated[
        bool,
        typer.Option("--labels-unseen", help="No teacher was trained on these images: calibrate each on their labels."),
    ] = False,
    normalise: NormaliseOption = False,
) -> None:
    """Make a task of a folder of images; without outputs of your own, its teachers are trained at the first run."""
    names = None if classes is None else split_names(classes)
    given = teacher_files(teacher or [], "--teacher"), teacher_files(test_teacher or [], "--test-teacher")
    if not given[0] and (given[1] or trained or unseen or normalise):
        raise UserError("--test-teacher, --trained, --labels-unseen, --normalise: need --teacher name=file")
    task = import_images(
        name,
        folder,
        title=title,
        class_names=names,
        transposed=transposed,
        prefix=prefix,
        replaces=replaces,
        outputs=TeacherFiles(*given, beside=trained, unseen=unseen, normalise=normalise) if given[0] else None,
        say=say,
    )
    print(f"{name}: {task.INFO.description} Next: python -m mtbkd_core distill --task {name}")


def _as_read(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as `shipped.read` would give them once they are written."""
    return {name: value.long() if name == shipped.INDEX else value.to(torch.float32) for name, value in tensors.items()}
