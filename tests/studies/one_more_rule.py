"""The coverage study with one weight rule more, whose settings come first, so that all parts have other numbers."""

import pytest

from mtbkd_core.config import choices
from mtbkd_core.config.choices import WeightRule
from mtbkd_core.runs.kinds import coverage as kind
from mtbkd_core.studies import coverage as study
from mtbkd_core.studies.coverage import SETTINGS, TEACHERS
from tests.small import one_more


def add_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the rule `new`, which does what `fixed` does."""
    more = {f"{who}, new": SETTINGS[f"{who}, fixed"] for who in TEACHERS} | SETTINGS
    for module in (study, kind):
        monkeypatch.setattr(module, "SETTINGS", more)
    monkeypatch.setattr(choices, "WeightRule", one_more(WeightRule))
