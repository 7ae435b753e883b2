"""The suggested batch size: measured when it is asked for, put into the settings, and said why."""

import pytest

from mtbkd_core import RunConfig, Task, build_config
from mtbkd_core.studies import batching
from mtbkd_core.studies.batching import BatchSuggestion
from tests.app.conftest import Opened, in_link, press

LABEL = "Suggest a batch size"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RunConfig, int]]:
    """Slow gradients in the place of a measurement, and what was measured: settings, and labelled examples."""
    seen: list[tuple[RunConfig, int]] = []

    def suggest(config: RunConfig, task: Task) -> BatchSuggestion:
        seen.append((config, len(task.y_train)))
        return BatchSuggestion(64, {64: 0.01, 200: 0.09}, config.sampler.chains)

    monkeypatch.setattr(batching, "suggest_batch_size", suggest)
    return seen


def test_it_becomes_part_of_the_settings_and_says_why(opened: Opened, measured: list[tuple[RunConfig, int]]) -> None:
    app = opened("distill", **{"sampler.algorithm": "baoab"})
    assert measured == []
    press(app, LABEL)
    assert not app.exception
    assert measured == [(build_config([("sampler.algorithm", "baoab")]), 200)]
    assert app.session_state.draft.sampler.batch_size == 64
    assert app.text_input(key="set:sampler.batch_size").value == "64"
    assert in_link(app, "sampler.batch_size") == "64"
    reason = "One gradient of all 200 examples takes 90 ms for 16 chains, more than 20 ms; of 64 it takes 10 ms."
    assert any(caption.value.startswith(reason) for caption in app.caption)
    # the reason belongs to these settings alone
    app.slider(key="set:sampler.chains").set_value(32).run()
    assert not any(caption.value.startswith("One gradient") for caption in app.caption)


def test_a_sampler_that_needs_all_examples_offers_none(opened: Opened, measured: list[tuple[RunConfig, int]]) -> None:
    app = opened("distill", **{"sampler.algorithm": "hmc"})
    assert LABEL not in [button.label for button in app.button]
