"""The suggested batch size: measured when it is asked for, put into the settings, and said why."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig, Task, build_config
from mtbkd_core.studies import batching
from mtbkd_core.studies.batching import BatchSuggestion
from tests.app.conftest import in_link

PAGE = "setup/distill/page.py"
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


def press(app: AppTest) -> None:
    next(button for button in app.button if button.label == LABEL).click()
    app.run()
    assert not app.exception


def test_it_becomes_part_of_the_settings_and_says_why(
    opened: Callable[..., AppTest], measured: list[tuple[RunConfig, int]]
) -> None:
    app = opened(PAGE)
    assert measured == []
    press(app)
    assert measured == [(build_config(), 200)]
    assert app.session_state.draft.sampler.batch_size == 64
    assert app.text_input(key="set:sampler.batch_size").value == "64"
    assert in_link(app, "sampler.batch_size") == "64"
    reason = "One gradient of all 200 examples takes 90 ms for 16 chains, more than 20 ms; of 64 it takes 10 ms."
    assert any(caption.value.startswith(reason) for caption in app.caption)
    # the reason belongs to these settings alone
    app.slider(key="set:sampler.chains").set_value(32)
    app.run()
    assert not any(caption.value.startswith("One gradient") for caption in app.caption)


def test_a_sampler_that_needs_all_examples_offers_none(
    opened: Callable[..., AppTest], measured: list[tuple[RunConfig, int]]
) -> None:
    app = opened(PAGE, **{"sampler.algorithm": "hmc"})
    assert LABEL not in [button.label for button in app.button]
