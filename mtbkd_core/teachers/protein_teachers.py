"""The three teachers of the task `proteins`, with different inputs each, trained on proteins that no student gets.

Two are networks on residues; the third boosts trees on the student's own descriptors. The logits of a finished teacher
are kept under the home folder, so that an interrupted training continues with the next teacher.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash, home, make_folder, read_tensors, write_tensors
from mtbkd_core.common.progress import UserError, stop_if
from mtbkd_core.proteins.descriptors import DESCRIPTORS_VERSION, describe
from mtbkd_core.proteins.division import Division, label_of
from mtbkd_core.proteins.features import cached_descriptors
from mtbkd_core.proteins.scldata import LOCATIONS, Protein
from mtbkd_core.teachers.base import Cost, TeacherInfo
from mtbkd_core.teachers.sequence_networks import Reader, logits_of, reader_hash, train
from mtbkd_core.teachers.training import Control

INFOS = (
    TeacherInfo("sequence-cnn", "Whole sequence", "A convolutional network over all of a protein's residues."),
    TeacherInfo("ends", "Both ends", "A convolutional network that sees only the first 50 and the last 30 residues."),
    TeacherInfo("descriptors", "Descriptors", "Boosted trees on the descriptors that the student sees too."),
)
#: Settled on the validation proteins.
READERS: Mapping[str, Reader] = {
    "sequence-cnn": Reader(head=None, channels=(48, 64, 96), epochs=8),
    "ends": Reader(head=50, tail=30, channels=(48, 64, 96), dropout=0.5, epochs=8, weight_decay=5e-2),
}
TREES: Mapping[str, Any] = {
    "max_iter": 250,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "l2_regularization": 5.0,
    "max_features": 0.2,
}
_SEED = 0
_TIMED, _BATCH = 256, 64


@dataclass(frozen=True)
class Outcome:
    """A trained teacher.

    Attributes:
        logits: [R, C], float16: as they are shipped.
        cost: of one prediction.
    """

    logits: Tensor
    cost: Cost


def outcome(name: str, division: Division, data_hash: str, **control: Unpack[Control]) -> Outcome:
    """A teacher's logits on `division.asked` and its cost: kept from before, or from a training now.

    Raises:
        UserError: the home folder cannot be written, or a kept file cannot be read.
        Cancelled: `should_stop` returned true.
    """
    path = _path(name, data_hash)
    if path.exists():
        return _read(path)
    asked = [each.sequence for each in division.asked]
    if name in READERS:
        control["checkpoint"] = path.with_name(f"{path.name.split('.')[0]}.checkpoint.safetensors")
        found = _network(READERS[name], division.teachers, asked, control)
    else:
        found = _trees(division.teachers, asked, control)
    make_folder(path.parent)
    cost = found.cost
    numbers = torch.tensor([cost.parameters, cost.bytes, cost.milliseconds], dtype=torch.float64)
    write_tensors(path, {"logits": found.logits, "cost": numbers})
    return found


def kept_cost(name: str, data_hash: str) -> Cost:
    """The cost of a finished teacher.

    Raises:
        UserError: it is not finished.
    """
    return _read(_path(name, data_hash)).cost


def _read(path: Path) -> Outcome:
    kept = read_tensors(path)
    if not {"logits", "cost"} <= set(kept):
        raise UserError(f"{path}: holds no logits and cost; remove it, and the teacher is trained anew")
    parameters, size, milliseconds = kept["cost"].tolist()
    return Outcome(kept["logits"], Cost(int(parameters), int(size), milliseconds))


def _path(name: str, data_hash: str) -> Path:
    if name in READERS:
        digest = reader_hash(READERS[name], data_hash, _SEED)
    else:
        made_with = [version("scikit-learn"), str(DESCRIPTORS_VERSION), str(_SEED)]
        digest = content_hash(json.dumps(dict(TREES)), data_hash, *made_with)
    return home() / "teachers" / f"proteins-{name}-{digest}.says.safetensors"


def _network(reader: Reader, learn: Sequence[Protein], asked: Sequence[str], control: Control) -> Outcome:
    sequences, labels = [each.sequence for each in learn], [label_of(each) for each in learn]
    network = train(reader, sequences, labels, len(LOCATIONS), seed=_SEED, **control)
    logits = logits_of(network, reader, asked, should_stop=control.get("should_stop"))
    count = sum(values.numel() for values in network.parameters())
    # in their own order, not sorted by length over all batches as above: a prediction has no others beside it
    spent = _milliseconds(lambda few: logits_of(network, reader, few), asked)
    return Outcome(logits.half(), Cost(count, 4 * count, spent))


def _trees(learn: Sequence[Protein], asked: Sequence[str], control: Control) -> Outcome:
    from sklearn.ensemble import HistGradientBoostingClassifier

    step, should_stop = control.get("on_epoch") or (lambda done, steps: None), control.get("should_stop")
    step(0, 3)
    of_learn = cached_descriptors([each.sequence for each in learn], should_stop=should_stop)
    of_asked = cached_descriptors(asked, should_stop=should_stop)
    step(1, 3)
    stop_if(should_stop)
    model = HistGradientBoostingClassifier(random_state=_SEED, early_stopping=False, **TREES)
    model.fit(of_learn.numpy(), [label_of(each) for each in learn])
    step(2, 3)
    logits = torch.from_numpy(model.decision_function(of_asked.numpy()))
    trees = [tree.nodes for trees in model._predictors for tree in trees]
    leaves = sum(int(nodes["is_leaf"].sum()) for nodes in trees)
    inner = sum(len(nodes) for nodes in trees) - leaves
    # a leaf is a value; any other node a feature and a threshold
    size = sum(nodes.nbytes for nodes in trees)
    spent = _milliseconds(lambda few: model.decision_function(describe(few).numpy()), asked)
    step(3, 3)
    return Outcome(logits.half(), Cost(leaves + 2 * inner, size, spent))


def _milliseconds(ask: Callable[[Sequence[str]], object], sequences: Sequence[str]) -> float:
    """From a sequence to logits, in batches, of the first sequences."""
    few = sequences[:_TIMED]
    ask(few[:_BATCH])
    began = time.perf_counter()
    for start in range(0, len(few), _BATCH):
        ask(few[start : start + _BATCH])
    return 1000 * (time.perf_counter() - began) / len(few)


def cost_as_dict(cost: Cost) -> dict[str, float]:
    """A cost for the manifest, with milliseconds to three digits."""
    return asdict(cost) | {"milliseconds": round(cost.milliseconds, 3)}
