"""Sweeps and Shapley studies: each part is a run's own scores, computed once, and what they amount to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import default_config, distillation
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import ConfigError
from mtbkd_core.result import FORMAT, Result
from mtbkd_core.runs import naming, store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import grid, run, shapley, sweep
from mtbkd_core.runs.kinds.shapley import shapley_spec
from mtbkd_core.runs.kinds.sweep import SweepSpec, SweepView, sweep_spec
from mtbkd_core.studies.shapley import shapley_values
from mtbkd_core.studies.sweep import sweep_values
from tests.made_up import made_up_predictions
from tests.runs.kinds.samples import STRENGTHS, Steps, fake_grid, former_names, metrics_of, score
from tests.runs.support import config

needs_fashion = pytest.mark.skipif(bool(missing_data("fashion")), reason="Fashion-MNIST is not on this machine")
WRONG = 99.0


@pytest.fixture
def steps(engine: str, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """A grid that takes no time, and the configurations that it computed."""
    found = Steps()
    fake_grid(monkeypatch, found)
    return found


def strengths(seeds: int = 1, **changes: Any) -> SweepSpec:
    return sweep_spec(config(**changes), "prior.strength", STRENGTHS, seeds)


def swept(spec: SweepSpec) -> SweepView:
    """The sweep after a worker has executed it."""
    view, _ = store.enqueue(sweep.KIND, spec, engine="alive")
    execute(str(view.folder))
    return store.read(sweep.KIND, view.id)


def studied(config: RunConfig) -> shapley.ShapleyView:
    view, _ = store.enqueue(shapley.KIND, shapley_spec(config), engine="alive")
    execute(str(view.folder))
    return store.read(shapley.KIND, view.id)


def test_a_sweep_holds_each_values_scores_for_each_seed(steps: Steps) -> None:
    view = swept(strengths(seeds=2, prior__strength=0.5))
    assert (view.state, view.reason, view.current) == (State.DONE, None, "0.5")
    assert [(each.prior.strength, each.seed, each.data.split_seed) for each in steps.done] == [
        (strength, seed, seed) for strength in (0.0, 0.5, 1.0) for seed in (0, 1)
    ]
    expected = {value: [score(config(prior__strength=value, seed=seed)) for seed in (0, 1)] for value in STRENGTHS}
    assert {value: [row["nll"] for row in rows] for value, rows in view.scores().items()} == expected
    assert [row["r_hat"] for row in view.scores()["0.5"]] == pytest.approx([1.01, 1.11])
    assert view.scores()["0.0"][0]["auroc_misclassification"] is None
    assert view.rows.seconds[0] == 3.5
    assert view.progress[0].message == "Sampling students"
    content = json.loads((view.folder / "sweep.json").read_text())
    assert (content["setting"], list(content["points"])) == ("prior.strength", list(STRENGTHS))
    assert content["points"]["0.5"] == view.scores()["0.5"]


def test_a_sweep_of_a_setting_that_was_renamed_is_opened(steps: Steps) -> None:
    spec = sweep_spec(config(), "data.n_labelled", ("50", "100"))
    view = swept(spec)
    content = spec.model_dump(mode="json") | {"setting": "n_train"}
    old = content_hash(json.dumps(content, separators=(",", ":")), *naming.fingerprints(sweep.KIND, spec))
    (view.folder / "config.json").write_text(json.dumps(content))
    view.folder.rename(view.folder.with_name(old))
    assert store.read(sweep.KIND, old).spec == spec


def test_a_sweep_of_before_a_setting_was_known_lends_its_rows(steps: Steps) -> None:
    spec = strengths()
    view = swept(spec)
    content = spec.model_dump(mode="json")
    del content["config"]["data"]["n_unlabelled"], content["config"]["sampler"]["warm_start_batch_size"]
    old = content_hash(json.dumps(content, separators=(",", ":")), *naming.fingerprints(sweep.KIND, spec))
    (view.folder / "config.json").write_text(json.dumps(content, indent=2))
    view.folder.rename(view.folder.with_name(old))
    steps.done.clear()
    more = swept(sweep_spec(config(), "prior.strength", (*STRENGTHS, "2.0")))
    assert [each.prior.strength for each in steps.done] == [2.0]
    assert more.scores()["0.5"] == store.read(sweep.KIND, old).scores()["0.5"]


def test_a_sweep_holds_scores_only_and_skips_the_check_for_bias(steps: Steps) -> None:
    spec = strengths(sampler__bias_check=True)
    swept(spec)
    assert steps.done == [each.unchecked for each in spec.parts().values()]
    assert all(each.sampler.checks_bias for each in spec.parts().values())
    swept(strengths())
    assert len(steps.done) == len(STRENGTHS)  # lent by the first: the draws are the same


def test_a_value_that_cannot_be_run_is_named_and_the_others_are_computed(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = grid.each_result

    def each_result(configs: Any, *, on_problem: Any, **named: Any) -> Iterator[Any]:
        for place, result in real(configs, on_problem=on_problem, **named):
            if configs[place].prior.concentration == WRONG:
                on_problem(place, UserError("sampler.step_size: a chain leaves the posterior"))
            else:
                yield place, result

    monkeypatch.setattr(grid, "each_result", each_result)
    view = swept(sweep_spec(config(), "prior.concentration", ("5.0", str(WRONG), "7.0"), 2))
    assert view.state is State.FAILED
    assert view.reason is not None
    assert "99.0, and 1 more: sampler.step_size: a chain leaves the posterior; 4 of 6 runs are there" in view.reason
    found = [[row is not None for row in rows] for rows in view.scores().values()]
    assert found == [[True] * 2, [False] * 2, [True] * 2]


def test_a_part_without_the_students_row_is_computed_anew(steps: Steps) -> None:
    first, _ = store.enqueue(sweep.KIND, strengths(), engine="alive")
    foreign = b'{"part":0,"name":"foo","scores":{"nll":1}}\n{"part":0,"seconds":1}\n{"part":1,"seconds":NaN}\n'
    (first.folder / "rows.jsonl").write_bytes(foreign)
    assert swept(sweep_spec(config(), "prior.strength", STRENGTHS[:2])).state is State.DONE
    assert swept(strengths()).state is State.DONE
    assert [each.prior.strength for each in steps.done] == [0.0, 0.5, 0.0, 1.0]


def distilled(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run with a student's NLL of 0.321."""

    def distill(going: Any, given: RunConfig, **named: Any) -> Result:
        metrics = metrics_of(given).updated(student={"nll": 0.321})
        environment = {"format": FORMAT, "n_features": 64, "class_names": [str(digit) for digit in range(10)]}
        return Result(given, metrics, torch.zeros(2, 4, 650), made_up_predictions(), environment)

    monkeypatch.setattr(distillation, "distill_from", distill)
    folder = store.create(run.KIND, config).folder
    execute(str(folder))
    return folder


@pytest.mark.parametrize("former", [False, True], ids=["today's run", "a run of a former format"])
def test_what_a_run_or_another_sweep_has_computed_is_not_computed_again(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, former: bool
) -> None:
    small = config(prior__strength=0.5)
    made = distilled(small, monkeypatch)
    if former:
        raw = json.dumps(former_names(small), separators=(",", ":"))
        (made / "config.json").write_text(raw)
        made.rename(made.with_name(content_hash(raw, *naming.fingerprints(run.KIND, small))))
    first = swept(strengths())
    assert [each.prior.strength for each in steps.done] == [0.0, 1.0]
    assert first.scores()["0.5"][0]["nll"] == 0.321
    more = swept(sweep_spec(small, "prior.strength", ("1.0", "2.0")))
    assert [each.prior.strength for each in steps.done[2:]] == [2.0]
    assert more.scores()["1.0"] == first.scores()["1.0"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("environment.json", f'{{"format": {FORMAT + 1}}}'), ("metrics.json", "{}"), ("metrics.json", "[" * 100_000)],
)
def test_a_run_of_another_format_or_torn_lends_nothing(
    name: str, content: str, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    (distilled(config(prior__strength=0.5), monkeypatch) / name).write_text(content)
    swept(strengths())
    assert [each.prior.strength for each in steps.done] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("teachers", ["digits-0-4,digits-5-9,even-digits", "digits-0-4,even-digits"])
def test_a_shapley_study_runs_every_subset_and_its_values_add_up(steps: Steps, teachers: str) -> None:
    settings = config(teachers=teachers, prior__strength=1.0)
    view = studied(settings)
    names = settings.data.teachers
    assert (view.state, len(steps.done)) == (State.DONE, 2 ** len(names))
    (found,) = view.contributions("nll")
    gains = {"digits-0-4": -0.2, "digits-5-9": -0.1, "even-digits": 0.05}
    # the teachers' gains add up in this score, so each contributes the same to any others
    for values in (found.shapley, found.leave_one_out, found.solo):
        assert dict(values) == pytest.approx({name: gains[name] for name in names})
    every = {frozenset(subset.split(",")) - {""}: rows[0]["nll"] for subset, rows in view.scores().items() if rows[0]}
    assert found.shapley == pytest.approx(shapley_values(every))
    assert sum(found.shapley.values()) == pytest.approx(score(settings) - score(config(prior__strength=0)))
    assert view.contributions("auroc_misclassification") == []
    assert view.worst_r_hat() == 1.01


def test_a_shapley_study_waits_for_every_subset(engine: str) -> None:
    view, _ = store.enqueue(shapley.KIND, shapley_spec(config()), engine=engine)
    assert view.contributions("nll") == []
    assert view.worst_r_hat() is None


@needs_fashion
def test_a_sweep_with_one_value_too_many_is_refused_before_it_runs(home: Path) -> None:
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 9000, allowed for fashion: at most 5000"):
        sweep_spec(default_config("fashion"), "data.n_unlabelled", ("0", "9000"))


@needs_fashion
def test_a_sweep_of_the_labels_shows_as_many_without_as_are_left(home: Path) -> None:
    spec = sweep_spec(default_config("fashion"), "data.n_labelled", ("100", "2000", "6000"))
    assert [each.data.n_unlabelled for each in spec.parts().values()] == [3000, 3000, 0]
    with pytest.raises(UserError, match=r"^data.n_labelled: got 6001, allowed for fashion: at most 6000"):
        sweep_spec(default_config("fashion"), "data.n_labelled", ("6001",))


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
    spec = sweep_spec(base, "prior.entropy_temperatures", sweep_values(base, "prior.entropy_temperatures", "2,1"))
    assert spec.values == ("1.0", "2.0")
    assert [each.prior.entropy_temperatures for each in spec.parts().values()] == [(1.0, 1.0), (2.0, 2.0)]


def test_what_cannot_be_swept_is_refused_in_one_line(home: Path) -> None:
    with pytest.raises(UserError, match="a sweep of seed has 1"):
        sweep_spec(config(), "seed", ("0", "1"), seeds=2)
    with pytest.raises(UserError, match="got 21, allowed: 1 to 20"):
        sweep_spec(config(), "prior.strength", ("1.0",), seeds=21)
    with pytest.raises(UserError, match="got 11, at most 10"):
        shapley_spec(config(teachers=",".join(f"t{place}" for place in range(11))))


def test_a_real_grid_gives_the_scores_of_its_runs(
    engine: str, trained_home: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTBKD_HOME", str(own_home))
    (own_home / "teachers").symlink_to(trained_home / "teachers")
    view = swept(strengths())
    assert view.state is State.DONE, view.reason
    done = store.create(run.KIND, config(prior__strength=0.5))
    execute(str(done.folder))
    own = run.load_result(done.id).metrics.row
    found = view.scores()["0.5"][0]
    assert found.keys() == own.keys()
    assert found["nll"] == pytest.approx(own["nll"], abs=0.1)
