"""Which class each output of a model is: by the names that the model or a person gives it, never by luck."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import plain

#: What transformers calls outputs that were never named.
_UNNAMED = re.compile(r"LABEL_(\d+)")


def classes_of_outputs(
    teacher: str, id2label: Mapping[int, str], class_names: Sequence[str], given: Sequence[str] | None
) -> list[str | None]:
    """The class of each output of a model; None for one that is no class of the data.

    Case and blanks do not count. Outputs without names are taken by their numbers where the classes are called by
    theirs; else a person has to name them.

    Args:
        id2label: the model's names of its outputs.
        given: names in the order of the outputs, in place of these.
    Raises:
        UserError: names that are not the classes', as far as one of the two goes; with how to name the outputs.
    """
    count = len(id2label)
    if given is not None and len(given) != count:
        raise UserError(f"teacher {teacher}: --outputs names {len(given)} classes, the model has {count:,} outputs")
    if set(id2label) != set(range(count)):
        raise UserError(f"teacher {teacher}: the model's id2label does not count its outputs from 0")
    own = [str(id2label[place]) for place in range(count)] if given is None else list(given)
    way_out = f"name the classes in the order of the outputs: --outputs {teacher}={','.join(class_names[:6])}"
    unnamed = [_UNNAMED.fullmatch(name) for name in own]
    if given is None and all(unnamed):
        numbers = [match[1] for match in unnamed if match]
        if list(class_names) != [str(number) for number in range(len(class_names))]:
            raise UserError(
                f"teacher {teacher}: the model calls its outputs {_listed(own)}, which does not say which classes they "
                f"are: {way_out}"
            )
        own = numbers
    wanted = {plain(name): name for name in class_names}
    if len(wanted) < len(class_names):  # classes that differ in case alone
        wanted, spelled = {name: name for name in class_names}, own
    else:
        spelled = [plain(name) for name in own]
    if len(set(spelled)) < count:
        twice = next(name for name, key in zip(own, spelled, strict=True) if spelled.count(key) > 1)
        raise UserError(f"teacher {teacher}: two outputs of the model are called {twice[:40]!r}: {way_out}")
    found = [wanted.get(name) for name in spelled]
    known = [name for name in found if name is not None]
    foreign = [name for name, of in zip(own, found, strict=True) if of is None]
    if len(known) < 2 or (foreign and len(known) < len(class_names)):
        raise UserError(
            f"teacher {teacher}: the model calls its outputs {_listed(own)}, and the classes are "
            f"{_listed(class_names)}: {_listed(foreign)} is none of them; {way_out}"
        )
    return found


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(repr(name[:40]) for name in names[:most]) + more
