"""The report to take away: whole HTML, the run's own numbers, and nothing from anywhere else."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import torch

from mtbkd_core import Result, Task, UserError, build_config, distill
from mtbkd_core.catalog.registry import task_info
from mtbkd_core.config.parse import settings
from mtbkd_core.evaluation.diagnostics import verdict_sentence
from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.miscalibration import miscalibration
from mtbkd_core.evaluation.opponents import standing
from mtbkd_core.evaluation.score_text import difference_text
from mtbkd_core.evaluation.scores import OF_ALL, SCORES
from mtbkd_core.evaluation.sets import SET_KINDS
from mtbkd_core.report.html import build_report
from mtbkd_core.review.requirements import Requirements
from mtbkd_core.review.verdict import review
from mtbkd_core.review.words import grouped, stated

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

    def __init__(self, document: str, *, whole: bool = True) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []
        self.fetched: list[str] = []
        self.feed(document)
        self.close()
        assert self.open == [] or not whole

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
    assert seen.count("figure") == len(re.findall(r'<svg class="chart"', report)) == 7


def test_it_loads_nothing_from_anywhere(report: str) -> None:
    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]", report, re.IGNORECASE)
    assert Reader(report).fetched == []
    assert "default-src 'none'" in report


def test_it_holds_the_runs_own_numbers(report: str, result: Result) -> None:
    text = Reader(report).text
    for name, row in result.metrics.rows.items():
        for score in OF_ALL:
            assert row.text(score) in text, (name, score)
    assert result.metrics.student.text("coverage").split()[0] in "".join(text)
    for one in result.metrics.student.by_class:
        assert one.text in text
    assert f"{result.metrics.diagnostics.worst:.3f}" in text
    assert result.environment["fingerprint"] in text
    assert result.environment["torch"] in text
    assert "python -m mtbkd_core distill" in "".join(text)
    assert "--set prior.strength=0.5" in "".join(text)


def test_every_setting_is_in_the_appendix_and_changed_ones_before_it(report: str) -> None:
    before, after = report.split("<h2>Appendix</h2>")
    assert "<td>prior.strength</td><td>0.5</td>" in before
    assert "<td>prior.entropy_temperatures</td>" not in before
    for name in settings():
        assert f"<td>{name}</td>" in after


def test_figures_have_real_colours(report: str) -> None:
    assert not re.search(r"#0000(0[12]|1[1-9]|20)\b", report)
    declared = set(re.findall(r"--([\w-]+):", report))
    assert set(re.findall(r"var\(--([\w-]+)\)", report)) <= declared | {"fill", "shade"}


def test_page_one_has_the_verdict_and_each_requirement(report: str, result: Result) -> None:
    page = "".join(Reader(report.split('<div class="screen">')[0], whole=False).text)
    found = review(result, Requirements())
    assert found.verdict.value.capitalize() in page
    for each in found.requirements:
        assert each.line[1:] in page


def test_the_verdicts_box_names_what_fails_first_then_what_is_not_settled_then_what_passes(result: Result) -> None:
    asked = Requirements(accuracy=0.999, r_hat=9.0, coverage=0.01)
    document = build_report(result, run="x", created=MADE, requirements=asked)
    box = unescape(re.search(r'<div class="verdict fail">(.*?)</div>', document)[1])  # type: ignore[index]
    found = review(result, asked)
    accuracy = next(each for each in found.requirements if each.name == "accuracy")
    assert accuracy.low is not None
    assert accuracy.high is not None
    said = f"Accuracy: {accuracy.found:.1%} [{accuracy.low:.1%} to {accuracy.high:.1%}]; required: at least 99.9%"
    assert box.index("Fails") < box.index(said) < box.index("Passes") < box.index("Convergence")
    places = [box.index(head) for head, _ in grouped(found)]
    assert places == sorted(places)
    for each in found.requirements:
        assert stated(each) in box


def test_it_says_which_way_probabilities_are_wrong(report: str, result: Result) -> None:
    test = result.predictions.test
    assert miscalibration(test.mean, test.labels, test.draws).sentence in "".join(Reader(report).text)


def test_an_interval_on_page_one_keeps_within_0_and_100_percent(result: Result) -> None:
    test = result.predictions.test
    sure = torch.eye(10)[test.labels] * 0.91 + 0.009
    predictions = replace(result.predictions, test=replace(test, mean=sure))
    document = build_report(replace(result, predictions=predictions), run="x", created=MADE)
    assert "<dd>100.0% <small>[9" in document
    assert "to 100.0%]" in document


def test_page_one_names_classes_opponents_costs_and_limits(report: str) -> None:
    titles = [
        "What was tested",
        "Against whom",
        "Where it fails",
        "What it costs",
        "Limits",
        "Each requirement in full",
    ]
    front = report.split('<div class="screen">')[0]
    assert re.findall(r"<h2>(.*?)</h2>", front) == titles


def test_a_class_that_is_never_right_is_named(result: Result) -> None:
    test = result.predictions.test
    mean = test.mean.clone()
    mean[test.labels == 7] = torch.eye(10)[1]
    predictions = replace(result.predictions, test=replace(test, mean=mean))
    document = build_report(replace(result, predictions=predictions), run="x", created=MADE)
    assert "Never right: 7." in document


def test_it_says_whose_requirements_they_are(result: Result) -> None:
    def said(**given: Any) -> str:
        return "".join(Reader(build_report(result, run="x", created=MADE, **given)).text)

    assert "the program's defaults, the same for every task" in said()
    assert "Requirements as they were set" in said(requirements=Requirements(accuracy=0.99))
    assert "set after results of the run had been seen" in said(requirements=Requirements(), late=True)


def test_the_headlines_r_hat_is_the_worst_of_its_table(report: str, result: Result) -> None:
    worst = f"{result.metrics.diagnostics.worst:.3f}"
    assert f"<dt>R-hat, worst of three</dt><dd>{worst}</dd>" in report
    assert f"<tr><td>R-hat, worst of three</td><td>{worst}</td></tr>" in report


def test_the_link_gives_the_settings_again(report: str, result: Result) -> None:
    link = re.search(r"<pre>distill\?(\S+)", report)
    assert link
    assert build_config(parse_qsl(unescape(link[1]))) == result.config


def with_diagnostics(result: Result, **changes: object) -> Metrics:
    return result.metrics.updated(diagnostics=result.metrics.diagnostics.dump() | changes)


@pytest.mark.parametrize("verdict", ["converged", "not_converged", "too_few_draws"])
def test_it_says_what_the_verdict_on_the_chains_is(result: Result, verdict: str) -> None:
    metrics = with_diagnostics(result, r_hat=1.2, verdict=verdict)
    document = build_report(replace(result, metrics=metrics), run="x", created=MADE)
    assert verdict_sentence(metrics.diagnostics) in "".join(Reader(document).text)
    assert ('<p class="warning">The chains disagree' in document) == (verdict == "not_converged")


def test_it_names_the_opponents_and_every_difference(report: str, result: Result) -> None:
    text = Reader(report).text
    names = {teacher.name: teacher.title for teacher in task_info("digits").teachers}
    assert standing(result.metrics, names, "nll") in text
    for found in result.metrics.versus.values():
        for score in OF_ALL:
            assert difference_text(score, found[score]) in text


def test_it_has_every_kind_of_set_and_what_each_promises(report: str, result: Result) -> None:
    text = Reader(report).text
    for name, kind in SET_KINDS.items():
        found = result.metrics.student.sets[name]
        assert kind.title in text
        assert SCORES["coverage"].text(found.coverage, ScoreError(test_set=found.coverage_error)) in text
        assert SCORES["set_size"].text(found.size, ScoreError(test_set=found.size_error)) in text
    assert SET_KINDS["conformal"].promise in "".join(text)


def test_a_run_of_a_former_format_has_a_report(result: Result) -> None:
    """It has no errors, differences, sets or verdict, and no weighted teachers."""
    former = Result.load(Path(__file__).parents[1] / "data" / "run-format-1")
    text = "".join(Reader(build_report(former, run="x", created=MADE)).text)
    assert "opponents" not in text
    assert "a former version made it" in text
    assert "weighted" not in text
    assert SCORES["nll"].text(former.metrics.student.nll) in text


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
    assert "<script>alert" not in document
    assert Reader(document).seen.count("script") == 2
    assert "&lt;b&gt;" in document


def test_a_report_of_metrics_that_lack_numbers_leaves_these_out(result: Result) -> None:
    whole = result.metrics.dump()
    against = next(iter(whole["versus"]))
    del whole["versus"][against]["nll"]
    whole["student"]["by_class"][0]["label"] = -1
    thinner = replace(result, metrics=Metrics.model_validate(whole))
    assert build_report(thinner, run="0123456789abcdef", created=MADE)


@pytest.mark.parametrize("wrong", ["text", [], {}, None, "<b>x</b>\n"])
def test_saved_metrics_of_wrong_types_are_refused_or_reported(result: Result, tmp_path: Path, wrong: object) -> None:
    result.save(tmp_path)
    file = tmp_path / "metrics.json"
    whole = json.loads(file.read_text())
    for name in ("accuracy", "errors", "by_class", "sets"):
        file.write_text(json.dumps(whole | {"student": whole["student"] | {name: wrong}}))
        with suppress(UserError):
            assert build_report(Result.load(tmp_path), run="0123456789abcdef", created=MADE)
