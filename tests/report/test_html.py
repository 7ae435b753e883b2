"""The report to take away: whole HTML, the run's own numbers, and nothing from anywhere else."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from plotly.offline import get_plotlyjs

from mtbkd_core import Result, Task, build_config, distill
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.scores import OF_ALL
from mtbkd_core.report.html import build_report

VOID = {"meta", "br", "hr", "img", "link", "input"}
MADE = datetime(2026, 5, 27, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def result(digits: Task) -> Result:
    small = {"student.kind": "linear", "sampler.chains": 4, "sampler.draws": 10, "sampler.burn_in": 10}
    small |= {"sampler.thinning": 1, "sampler.warm_start_steps": 30, "prior.strength": 0.5, "device": "cpu"}
    return distill(build_config(small.items()), task=digits)


@pytest.fixture(scope="module")
def report(result: Result) -> str:
    return build_report(result, run="0123456789abcdef", created=MADE)


class Reader(HTMLParser):
    """Reads a document: its tags are closed; keeps the text and the addresses that it would fetch."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []
        self.fetched: list[str] = []
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


def test_it_is_one_whole_document(report: str) -> None:
    assert report.startswith("<!DOCTYPE html>")
    seen = Reader(report).seen
    assert [seen.count(tag) for tag in ("html", "head", "title", "body", "h1")] == [1] * 5
    assert seen.count("figure") == len(re.findall(r"Plotly\.newPlot\(", report.replace(get_plotlyjs(), ""))) == 6


def test_it_loads_nothing_from_anywhere(report: str) -> None:
    assert report.count(get_plotlyjs()) == 1
    own = report.replace(get_plotlyjs(), "")
    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]", own, re.IGNORECASE)
    assert Reader(report).fetched == []
    # plotly.js itself names servers of maps, and the policy forbids the browser to load anything
    assert "default-src 'none'" in own


def test_it_holds_the_runs_own_numbers(report: str, result: Result) -> None:
    text = Reader(report).text
    for name in ("student", "student_mode", "warm_start", "teachers_mean", "teacher:even-digits"):
        for score in OF_ALL:
            value = result.metrics[name][score]
            assert (f"{value:.1%}" if score == "accuracy" else f"{value:.4f}") in text, (name, score)
    assert f"{result.metrics.student.coverage:.1%}" in text
    assert f"{result.metrics.diagnostics.r_hat:.3f}" in text
    assert result.environment["fingerprint"] in text
    assert result.environment["torch"] in text
    assert "python -m mtbkd_core distill" in "".join(text)
    assert "--set prior.strength=0.5" in "".join(text)


def test_every_setting_is_there_and_changed_ones_stand_out(report: str) -> None:
    assert '<tr class="changed"><td>prior.strength</td><td>0.5</td>' in report
    assert "<tr><td>prior.concentration</td>" in report


def test_figures_have_real_colours(report: str) -> None:
    assert not re.search(r"#0000(0[12]|1[1-9]|20)\b", report.replace(get_plotlyjs(), ""))


def with_diagnostics(result: Result, **changes: object) -> Metrics:
    return result.metrics.updated(diagnostics=result.metrics.diagnostics.dump() | changes)


@pytest.mark.parametrize(("r_hat", "words"), [(1.2, "defined: 1.200"), (None, "defined: none"), (1.0, "")])
def test_it_warns_of_chains_that_disagree(result: Result, r_hat: float | None, words: str) -> None:
    changed = replace(result, metrics=with_diagnostics(result, r_hat=r_hat))
    text = "".join(Reader(build_report(changed, run="x", created=MADE)).text)
    assert ("The chains disagree" in text) == bool(words)
    assert words in text


@pytest.mark.parametrize(("difference", "words"), [(-64.0, "The draws are biased"), (-2.0, "no relevant bias")])
def test_it_holds_the_bias_check_where_there_was_one(
    result: Result, report: str, difference: float, words: str
) -> None:
    found = {"log_joint_difference": difference, "log_joint_error": 3.0, "log_joint_sd": 35.0}
    found |= {"total_variation": 0.0123, "total_variation_error": None}
    metrics = with_diagnostics(result, r_hat=1.0, bias_check=found)
    document = build_report(replace(result, metrics=metrics), run="x", created=MADE)
    reader = Reader(document)
    assert words in "".join(reader.text)
    assert ('<p class="warning">The draws' in document) == (difference == -64.0)
    assert "bias check: total variation" in reader.text
    assert "bias check" not in "".join(Reader(report).text).lower().replace("sampler.bias_check", "")


def test_a_score_that_is_not_defined_is_a_dash(result: Result) -> None:
    student = result.metrics.student.row | {"auroc_misclassification": None}
    document = build_report(replace(result, metrics=result.metrics.updated(student=student)), run="x", created=MADE)
    assert "–" in Reader(document).text


def test_names_from_outside_stay_text(result: Result) -> None:
    hostile = "</script><script>alert(1)</script>"
    environment = result.environment | {"class_names": [hostile, *map(str, range(9))]}
    document = build_report(replace(result, environment=environment), run="<b>", created=MADE)
    own = document.replace(get_plotlyjs(), "")
    assert "<script>alert" not in own
    assert Reader(document).seen.count("script") == 1 + 6
    assert "&lt;b&gt;" in own
