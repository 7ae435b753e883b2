"""From a data set and models to a checked table: they become files, which are checked as people's own are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from torch import Tensor
from torch.nn.functional import logsigmoid

from mtbkd_core.common.files import home, make_folder
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.imports.check import Checked, check_table
from mtbkd_core.imports.classes import check_class_names
from mtbkd_core.imports.hub.models import load_model, outputs_of
from mtbkd_core.imports.hub.outputs import classes_of_outputs
from mtbkd_core.imports.hub.rows import HubRows, load_rows
from mtbkd_core.imports.hub.spec import HubSpec
from mtbkd_core.imports.spec import Files, TableSpec, check_name

#: The column of all files that tells rows apart; no class is called so.
ID = "row of the data set"


def check_hub(
    name: str,
    spec: HubSpec,
    *,
    title: str = "",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Checked:
    """Load a data set, ask the models, and check it all; nothing is kept but what is downloaded and worked out.

    With the rows comes what people see of them: the beginning of a text, or a small picture.

    Args:
        name, title: as `check_table`.
        on_progress: called with how far a model is.
    Raises:
        UserError: what is wrong (`UserError.problems`), a line each.
        Cancelled: `should_stop` said so.
    """
    check_name("name", name)
    make_folder(home() / "uploads")
    with TemporaryDirectory(dir=home() / "uploads", ignore_cleanup_errors=True) as folder:
        table_spec, parts, said = _as_files(spec, Path(folder), on_progress, should_stop)
        checked = check_table(name, table_spec, title=title, on_progress=on_progress, should_stop=should_stop)
    own = tuple(line for line in checked.notes if repr(ID) not in line)  # that our own files fit together
    with_shown = {"rows": parts[0], "unlabelled": parts[0], "test": parts[-1]}
    texts = {part: with_shown[part].shown(spec.inputs) for part in checked.data.parts()}
    rows: dict[str, Any] = {
        part: replace(each, shown=tuple(texts[part][place] for place in each.accessions))
        for part, each in checked.data.parts().items()
    }
    return replace(checked, data=replace(checked.data, **rows), notes=(*said, *own))


def _as_files(
    spec: HubSpec, folder: Path, on_progress: OnProgress | None, should_stop: ShouldStop | None
) -> tuple[TableSpec, list[HubRows], list[str]]:
    """The files of a spec, the rows that they are of, and how its models answered, a line each."""
    wanted = [spec.label, *spec.inputs, *spec.columns]
    splits = [spec.split, *filter(None, [spec.test])]
    parts = load_rows(spec.data, spec.subset, splits, wanted, spec.rows)
    pictures = parts[0].are_pictures(spec.inputs[0])
    if pictures and len(spec.inputs) > 1:
        raise UserError("inputs: expected one column of pictures, or two of texts")
    classes = _classes(spec, parts[0])
    models = {
        who: load_model(given, f"teacher {who}", pictures=pictures, head=True) for who, given in spec.teachers.items()
    }
    if not spec.normalise and (who := next((who for who, each in models.items() if each.independent), None)):
        raise UserError(
            f"teacher {who}: the model answers for each class by itself (multi_label_classification); --normalise "
            "divides its probabilities by their sum"
        )
    encoder = load_model(spec.encoder, "encoder", pictures=pictures, head=False) if spec.encoder else None
    columns = {
        who: classes_of_outputs(who, each.id2label, classes, spec.outputs.get(who)) for who, each in models.items()
    }
    files: list[Files] = []
    said: list[str] = []
    for part in parts:
        own = folder / str(len(files))
        own.mkdir()
        _write(own / part.name, part, {spec.label: pa.array(part.labels(spec.label)), **part.numbers(spec.columns)})
        texts = [] if pictures else [part.texts(column) for column in spec.inputs]
        paths = {}
        for who, model in models.items():
            logits, line = outputs_of(model, part, spec.inputs[0], texts, on_progress, should_stop)
            said.append(line + _left_out(columns[who]))
            paths[who] = own / "teachers" / f"{model.source.name} on {part.name}"
            _write(paths[who], part, _log_probabilities(logits, columns[who], model.independent))
        states = None
        if encoder is not None:
            found, line = outputs_of(encoder, part, spec.inputs[0], texts, on_progress, should_stop)
            said.append(f"{line}; means of {found.shape[1]:,} hidden states are the student's inputs")
            states = own / "encoder" / f"{encoder.source.name} on {part.name}"
            _write(states, part, _columns(found, [f"state {place}" for place in range(found.shape[1])]))
        files.append(Files(own / part.name, paths, states))
    return (
        TableSpec(
            files[0],
            spec.label,
            columns=spec.columns,
            classes=classes,
            accession=ID,
            test=files[1] if len(files) > 1 else None,
            item="picture" if pictures else "text",
            unseen=spec.unseen,
            unlabelled=spec.unlabelled,
        ),
        parts,
        said,
    )


def _classes(spec: HubSpec, part: HubRows) -> tuple[str, ...]:
    """The classes in order: as a person names them, the data set's own, or what its labels are."""
    own = part.class_names(spec.label)
    if spec.classes is not None:
        if own is not None and set(own) != set(spec.classes):
            raise UserError(f"classes: the data set names its own: {', '.join(own[:12])}; leave yours out")
        return check_class_names(spec.classes)
    if own is not None:
        return check_class_names(own, f"{part.name}: column {spec.label!r}")
    found = {text for text in part.labels(spec.label) if text}
    if all(text.isdecimal() for text in found):
        return check_class_names([str(number) for number in range(max(map(int, found), default=0) + 1)])
    return check_class_names(sorted(found), f"{part.name}: column {spec.label!r}")


def _left_out(columns: Sequence[str | None]) -> str:
    """What a note says of outputs that are no classes of the data."""
    count = sum(name is None for name in columns)
    return f"; {count:,} of its {len(columns):,} outputs are no class of the data and were left out" if count else ""


def _log_probabilities(logits: Tensor, names: Sequence[str | None], independent: bool) -> dict[str, pa.Array]:
    """Logits [N, outputs] as log probabilities of those that are classes, which no reader takes for another scale.

    Args:
        independent: whether each output is a yes or no of its own, whose probabilities are divided by their sum.
    """
    kept = logits[:, [place for place, name in enumerate(names) if name is not None]].double()
    return _columns((logsigmoid(kept) if independent else kept).log_softmax(1), [name for name in names if name])


def _columns(values: Tensor, names: Sequence[str]) -> dict[str, pa.Array]:
    """Columns [N] of values [N, F]."""
    return {name: pa.array(values[:, place].numpy()) for place, name in enumerate(names)}


def _write(path: Path, part: HubRows, columns: dict[str, pa.Array]) -> None:
    """Write columns with the rows' ids as Parquet."""
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(pa.table({ID: pa.array([str(place) for place in part.places]), **columns}), path)
