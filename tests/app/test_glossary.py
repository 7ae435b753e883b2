"""Terms of the glossary in the words of charts, and what they need."""

import html
import re

import pytest

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.glossary import GLOSSARY
from mtbkd_core.runs.kinds.run import RunView
from pages.ui.glossary import explained, hovered
from tests.app.conftest import Opened

#: That a person who has not read the paper may not know.
NEEDED = {
    "Responsibility",
    "Weight",
    "Pull",
    "Entropy",
    "Strength",
    "Epistemic, aleatoric",
    "Log joint",
    "Warm start",
    "Sampler",
    *(each.title for each in Algorithm),
    "AUROC",
    "Simplex",
}


def terms(text: str) -> list[str]:
    """What shows an entry on hover."""
    return re.findall(r"<abbr[^>]*>(.*?)</abbr>", hovered(text))


def test_the_glossary_has_what_is_needed() -> None:
    assert set(GLOSSARY) >= NEEDED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Responsibility by class", ["Responsibility"]),
        ("The posterior mean. Its posterior", ["posterior mean"]),
        ("Weights and a weight", ["Weights"]),
        ("Epistemic uncertainty of the student", ["Epistemic uncertainty"]),
        ("Out-of-distribution inputs", ["Out-of-distribution"]),
        ("drawn strengthens :material/draw: weight-map", []),
    ],
)
def test_the_first_mention_of_a_term_has_its_entry(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_html_in_a_text_is_shown_as_it_is() -> None:
    assert hovered("a \\<b> and <i>") == "a &lt;b> and &lt;i>"


def test_terms_in_a_charts_caption_have_their_entries(opened: Opened, finished: RunView) -> None:
    app = opened("influence", run=finished.id)
    marked = f'<abbr tabindex="0" title="{html.escape(GLOSSARY["Weight"])}">weight</abbr>'
    assert marked in " ".join(line.value for line in app.caption)


def test_a_controls_help_has_the_entries_of_the_terms_in_its_label(opened: Opened) -> None:
    app = opened("prior")
    for term, label in {"Strength": "Strength (alpha)", "Concentration": "Concentration (lambda)"}.items():
        (slider,) = [each for each in app.slider if each.label == label]
        assert GLOSSARY[term] in slider.help


def test_a_sampler_is_explained_where_it_is_chosen() -> None:
    assert GLOSSARY["Sampler"] in explained("Sampler", "How draws are made.")
    assert explained("Seed", "Of the chains.") == "Of the chains."


def test_terms_of_the_sentence_that_leads_a_page_have_their_entry_on_hover(opened: Opened, finished: RunView) -> None:
    app = opened("influence", run=finished.id)
    (lead,) = [each.value for each in app.markdown if "argest <abbr" in each.value and each.value.startswith("**")]
    assert f'title="{html.escape(GLOSSARY["Responsibility"])}"' in lead
