"""Sweeps and valuations as jobs: each part is a run's own scores, computed once; they stop, go on and are found."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtbkd_core import default_config
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import Cancelled, Phase, Progress, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import ConfigError
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.result import FORMAT, Result
from mtbkd_core.runs import execute as execute_module
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import base, grid, registry, shapley, sweep
from mtbkd_core.studies.shapley import shapley_values
from mtbkd_core.studies.sweep import sweep_values
from tests.made_up import made_up_predictions
from tests.runs.support import FakeResult, config

needs_fashion = pytest.mark.skipif(bool(missing_data("fashion")), reason="Fashion-MNIST is not on this machine")
STRENGTHS = ("0.0", "0.5", "1.0")
WRONG = 99.0
TEACHERS = ("digits-0-4", "digits-5-9", "even-digits")


def nll_of(config: RunConfig) -> float:
    """A score that tells every configuration of these tests from the others; strength 0 hears nobody."""
    worth = {"digits-0-4": -0.2, "digits-5-9": -0.1, "even-digits": 0.05}
    heard = config.data.teachers if config.prior.strength else ()
    return 1.0 + config.prior.strength * sum(worth[name] for name in heard) + config.seed / 100


class Fake(FakeResult):
    def __init__(self, config: RunConfig) -> None:
        self.config = config
        diagnostics = {"r_hat": 1.01 + config.seed / 10, "seconds_warm_start": 1.0}
        diagnostics |= {"seconds_sampling": 2.0, "seconds_evaluation": 0.5}
        student = {"nll": nll_of(config), "auroc_misclassification": float("nan")}
        self.metrics = Metrics.model_validate({"student": student, "diagnostics": diagnostics})


@pytest.fixture
def engine(home: Path) -> Iterator[str]:
    """The lock of an engine that is alive."""
    path = files.engine_lock(home, "e")
    path.parent.mkdir(parents=True)
    with files.lock.hold(path):
        yield "e"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """A grid that takes no time in the place of the real one, and what was computed."""
    calls: list[RunConfig] = []

    def each_result(
        configs: Sequence[RunConfig], *, on_progress: Any, should_stop: Any, on_problem: Any
    ) -> Iterator[tuple[int, Fake]]:
        for place, each in enumerate(configs):
            if should_stop():
                raise Cancelled
            fraction = place / len(configs)
            on_progress(Progress(Phase.SAMPLING, 1, 9, fraction, f"Settings {place + 1} of 9: Sampling students"))
            calls.append(each)
            if each.prior.concentration == WRONG:
                on_problem(place, UserError("sampler.step_size: a chain leaves the posterior"))
            else:
                yield place, Fake(each)

    monkeypatch.setattr(grid, "each_result", each_result)
    return calls


def a_sweep(seeds: int = 1, **changes: Any) -> sweep.Asked:
    return sweep.ask(config(**changes), "prior.strength", STRENGTHS, seeds)


def submit(table: Any, asked: Any) -> Any:
    view, submission = table.enqueue(asked, engine="e")
    assert submission is not None
    return view


def test_a_sweep_holds_each_values_scores_for_each_seed(engine: str, computed: list[RunConfig]) -> None:
    view = submit(sweep.TABLE, a_sweep(seeds=2, prior__strength=0.5))
    registry.execute_table(str(view.folder))
    after = sweep.TABLE.read(view.id)
    assert (after.state, after.reason, after.current) == (State.DONE, None, "0.5")
    assert [(each.prior.strength, each.seed, each.data.split_seed) for each in computed] == [
        (strength, seed, seed) for strength in (0.0, 0.5, 1.0) for seed in (0, 1)
    ]
    expected = {value: [nll_of(config(prior__strength=value, seed=seed)) for seed in (0, 1)] for value in STRENGTHS}
    assert {value: [row["nll"] for row in rows] for value, rows in after.scores().items()} == expected
    assert [row["r_hat"] for row in after.scores()["0.5"]] == pytest.approx([1.01, 1.11])
    assert after.scores()["0.0"][0]["auroc_misclassification"] is None
    assert after.rows.seconds[0] == 3.5
    content = json.loads((after.folder / "sweep.json").read_text())
    assert (content["setting"], list(content["points"])) == ("prior.strength", list(STRENGTHS))
    assert content["points"]["0.5"] == after.scores()["0.5"]


def test_a_sweep_of_before_a_setting_was_known_is_still_read_and_lends_its_rows(
    engine: str, computed: list[RunConfig], home: Path
) -> None:
    asked = a_sweep()
    new = submit(sweep.TABLE, asked)
    registry.execute_table(str(new.folder))
    said = asked.model_dump(mode="json")
    del said["config"]["data"]["n_unlabelled"], said["config"]["sampler"]["warm_start_batch_size"]
    raw = json.dumps(said, separators=(",", ":"))
    old = content_hash(raw, *base.fingerprints(asked))
    (new.folder / "config.json").write_text(json.dumps(said, indent=2))
    new.folder.rename(new.folder.with_name(old))
    assert [view.id for view in sweep.TABLE.all()] == [old]
    assert sweep.TABLE.read(old).scores()["0.5"][0]["nll"] == nll_of(config(prior__strength=0.5))
    assert sweep.TABLE.find(asked) is None
    computed.clear()
    again = submit(sweep.TABLE, asked)
    registry.execute_table(str(again.folder))
    assert computed == []
    assert sweep.TABLE.read(again.id).scores() == sweep.TABLE.read(old).scores()


def test_a_sweep_holds_scores_alone_and_checks_nobody_for_bias(engine: str, computed: list[RunConfig]) -> None:
    asked = a_sweep(sampler__bias_check=True)
    view = submit(sweep.TABLE, asked)
    registry.execute_table(str(view.folder))
    assert computed == [each.unchecked for each in asked.parts().values()]
    assert all(each.sampler.bias_check for each in asked.parts().values())
    plain = a_sweep()
    again = submit(sweep.TABLE, plain)
    registry.execute_table(str(again.folder))
    assert len(computed) == len(plain.parts())  # lent by the first: the draws are the same


@needs_fashion
def test_a_sweep_with_one_value_too_many_is_refused_before_it_runs(home: Path) -> None:
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 9000, allowed for fashion: at most 5000"):
        sweep.ask(default_config("fashion"), "data.n_unlabelled", ("0", "9000"))


@needs_fashion
def test_a_sweep_of_the_labels_shows_as_many_without_as_are_left(home: Path) -> None:
    asked = sweep.ask(default_config("fashion"), "data.n_labelled", ("100", "2000", "6000"))
    assert [each.data.n_unlabelled for each in asked.parts().values()] == [5000, 4000, 0]
    with pytest.raises(UserError, match=r"^data.n_labelled: got 6001, allowed for fashion: at most 6000"):
        sweep.ask(default_config("fashion"), "data.n_labelled", ("6001",))


def test_a_value_that_cannot_be_run_is_named_and_the_others_are_computed(
    engine: str, computed: list[RunConfig]
) -> None:
    asked = sweep.ask(config(), "prior.concentration", ("5.0", str(WRONG), "7.0"), 2)
    view = submit(sweep.TABLE, asked)
    registry.execute_table(str(view.folder))
    after = sweep.TABLE.read(view.id)
    assert after.state is State.FAILED
    assert after.reason is not None
    assert "99.0, and 1 more: sampler.step_size: a chain leaves the posterior; 4 of 6 runs are there" in after.reason
    assert [[row is not None for row in rows] for rows in after.scores().values()] == [
        [True] * 2,
        [False] * 2,
        [True] * 2,
    ]


def test_a_part_without_the_students_row_is_computed_anew(engine: str, computed: list[RunConfig]) -> None:
    first = submit(sweep.TABLE, a_sweep())
    foreign = b'{"part":0,"name":"foo","scores":{"nll":1}}\n{"part":0,"seconds":1}\n{"part":1,"seconds":NaN}\n'
    (first.folder / "rows.jsonl").write_bytes(foreign)
    other = submit(sweep.TABLE, sweep.ask(config(), "prior.strength", STRENGTHS[:2], 1))
    for view in (other, first):
        registry.execute_table(str(view.folder))
        assert sweep.TABLE.read(view.id).state is State.DONE
    assert [each.prior.strength for each in computed] == [0.0, 0.5, 0.0, 1.0]


def test_a_cancelled_sweep_keeps_its_points_and_goes_on_with_the_others(
    engine: str, computed: list[RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute_module, "_CANCEL_LOOK_SECONDS", 0.0)
    view = submit(sweep.TABLE, a_sweep())
    asked = []

    class Stops:
        def __init__(self, path: Path) -> None:
            pass

        def __call__(self) -> bool:
            asked.append(1)
            return len(asked) == 2

    monkeypatch.setattr(execute_module, "_CancelFile", Stops)
    sweep.TABLE.execute(str(view.folder))
    half = sweep.TABLE.read(view.id)
    assert (half.state, list(half.rows.whole)) == (State.CANCELLED, [0])
    assert half.scores()["0.5"] == [None]
    again = submit(sweep.TABLE, a_sweep())
    assert again.id == view.id
    sweep.TABLE.execute(str(view.folder))
    after = sweep.TABLE.read(view.id)
    assert after.state is State.DONE
    assert [each.prior.strength for each in computed] == [0.0, 0.5, 1.0]
    first = after.progress[0]
    assert (first.phase, first.step, first.message) == (Phase.GRID, 1, "Sampling students")
    assert first.fraction == pytest.approx(1 / 3)


def test_what_a_run_or_another_sweep_has_computed_is_not_computed_again(
    engine: str, computed: list[RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = config(prior__strength=0.5)
    run = store.create(small)
    monkeypatch.setattr(execute_module.distillation, "distill", lambda given, **named: _result(given))
    execute(str(run.folder))
    first = submit(sweep.TABLE, a_sweep())
    sweep.TABLE.execute(str(first.folder))
    assert [each.prior.strength for each in computed] == [0.0, 1.0]
    assert sweep.TABLE.read(first.id).scores()["0.5"][0]["nll"] == 0.321
    computed.clear()
    more = submit(sweep.TABLE, sweep.ask(small, "prior.strength", ("1.0", "2.0")))
    sweep.TABLE.execute(str(more.folder))
    assert [each.prior.strength for each in computed] == [2.0]
    assert sweep.TABLE.read(more.id).scores()["1.0"] == sweep.TABLE.read(first.id).scores()["1.0"]


def _result(given: RunConfig) -> Result:
    import torch

    metrics = Fake(given).metrics.updated(student={"nll": 0.321})
    environment = {"format": FORMAT, "n_features": 64, "class_names": [str(digit) for digit in range(10)]}
    return Result(given, metrics, torch.zeros(2, 4, 650), made_up_predictions(), environment)


def test_a_valuation_runs_every_subset_and_its_values_add_up(engine: str, computed: list[RunConfig]) -> None:
    base = config(teachers=",".join(TEACHERS))
    view = submit(shapley.TABLE, shapley.ask(base))
    registry.execute_table(str(view.folder))
    after = shapley.TABLE.read(view.id)
    assert (after.state, len(computed)) == (State.DONE, 8)
    (worth,) = after.worth("nll")
    # the teachers' parts add up in this score, so a teacher is worth the same in whatever company
    for values in (worth.shapley, worth.last, worth.alone):
        assert dict(values) == pytest.approx({"digits-0-4": -0.2, "digits-5-9": -0.1, "even-digits": 0.05})
    assert set(worth.shapley) == set(TEACHERS)
    gained = nll_of(base) - nll_of(config(prior__strength=0))
    assert sum(worth.shapley.values()) == pytest.approx(gained)
    assert after.worth("auroc_misclassification") == []
    assert after.worst_r_hat() == 1.01


def test_a_valuation_is_that_of_the_scores_and_waits_for_every_subset(
    engine: str, computed: list[RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = config(teachers="digits-0-4,even-digits")
    lone = {(): 1.0, ("digits-0-4",): 0.7, ("even-digits",): 0.6, ("digits-0-4", "even-digits"): 0.55}
    monkeypatch.setattr(
        "tests.runs.kinds.test_grid.nll_of", lambda given: lone[given.data.teachers if given.prior.strength else ()]
    )
    view = submit(shapley.TABLE, shapley.ask(base))
    assert view.worth("nll") == []
    shapley.TABLE.execute(str(view.folder))
    (worth,) = shapley.TABLE.read(view.id).worth("nll")
    assert worth.shapley == pytest.approx(shapley_values({frozenset(key): value for key, value in lone.items()}))
    assert worth.last == pytest.approx({"digits-0-4": 0.55 - 0.6, "even-digits": 0.55 - 0.7})
    assert worth.alone == pytest.approx({"digits-0-4": -0.3, "even-digits": -0.4})


def test_it_is_found_by_what_was_asked(engine: str, computed: list[RunConfig]) -> None:
    asked = shapley.ask(config())
    assert shapley.TABLE.find(asked) is None
    view = submit(shapley.TABLE, asked)
    found = shapley.TABLE.find(shapley.ask(config()))
    assert found is not None
    assert (found.id, found.state) == (view.id, State.QUEUED)
    assert shapley.TABLE.find(shapley.ask(config(), seeds=2)) is None


@pytest.mark.parametrize(
    ("text", "values"),
    [("1, 0.5,2,.5", ("0.5", "1.0", "2.0")), ("10,9", ("9.0", "10.0")), (" 0 ,", ("0.0",))],
)
def test_values_are_written_in_one_way_and_in_order(text: str, values: tuple[str, ...]) -> None:
    assert sweep_values(config(), "prior.strength", text) == values


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("prior.strength", "1,-2", r"prior\.strength: got '-2'"),
        ("prior.strength", "1,one", r"prior\.strength: got 'one'"),
        ("prior.strength", " , ", "at least one value"),
        ("prior.rule", "softmin,max", r"prior\.rule: got 'max'"),
        ("prior.strength", ",".join(str(value / 100) for value in range(51)), "at most 50"),
        ("prior.force", "1", r"prior\.force: no such setting"),
    ],
)
def test_values_that_are_none_are_one_line(name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        sweep_values(config(), name, text)


def test_one_number_for_all_teachers_is_theirs_all(home: Path) -> None:
    base = config(teachers="digits-0-4,even-digits")
    asked = sweep.ask(base, "prior.entropy_temperatures", sweep_values(base, "prior.entropy_temperatures", "2,1"))
    assert asked.values == ("1.0", "2.0")
    assert [each.prior.entropy_temperatures for each in asked.parts().values()] == [(1.0, 1.0), (2.0, 2.0)]


def test_what_cannot_be_swept_is_refused_in_one_line(home: Path) -> None:
    with pytest.raises(UserError, match="a sweep of seed has 1"):
        sweep.ask(config(), "seed", ("0", "1"), seeds=2)
    with pytest.raises(UserError, match="got 21, allowed: 1 to 20"):
        sweep.ask(config(), "prior.strength", ("1.0",), seeds=21)
    with pytest.raises(UserError, match="got 11, at most 10"):
        shapley.ask(config(teachers=",".join(f"t{place}" for place in range(11))))


def test_a_torn_or_foreign_sweep_hides_no_other(engine: str, computed: list[RunConfig]) -> None:
    good = submit(sweep.TABLE, a_sweep())
    bad = submit(sweep.TABLE, a_sweep(seeds=2))
    path = bad.folder / "config.json"
    path.write_text(path.read_text().replace('"prior.strength"', '"prior.nonsense"'))
    problems: list[str] = []
    assert [view.id for view in sweep.TABLE.all(problems.append)] == [good.id]
    assert problems == [f"sweep {bad.id}: config.json is torn (1 problems)"]


def test_a_real_grid_gives_the_scores_of_its_runs(
    engine: str, trained_home: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTBKD_HOME", str(own_home))
    (own_home / "teachers").symlink_to(trained_home / "teachers")
    view = submit(sweep.TABLE, a_sweep())
    registry.execute_table(str(view.folder))
    after = sweep.TABLE.read(view.id)
    assert after.state is State.DONE, after.reason
    run = store.create(config(prior__strength=0.5))
    execute(str(run.folder))
    own = store.load_result(run.id).metrics.row
    found = after.scores()["0.5"][0]
    assert found.keys() == own.keys()
    assert found["nll"] == pytest.approx(own["nll"], abs=0.1)
