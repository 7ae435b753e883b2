"""Whole runs with teachers that know only some classes."""

import math
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import torch

from mtbkd_core import Result, Task, distill
from mtbkd_core.distillation import target_of
from mtbkd_core.figures.run_tables import accuracy_by_class, series_predictions
from mtbkd_core.prior import weights_under
from mtbkd_core.report.html import build_report
from mtbkd_core.studies.tuning import folds
from tests.small import small

CONFIG = small(
    data__teachers="one,other,third",
    sampler__preconditioner="curvature",
    sampler__chains=3,
    sampler__draws=6,
    sampler__burn_in=5,
    sampler__warm_start_steps=20,
)


def knowing(task: Task, name: str, classes: list[int], silent: slice = slice(0)) -> Task:
    """The task with a teacher that knows some classes alone, and abstains at some training and test examples."""
    teacher = task.teachers[name]
    lacking = [c for c in range(task.n_classes) if c not in classes]
    changed = {}
    for part in ("logits_train", "logits_test"):
        logits = getattr(teacher, part).clone()
        logits[:, lacking], logits[silent] = -math.inf, -math.inf
        changed[part] = logits
    return replace(task, teachers={**task.teachers, name: replace(teacher, **changed)})


@pytest.fixture(scope="module")
def result(tiny: Task) -> Result:
    """One teacher knows two classes, another two and abstains at a third of the examples, the last abstains at all."""
    task = knowing(knowing(tiny, "one", [0, 1]), "other", [1, 2], slice(4))
    return distill(CONFIG, task=knowing(task, "third", []))


def test_what_partial_teachers_leave_is_finite(result: Result) -> None:
    assert result.draws.isfinite().all()
    for part in (result.predictions.test, result.predictions.train):
        assert part.mean.isfinite().all()
        assert part.responsibilities.isfinite().all()
    assert result.predictions.train.pulls.isfinite().all()


def test_a_teacher_that_abstains_has_no_weight_no_responsibility_and_no_pull(result: Result) -> None:
    train = result.predictions.train
    assert (train.weights[2] == 0).all()
    assert (train.responsibilities[2] == 0).all()
    assert (train.pulls[2] == 0).all()
    assert (train.weights[1, :4] == 0).all()
    assert train.teachers[1, :4].isnan().all()
    torch.testing.assert_close(train.weights.sum(0), torch.ones(12))


def test_scores_of_a_partial_teacher_have_their_number_of_examples(result: Result) -> None:
    rows = result.metrics.rows
    assert [rows[f"teacher:{name}"].examples for name in ("one", "other", "third")] == [8, 6, 0]
    assert rows["student"].examples is None
    assert result.metrics.titles({"one": "One"})["teacher:one"] == "One (8 examples that it knows)"


def test_no_partial_teacher_is_called_the_best_and_the_student_is_compared_on_what_the_mean_knows(
    result: Result,
) -> None:
    assert result.metrics.best_teacher is None
    assert set(result.metrics.versus) == {"teachers_weighted", "warm_start"}
    # at the first four examples only one speaks, which does not know the third class
    known = result.metrics.teachers_weighted.examples
    assert known == 11
    assert result.metrics.versus["teachers_weighted"]["nll"].difference is not None


def test_tables_leave_out_what_a_teacher_does_not_know(result: Result) -> None:
    p, labels = series_predictions(result)["teacher:other"]
    assert len(p) == len(labels) == 6
    assert p.isfinite().all()
    table = accuracy_by_class(result, {"teacher:one": "One", "student": "Student"}, ["a", "b", "c"])
    assert table["share"].isna().tolist() == [False, False, True, False, False, False]
    assert table["of"].tolist()[:2] == [int((result.predictions.test.labels == label).sum()) for label in (0, 1)]


def test_a_saved_run_with_partial_teachers_opens(result: Result, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")
    result.save(folder)
    again = Result.load(folder)
    assert again.metrics == result.metrics
    assert torch.equal(again.predictions.test.teachers.isnan(), result.predictions.test.teachers.isnan())


def test_a_teacher_that_abstains_everywhere_changes_no_draw_but_for_rounding(tiny: Task) -> None:
    """Both posteriors at the same position: the log joint and its gradient."""
    silent = knowing(tiny, "third", [])
    without = CONFIG.with_data(teachers=("one", "other"))
    target, other = (target_of([c], silent, torch.device("cpu")) for c in (CONFIG, without))
    position = torch.randn(3, target.student.n_parameters, generator=torch.Generator().manual_seed(0))
    found, expected = target(position), other(position)
    torch.testing.assert_close(found.log_joint, expected.log_joint)
    torch.testing.assert_close(found.gradient, expected.gradient)


def test_a_run_whose_teachers_state_some_classes_together_has_their_prior(tiny: Task) -> None:
    """The target's mixture, and the weights that are saved."""
    mask = torch.tensor([False, True, True]).expand(12, 3)
    one = tiny.teachers["one"]
    even = one.logits_train.clone()
    even[:, 1:] = even[:, 1:].mean(1, keepdim=True)
    teacher = replace(one, logits_train=even, logits_test=even, together={"train": mask, "test": mask})
    task = replace(tiny, teachers={**tiny.teachers, "one": teacher})
    mixture = target_of([CONFIG], task, torch.device("cpu")).mixture
    assert mixture is not None
    assert mixture.tail is not None
    assert mixture.tail_targets is not None
    assert (mixture.tail_targets[0] > 0).all()
    found = distill(CONFIG, task=task)
    expected = weights_under(
        task.teacher_logits(CONFIG.data.teachers), CONFIG.prior, together=task.together(CONFIG.data.teachers)
    )
    torch.testing.assert_close(found.predictions.train.weights, expected)
    assert not torch.allclose(expected, weights_under(task.teacher_logits(CONFIG.data.teachers), CONFIG.prior))
    held_out = folds(task, 0)[0]
    assert held_out.together(["one"], "test") is not None
    assert len(held_out.teachers["one"].together["train"]) == len(held_out.y_train)


def test_a_run_with_partial_teachers_has_a_report(result: Result) -> None:
    document = build_report(result, run="x", created=datetime(2026, 5, 27, tzinfo=UTC))
    drawn = document.split('<div class="figures">')[1]
    assert not re.search(r"\bnan\b", drawn)
    assert "NaN" not in document.split('id="student">')[1].split("</script>")[0]
