"""Teachers' outputs that come with the program: small files in `data/`, and how each was made.

A teacher that takes minutes to train is trained once; its logits on the examples that a task can use are shipped in
`data/<task>-teachers.safetensors`: a tensor of logits [R, C] for each teacher, by its name, and `index` [R] int32, the
example of each row. `data/manifest.json` has for each file the source of its data, the licence, the sha256, what
`index` counts, and the command that rebuilds it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from mtbkd_core.common.files import make_folder, read_json, read_tensors, write_atomically, write_tensors
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError

#: Where the files lie, in a checkout and where the package is installed from one with `pip install -e .`.
DATA = Path(__file__).resolve().parents[2] / "data"
INDEX = "index"


@dataclass(frozen=True)
class Origin:
    """Where a file's data comes from.

    Attributes:
        source: who made the data that the teachers were trained on.
        licence: of that data.
        index: what the rows' numbers count, in one line.
    """

    source: str
    licence: str
    index: str


@dataclass(frozen=True)
class Difference:
    """How far a teacher that was trained anew is from the one that is shipped.

    Attributes:
        teacher: its name.
        differing: logits that are not bit for bit the same.
        logits: how many there are.
        largest: the largest difference, in nats; infinite where one of the two does not have the teacher or the rows.
    """

    teacher: str
    differing: int
    logits: int
    largest: float


@runtime_checkable
class Rebuilds(Protocol):
    """What a task whose teachers' outputs are shipped offers beside `tasks.source.Source`."""

    def origin(self) -> Origin:
        """Where its data comes from."""

    def rebuild(self, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> dict[str, Tensor]:
        """Train every teacher anew, resuming an interrupted training: the file's tensors, as `write` takes them.

        Raises:
            UserError: the data is not on this machine.
            Cancelled: `should_stop` returned true.
        """


def path_of(task: str) -> Path:
    """Where the outputs of a task's teachers lie, or would."""
    return DATA / f"{task}-teachers.safetensors"


def absent(task: str) -> str | None:
    """One line on what to do where a task's file is not there; None where it is."""
    if path_of(task).exists():
        return None
    return (
        f"{path_of(task)}: not there; run from a checkout of the repository, or install it with pip install -e ., "
        f"or train the teachers anew: {command(task)} --write"
    )


def command(task: str) -> str:
    """The command that rebuilds a task's file."""
    return f"python -m mtbkd_core rebuild {task}"


def digest(task: str) -> str:
    """The sha256 that the manifest promises: it changes whenever a teacher of the task does.

    Raises:
        UserError: the file or its entry is not there.
    """
    return str(_entry(task)["sha256"])


def about(task: str) -> Mapping[str, Any]:
    """The manifest's entry of a task's file; errors as `digest`."""
    return _entry(task)


def read(task: str) -> dict[str, Tensor]:
    """A task's file: each teacher's logits [R, C] as float32, and `index` [R] int64.

    Raises:
        UserError: the file is not there, is not the one in the manifest, or its tensors do not fit.
    """
    entry, path = _entry(task), path_of(task)
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if found != entry["sha256"]:
        raise UserError(f"{path}: sha256 is {found[:12]}..., the manifest says {str(entry['sha256'])[:12]}...")
    tensors = read_tensors(path)
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    if shapes != entry["shapes"]:
        raise UserError(f"{path}: holds {shapes}, the manifest says {entry['shapes']}")
    _check(str(path), tensors)
    return {name: tensor.long() if name == INDEX else tensor.float() for name, tensor in tensors.items()}


def write(task: str, tensors: Mapping[str, Tensor], origin: Origin) -> Path:
    """Put a task's file and its entry in the manifest, for those who ship them.

    Args:
        tensors: for each teacher its logits [R, C], float16 or float32, and `index` [R], int32.
        origin: where the data comes from.
    Raises:
        UserError: tensors that do not fit one another; a folder that cannot be written.
    """
    path = path_of(task)
    _check(str(path), tensors)
    make_folder(DATA)
    write_tensors(path, dict(tensors))
    entry = asdict(origin) | {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "shapes": {name: list(tensor.shape) for name, tensor in sorted(tensors.items())},
        "rebuild": command(task),
        "made_with": _made_with(),
    }
    manifest = _manifest() if _manifest_path().exists() else {}
    manifest[path.name] = entry
    write_atomically(_manifest_path(), json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return path


def differences(shipped: Mapping[str, Tensor], rebuilt: Mapping[str, Tensor]) -> list[Difference]:
    """Teacher by teacher, what differs bit for bit; none where all is identical. Both as `read` gives them."""
    same_rows = torch.equal(shipped[INDEX], rebuilt[INDEX])
    found = []
    for name in dict.fromkeys([*shipped, *rebuilt]):
        if name == INDEX:
            continue
        old, new = shipped.get(name), rebuilt.get(name)
        if old is None or new is None or old.shape != new.shape or not same_rows:
            count = max(0 if each is None else each.numel() for each in (old, new))
            found.append(Difference(name, count, count, float("inf")))
        elif not torch.equal(old, new):
            gap = (old.double() - new.double()).abs()
            found.append(Difference(name, int((gap > 0).sum()), gap.numel(), float(gap.max())))
    return found


def other_environment(task: str) -> str | None:
    """One line on the versions that a task's file was made with, where this machine has others; else None.

    With other processor instructions training rounds differently, and after some hundred steps the network differs.
    """
    theirs, ours = about(task).get("made_with", {}), _made_with()
    other = [f"{name} {theirs[name]} (here {own})" for name, own in ours.items() if theirs.get(name, own) != own]
    return f"made with {', '.join(other)}" if other else None


def _made_with() -> dict[str, str]:
    return {
        "torch": torch.__version__,
        "scikit-learn": version("scikit-learn"),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def _check(name: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are no file of teachers' outputs by a `UserError` that begins with `name`."""
    index = tensors.get(INDEX)
    if index is None or index.ndim != 1 or index.is_floating_point() or len(index.unique()) != len(index):
        raise UserError(f"{name}: needs a tensor {INDEX!r} of different whole numbers, one a row")
    widths = {tuple(tensor.shape) for key, tensor in tensors.items() if key != INDEX}
    if len(widths) != 1 or len(shape := next(iter(widths))) != 2 or shape[0] != len(index):
        raise UserError(f"{name}: needs logits [{len(index)}, C] of each teacher, got shapes {sorted(widths)}")
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"{name}: {key} holds a value that is not finite")


def _manifest_path() -> Path:
    return DATA / "manifest.json"


def _manifest() -> dict[str, Any]:
    if not _manifest_path().exists():
        raise UserError(f"{_manifest_path()}: not there; run from a checkout of the repository")
    return read_json(_manifest_path())


def _entry(task: str) -> dict[str, Any]:
    if problem := absent(task):
        raise UserError(problem)
    entry = _manifest().get(path_of(task).name)
    if not isinstance(entry, dict) or not {"sha256", "shapes"} <= set(entry):
        raise UserError(f"{_manifest_path()}: has no sha256 and shapes of {path_of(task).name}")
    return entry
