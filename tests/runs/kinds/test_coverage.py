"""Coverage studies: what the rows amount to is what the study measured."""

import pytest
import torch

from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.kinds import coverage
from mtbkd_core.runs.kinds.coverage import KIND, TESTS, CoverageSpec
from mtbkd_core.studies.coverage import NO_TEACHER, SETTINGS, WRONG_ALONE, coverage_study


def test_each_setting_is_measured_as_in_one_study_of_all(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short = coverage.SAMPLER.model_copy(update={"draws": 5, "thinning": 1, "warm_start_steps": 5, "burn_in": 5})
    monkeypatch.setattr(coverage, "SAMPLER", short)
    view, _ = store.enqueue(KIND, CoverageSpec(points=12, replications=2, wrong_factor=1.5), engine=engine)
    execute(str(view.folder))
    done = store.read(KIND, view.id)
    expected = coverage_study(2, 12, tests=TESTS, wrong_factor=1.5, sampler=short)
    found = done.found()
    assert [each.setting for each in found] == list(SETTINGS)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.coverage, other.coverage)
        torch.testing.assert_close(one.width, other.width)
    assert done.posteriors == 2 * len(SETTINGS)
    mean = {each.setting: each.mean for each in expected}
    assert done.points_gained(WRONG_ALONE, NO_TEACHER) == pytest.approx(100 * (mean[WRONG_ALONE] - mean[NO_TEACHER]))


def test_the_samplers_settings_are_part_of_what_is_asked() -> None:
    assert CoverageSpec(points=12).config.sampler == coverage.SAMPLER
