"""Where a protein lives: inputs, labels and logits belong to the same proteins, and teachers are kept."""

from functools import partial
from pathlib import Path

import pytest
import torch

from mtbkd_core import Task, UserError, load_task
from mtbkd_core.catalog.registry import missing_data, rebuilds
from mtbkd_core.proteins import scldata
from mtbkd_core.proteins.descriptors import reach
from mtbkd_core.proteins.division import Division, divide
from mtbkd_core.tasks import proteins
from mtbkd_core.tasks.inputs import FURTHEST
from mtbkd_core.teachers import protein_teachers, shipped

NAMES = ("sequence-cnn", "ends", "descriptors")


@pytest.fixture
def features(session_home: Path, own_home: Path) -> None:
    """Descriptors are computed once a session."""
    (session_home / "features").mkdir(exist_ok=True)
    (own_home / "features").symlink_to(session_home / "features")


@pytest.fixture
def task(features: None) -> Task:
    return load_task("proteins")


def test_inputs_are_within_reach_and_groups_have_their_sizes(task: Task) -> None:
    assert task.class_names == scldata.LOCATIONS
    assert (len(task.y_test), len(task.shifts["several-locations"])) == (2161, 449)
    for x in (task.x_train, task.x_test):
        assert (x.abs() <= FURTHEST * reach()).all()


def test_sequences_accessions_inputs_and_labels_are_of_the_same_proteins(task: Task) -> None:
    known = {each.sequence: each for each in scldata.proteins()}
    assert task.proteins is not None
    for part, labels in (("train", task.y_train), ("test", task.y_test)):
        found = [known[sequence] for sequence in task.proteins.sequences[part]]
        assert tuple(each.accession for each in found) == task.proteins.accessions[part]
        assert [each.location for each in found] == [task.class_names[label] for label in labels.tolist()]
        assert len(set(found)) == len(labels)
    assert not set(task.proteins.sequences["train"]) & set(task.proteins.sequences["test"])
    assert all(";" in known[each].location for each in task.proteins.sequences["several-locations"])
    assert {known[each].part for each in task.proteins.sequences["train"]} == {"train"}


def test_teachers_are_better_than_any_one_answer_and_the_same_for_every_seed(task: Task) -> None:
    best_guess = float(task.y_test.bincount().max()) / len(task.y_test)
    for teacher in task.teachers.values():
        right = (teacher.logits_test.argmax(1) == task.y_test).float().mean()
        assert right > best_guess + 0.2
        assert teacher.cost is not None
        assert teacher.cost.parameters > 1000
    other = load_task("proteins", split_seed=1, n_labelled=50)
    assert torch.equal(other.teacher_logits(NAMES, "test"), task.teacher_logits(NAMES, "test"))
    assert len(other.y_train) == 50


def test_validation_has_other_proteins_of_several_locations_too(task: Task) -> None:
    held = load_task("proteins", split="validation", teachers=["ends"])
    assert held.proteins is not None
    assert task.proteins is not None
    for part in ("test", "several-locations"):
        assert not set(held.proteins.sequences[part]) & set(task.proteins.sequences[part])
    assert len(held.y_test) == 1035


def test_without_the_package_the_error_has_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_data("proteins") is None
    monkeypatch.setattr(scldata, "find_spec", lambda name: None)
    assert "pip install p-scldata==2025.6.0" in (missing_data("proteins") or "")
    with pytest.raises(UserError, match="p-scldata is not installed"):
        load_task("proteins")


def test_the_manifest_has_the_cost_of_each_teacher() -> None:
    assert rebuilds("proteins") is proteins
    about = shipped.about("proteins")
    assert set(about["teachers"]) == set(NAMES)
    assert about["rebuild"] == "python -m mtbkd_core rebuild proteins"


def test_teachers_that_are_kept_are_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = divide(scldata.proteins())
    learn = [each for name in scldata.LOCATIONS for each in [t for t in everyone.teachers if t.location == name][:8]]
    few = Division(tuple(learn), everyone.pool[:5], {"test": everyone.pool[5:8], "validation": ()}, {})
    monkeypatch.setattr(protein_teachers, "TREES", {"max_iter": 2})
    steps: list[tuple[int, int]] = []
    train = partial(protein_teachers.outcome, "descriptors", few, "data")
    first = train(on_epoch=lambda done, of: steps.append((done, of)))
    assert first.logits.shape == (8, 9)
    assert steps[-1] == (3, 3)
    assert protein_teachers.kept_cost("descriptors", "data") == first.cost
    steps.clear()
    assert torch.equal(train(on_epoch=lambda done, of: steps.append((done, of))).logits, first.logits)
    assert not steps
    with pytest.raises(UserError):
        protein_teachers.kept_cost("ends", "data")
