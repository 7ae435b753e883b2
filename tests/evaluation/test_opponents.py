"""The student beside its opponents, in words."""

from mtbkd_core.evaluation.diagnostics import Verdict
from mtbkd_core.evaluation.errors import Difference, Reading
from mtbkd_core.evaluation.metrics import Diagnostics, Metrics
from mtbkd_core.evaluation.opponents import opponents, standing
from mtbkd_core.evaluation.scores import PosteriorScores, Scores

TITLES = {"one": "First", "two": "Second"}


def metrics(weighted: Reading, teachers: tuple[str, ...] = ("one", "two")) -> Metrics:
    readings = {"teacher:two": Reading.BETTER, "teachers_weighted": weighted, "warm_start": Reading.UNCLEAR}
    return Metrics(
        student=PosteriorScores(nll=0.2),
        teachers={name: Scores(nll=0.3) for name in teachers},
        versus={row: {"nll": Difference(difference=0.1, verdict=verdict)} for row, verdict in readings.items()},
    )


def test_each_opponent_is_named_once_with_what_its_difference_says() -> None:
    assert standing(metrics(Reading.BETTER), TITLES) == (
        "NLL is better than the best single teacher (Second) and the teachers' weighted mean and not clearly different "
        "from its warm start."
    )


def test_weighted_teachers_that_win_are_called_an_ensemble() -> None:
    assert standing(metrics(Reading.WORSE), TITLES) == (
        "NLL is better than the best single teacher (Second), worse than the teachers' weighted mean and not clearly "
        "different from its warm start. That mean is an ensemble of 2 large networks, which all have to be run."
    )


def test_a_single_teacher_has_no_mean_beside_it() -> None:
    found = metrics(Reading.WORSE, ("two",))
    assert list(opponents(found, TITLES)) == ["teacher:two", "warm_start"]
    assert "mean" not in standing(found, TITLES)


def test_a_run_without_differences_says_nothing() -> None:
    assert standing(Metrics(student=PosteriorScores(nll=0.2)), TITLES) == ""
    assert standing(metrics(Reading.BETTER), TITLES, "ece") == ""


def test_a_run_in_a_table_of_runs_has_the_worst_of_its_r_hats() -> None:
    def r_hat(**known: float | int) -> float | None:
        return Metrics(student=PosteriorScores(), diagnostics=Diagnostics(**known)).row["r_hat"]

    three = {"r_hat": 1.01, "r_hat_p95": 1.02, "r_hat_log_joint": 1.2}
    assert r_hat(**three) == 1.2
    assert r_hat(r_hat=1.01) == 1.01
    few = {"draws": 10, "verdict": Verdict.TOO_FEW_DRAWS}
    assert r_hat(**three, **few) == 1.01  # even independent draws have larger ones then
