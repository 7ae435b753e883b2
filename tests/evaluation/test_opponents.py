"""The student beside its opponents, in words."""

from mtbkd_core.evaluation.diagnostics import Verdict
from mtbkd_core.evaluation.errors import Difference, Reading
from mtbkd_core.evaluation.metrics import Diagnostics, Metrics
from mtbkd_core.evaluation.opponents import headline, opponents, standing
from mtbkd_core.evaluation.scores import PosteriorScores, Scores

TITLES = {"one": "First", "two": "Second"}


def gap(difference: float, half: float, verdict: Reading) -> Difference:
    return Difference(difference=difference, low=difference - half, high=difference + half, verdict=verdict)


def metrics(weighted: Reading, teachers: tuple[str, ...] = ("one", "two")) -> Metrics:
    sign = 1 if weighted is Reading.WORSE else -1
    versus = {
        "teacher:two": {"nll": gap(-0.1, 0.05, Reading.BETTER), "accuracy": gap(0.01, 0.02, Reading.UNCLEAR)},
        "teachers_weighted": {"nll": gap(0.03 * sign, 0.01, weighted)},
        "warm_start": {"nll": gap(0.001, 0.002, Reading.UNCLEAR)},
    }
    return Metrics(
        student=PosteriorScores(nll=0.2, ece=0.02), teachers={name: Scores(nll=0.3) for name in teachers}, versus=versus
    )


def test_each_opponent_is_named_once_with_by_how_much_it_differs() -> None:
    assert standing(metrics(Reading.BETTER), TITLES) == (
        "NLL is better than the best single teacher (Second) by 0.100 [0.050, 0.150], better than the teachers' "
        "weighted mean by 0.030 [0.020, 0.040] and the same as its warm start within 0.003."
    )


def test_weighted_teachers_that_win_are_said_to_ask_all_teachers() -> None:
    said = "worse than the teachers' weighted mean (which asks all 2 teachers) by 0.030 [0.020, 0.040] and the same"
    assert said in standing(metrics(Reading.WORSE), TITLES)


def test_a_student_that_has_sampled_nothing_is_not_compared_with_itself() -> None:
    found = metrics(Reading.BETTER)
    itself = dict.fromkeys(("nll", "brier"), gap(0.0, 0.0, Reading.UNCLEAR))
    found = found.model_copy(update={"versus": found.versus | {"warm_start": itself}})
    assert "warm_start" not in opponents(found, TITLES)
    assert "warm start" not in standing(found, TITLES)


def test_a_headline_says_how_near_the_best_teacher_is_and_calibration_only_where_it_clearly_differs() -> None:
    found = metrics(Reading.BETTER)
    said = "The student is as accurate as the best single teacher (Second) within 3.0 points"
    assert headline(found, TITLES) == f"{said}."
    found.versus["teacher:two"]["ece"] = gap(-0.1, 0.12, Reading.UNCLEAR)
    assert headline(found, TITLES) == f"{said}."
    found.versus["teacher:two"]["ece"] = gap(-0.1, 0.05, Reading.BETTER)
    assert headline(found, TITLES) == f"{said}, with a smaller calibration error (ECE): 0.020, not 0.120."
    found.versus["teacher:two"]["accuracy"] = gap(-0.05, 0.01, Reading.WORSE)
    assert "less accurate than the best single teacher (Second) by 5.0 [4.0, 6.0] points" in headline(found, TITLES)


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
