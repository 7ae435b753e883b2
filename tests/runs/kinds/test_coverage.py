"""Coverage studies: what the rows amount to is what the study measured."""

import json

import pytest
import torch

from mtbkd_core.common.files import content_hash
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import naming, store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.kinds import coverage
from mtbkd_core.runs.kinds.coverage import FIRST_SETTINGS, KIND, TESTS, CoverageSpec, CoverageView
from mtbkd_core.studies.coverage import NO_TEACHER, SETTINGS, WRONG_ALONE, coverage_study
from tests.studies.one_more_rule import add_rule


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    short = coverage.SAMPLER.model_copy(update={"draws": 5, "thinning": 1, "warm_start_steps": 5, "burn_in": 5})
    monkeypatch.setattr(coverage, "SAMPLER", short)


def measured(spec: CoverageSpec, engine: str) -> CoverageView:
    view, _ = store.enqueue(KIND, spec, engine=engine)
    execute(str(view.folder))
    return store.read(KIND, view.id)


def test_each_setting_is_measured_as_in_one_study_of_all(engine: str) -> None:
    done = measured(CoverageSpec(points=12, replications=2, wrong_factor=1.5), engine)
    expected = coverage_study(2, 12, tests=TESTS, wrong_factor=1.5, sampler=coverage.SAMPLER)
    found = done.found()
    assert [each.setting for each in found] == list(SETTINGS)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.coverage, other.coverage)
        torch.testing.assert_close(one.width, other.width)
    assert done.posteriors == 2 * len(SETTINGS)
    change = done.change("coverage", WRONG_ALONE, NO_TEACHER)
    mean = {each.setting: each.mean for each in expected}
    assert change.value == pytest.approx(mean[WRONG_ALONE] - mean[NO_TEACHER], abs=1e-5)
    assert change.low < change.value < change.high


def test_the_samplers_settings_are_part_of_what_is_asked() -> None:
    assert CoverageSpec(points=12).config.sampler == coverage.SAMPLER


def test_a_finished_study_keeps_the_names_of_its_parts_when_a_rule_is_added(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = measured(CoverageSpec(points=12, replications=2), engine)
    add_rule(monkeypatch)
    after = store.read(KIND, before.id)
    assert [(one.setting, one.mean) for one in after.found()] == [(one.setting, one.mean) for one in before.found()]
    assert after.change("nll", WRONG_ALONE, NO_TEACHER) == before.change("nll", WRONG_ALONE, NO_TEACHER)
    assert not after.is_torn()


def test_a_study_that_is_begun_after_a_rule_was_added_measures_it(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add_rule(monkeypatch)
    done = measured(CoverageSpec(points=12, replications=2), engine)
    assert [one.setting for one in done.found()] == list(coverage.SETTINGS)
    assert "experts and wrong, new" in coverage.SETTINGS


def without_names(view: CoverageView) -> CoverageView:
    """The study as it was written when its settings were not named in its file."""
    fields = json.loads((view.folder / files.CONFIG).read_bytes())
    del fields["settings"]
    path = view.folder.with_name(content_hash(json.dumps(fields, separators=(",", ":")), *fingerprints(view)))
    view.folder.rename(path)
    (path / files.CONFIG).write_text(json.dumps(fields))
    return store.read(KIND, path.name)


def fingerprints(view: CoverageView) -> tuple[str, ...]:
    return naming.fingerprints(KIND, view.spec)


def test_a_study_whose_file_names_no_settings_has_the_first_ones(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = CoverageSpec(points=12, replications=2, settings=FIRST_SETTINGS)
    new = measured(asked, engine)
    old = without_names(new)
    assert [(one.setting, one.mean) for one in old.found()] == [(one.setting, one.mean) for one in new.found()]
    found = store.find(KIND, asked)
    assert found is not None
    assert found.id == old.id
    add_rule(monkeypatch)
    assert [one.setting for one in store.read(KIND, old.id).found()] == list(FIRST_SETTINGS)
