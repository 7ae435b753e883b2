"""Where a protein lives: what the task hands out, and that what the teachers say belongs to the right protein."""

from pathlib import Path

import pytest
import torch

from mtbkd_core import Task, UserError, default_config, fingerprint, load_task, task_info
from mtbkd_core.catalog.registry import missing_data, rebuilds
from mtbkd_core.proteins import scldata
from mtbkd_core.proteins.descriptors import reach
from mtbkd_core.tasks import proteins
from mtbkd_core.tasks.inputs import FURTHEST
from mtbkd_core.teachers import protein_teachers, shipped

NAMES = ("sequence-cnn", "ends", "descriptors")


@pytest.fixture
def features(session_home: Path, own_home: Path) -> None:
    """Descriptors are worked out once a session."""
    (session_home / "features").mkdir(exist_ok=True)
    (own_home / "features").symlink_to(session_home / "features")


@pytest.fixture
def task(features: None) -> Task:
    return load_task("proteins")


def test_the_task_has_the_shapes_and_groups_that_it_promises(task: Task) -> None:
    info = task_info("proteins")
    assert (len(task.y_train), len(task.y_test), task.n_classes) == (info.n_train, 2161, info.n_classes)
    assert task.class_names == scldata.LOCATIONS
    assert list(task.shifts) == [shift.name for shift in info.shifts] == ["several-locations"]
    assert task.shifts["several-locations"].shape == (449, task.x_train.shape[1])
    assert tuple(task.teachers) == NAMES
    for part, x in (("train", task.x_train), ("test", task.x_test)):
        assert x.isfinite().all()
        assert (x.abs() <= FURTHEST * reach()).all()
        logits = task.teacher_logits(NAMES, part)
        assert logits.shape == (3, len(x), 9)
        assert logits.dtype == torch.float32


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


def test_teachers_are_better_than_any_one_answer_and_the_same_for_every_split(task: Task, features: None) -> None:
    best_guess = float(task.y_test.bincount().max()) / len(task.y_test)
    for teacher in task.teachers.values():
        right = (teacher.logits_test.argmax(1) == task.y_test).float().mean()
        assert right > best_guess + 0.2
        assert teacher.cost is not None
        assert teacher.cost.parameters > 1000
    other = load_task("proteins", split_seed=1, n_train=50)
    assert torch.equal(other.teacher_logits(NAMES, "test"), task.teacher_logits(NAMES, "test"))
    assert len(other.y_train) == 50


def test_validation_is_measured_on_other_proteins(task: Task, features: None) -> None:
    held = load_task("proteins", split="validation", teachers=["ends"])
    assert held.proteins is not None
    assert task.proteins is not None
    assert torch.equal(held.x_train, task.x_train)
    for part in ("test", "several-locations"):
        assert not set(held.proteins.sequences[part]) & set(task.proteins.sequences[part])
    assert len(held.y_test) == 1035


def test_the_fingerprint_is_known_before_and_moves_with_what_it_depends_on(task: Task) -> None:
    config = default_config("proteins")
    assert fingerprint(config) == task.fingerprint_of(config.data.teachers)
    others = [{"split_seed": 1}, {"n_labelled": 100}, {"teachers": ("ends",)}]
    assert len({fingerprint(config.with_data(**other)) for other in [{}, *others]}) == 4


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"teachers": ["nobody"]}, "proteins has no 'nobody'; proteins has sequence-cnn, ends, descriptors"),
        ({"teachers": []}, "none is named"),
        ({"n_train": 3501}, "at most 3500"),
        ({"split": "train"}, "allowed: test, validation"),
    ],
)
def test_what_the_task_does_not_have_is_refused(features: None, arguments: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=line):
        load_task("proteins", **arguments)  # type: ignore[arg-type]


def test_without_the_package_the_task_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_data("proteins") is None
    monkeypatch.setattr(scldata, "find_spec", lambda name: None)
    assert "pip install p-scldata==2025.6.0" in (missing_data("proteins") or "")
    with pytest.raises(UserError, match="p-scldata is not installed"):
        load_task("proteins")


def test_the_manifest_says_what_each_teacher_takes() -> None:
    assert rebuilds("proteins") is proteins
    about = shipped.about("proteins")
    assert set(about["teachers"]) == set(NAMES)
    assert about["rebuild"] == "python -m mtbkd_core rebuild proteins"


def test_teachers_that_are_kept_are_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    division = proteins._division()
    learn = [each for name in scldata.LOCATIONS for each in [t for t in division.teachers if t.location == name][:8]]
    few = protein_teachers.Division(tuple(learn), division.pool[:5], {"test": division.pool[5:8], "validation": ()}, {})
    monkeypatch.setattr(protein_teachers, "TREES", {"max_iter": 2})
    steps: list[tuple[int, int]] = []
    first = protein_teachers.outcome("descriptors", few, "data", lambda name, done, of: steps.append((done, of)))
    assert first.logits.shape == (8, 9)
    assert steps[-1] == (3, 3)
    assert protein_teachers.kept_cost("descriptors", "data") == first.cost
    steps.clear()
    again = protein_teachers.outcome("descriptors", few, "data", lambda name, done, of: steps.append((done, of)))
    assert torch.equal(again.logits, first.logits)
    assert not steps
    with pytest.raises(UserError):
        protein_teachers.kept_cost("ends", "data")


def test_the_rest_of_the_pool_is_there_without_labels(task: Task, features: None) -> None:
    more = load_task("proteins", n_train=task_info("proteins").most_train)
    assert task.x_unlabelled is not None
    assert torch.equal(torch.cat([task.x_train, task.x_unlabelled]), more.x_train)
    assert more.x_unlabelled is not None
    assert not len(more.x_unlabelled)
    lesson = task.lesson(NAMES, len(task.x_unlabelled))
    assert torch.equal(lesson.teacher_logits, more.teacher_logits(NAMES))
    assert lesson.labels.tolist() == [*task.y_train.tolist(), *[-1] * len(task.x_unlabelled)]
