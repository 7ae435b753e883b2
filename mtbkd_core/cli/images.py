"""The command `import-images`: a task of a folder of images."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.catalog.adding import check_free, import_embedded
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.cli.console import say
from mtbkd_core.cli.imports import NormaliseOption, ReplaceOption, say_checked, teacher_files, tell
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import split_names
from mtbkd_core.imports.embedded import EmbeddedImages, check_embedded
from mtbkd_core.imports.image_outputs import TeacherFiles

NameOption = Annotated[str, typer.Option("--name", help="What the task is called from then on: a to z, 0 to 9 and -.")]
FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder",
        help="With four IDX files, MedMNIST's NPZ, or a folder of pictures for each class below train, test.",
    ),
]
ClassesOption = Annotated[str | None, typer.Option("--classes", help='Names of the classes in order: a,b,"c, d".')]
TransposedOption = Annotated[
    bool, typer.Option("--transposed", help="The pictures lie mirrored along their diagonal, as EMNIST's.")
]
PrefixOption = Annotated[
    str, typer.Option("--prefix", help="How the files' names begin, in a folder of several sets: emnist-digits.")
]
TeacherOption = Annotated[
    list[str] | None,
    typer.Option("--teacher", help="A teacher's logits or probabilities for the training images, as name=file."),
]
TestTeacherOption = Annotated[
    list[str] | None, typer.Option("--test-teacher", help="Its outputs for the test images, as name=file.")
]
TrainedOption = Annotated[
    bool, typer.Option("--trained", help="Beside these, teachers that are trained on this machine.")
]
EmbeddingsOption = Annotated[
    Path | None,
    typer.Option(
        "--embeddings",
        help="What the student sees in place of pixels: a file of numbers, a row for each training image (CSV, "
        "Parquet, NPY, NPZ, safetensors, HDF5).",
    ),
]
TestEmbeddingsOption = Annotated[
    Path | None, typer.Option("--test-embeddings", help="Those of the test images, where the folder has some.")
]
EncoderOption = Annotated[
    str,
    typer.Option("--encoder", help="Or a model whose mean hidden states it sees: a folder, or a name on the Hub."),
]
UnseenOption = Annotated[
    bool,
    typer.Option("--labels-unseen", help="No teacher was trained on these images: calibrate each on their labels."),
]


def register(app: typer.Typer) -> None:
    """Add the command to a command line."""
    app.command("import-images")(import_images_command)


def import_images_command(
    name: NameOption,
    folder: FolderOption,
    classes: ClassesOption = None,
    transposed: TransposedOption = False,
    prefix: PrefixOption = "",
    title: Annotated[str, typer.Option("--title", help="The task's name for people.")] = "",
    replaces: ReplaceOption = False,
    teacher: TeacherOption = None,
    test_teacher: TestTeacherOption = None,
    trained: TrainedOption = False,
    embeddings: EmbeddingsOption = None,
    test_embeddings: TestEmbeddingsOption = None,
    encoder: EncoderOption = "",
    unseen: UnseenOption = False,
    normalise: NormaliseOption = False,
    only_check: Annotated[bool, typer.Option("--check", help="Check it all; write no task.")] = False,
) -> None:
    """Make a task of a folder of images; without outputs of your own, its teachers are trained at the first run."""
    check_free(name, replaces or only_check)
    names = None if classes is None else split_names(classes)
    given = teacher_files(teacher or [], "--teacher"), teacher_files(test_teacher or [], "--test-teacher")
    if not given[0] and (given[1] or trained or unseen or normalise):
        raise UserError("--test-teacher, --trained, --labels-unseen, --normalise: need --teacher name=file")
    outputs = TeacherFiles(*given, beside=trained, unseen=unseen, normalise=normalise) if given[0] else None
    if embeddings is not None or test_embeddings is not None or encoder:
        images = EmbeddedImages(folder, outputs, embeddings, test_embeddings, encoder, prefix, transposed, names)
        make = check_embedded if only_check else partial(import_embedded, replaces=replaces)
        say_checked(name, make(name, images, title=title, on_progress=tell), only_check, as_json=False)
        return
    task = import_images(
        name,
        folder,
        title=title,
        class_names=names,
        transposed=transposed,
        prefix=prefix,
        replaces=replaces,
        outputs=outputs,
        say=say,
        only_check=only_check,
    )
    next_step = "" if only_check else f" Next: python -m mtbkd_core distill --task {name}"
    print(f"{name}: {task.INFO.description}{next_step}")
