"""The report: a run as one HTML file of at most 5 MB that loads nothing from anywhere and holds the run's own numbers.

Page one is the verdict; then the student itself, which answers in the page; figures; and an appendix.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from shlex import quote
from urllib.parse import urlencode

import plotly.graph_objects as go

from mtbkd_core.browser.offline import source
from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import changed_settings
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import flatten, settings
from mtbkd_core.evaluation import student_tables, teacher_tables
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.diagnostics import r_hat_text
from mtbkd_core.export.costs import Costs
from mtbkd_core.figures import influence, uncertainty, weights
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.review import draw_answering
from mtbkd_core.figures.run_tables import series_predictions
from mtbkd_core.figures.svg import as_svg, legend, variables
from mtbkd_core.figures.theme import teacher_colours
from mtbkd_core.report import front
from mtbkd_core.report.parts import note, pairs, section, unfolded
from mtbkd_core.report.scores import score_sections
from mtbkd_core.report.thinking import thinking, with_its_data
from mtbkd_core.result import Result
from mtbkd_core.review.requirements import Answered, Requirements
from mtbkd_core.review.verdict import Review, review
from mtbkd_core.tasks.base import Task

#: The browser refuses to load anything.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
_LIGHT = "--ground: #ffffff; --panel: #f5f6f8; --line: #e1e4ea; --accent: #37486e; --good: #1d7f5c; --bad: #b3372f;"
_DARK = "--ground: #14171c; --panel: #1c2028; --line: #323843; --accent: #5b7cc2; --good: #4fc08d; --bad: #f0776c;"


def build_report(
    result: Result,
    *,
    run: str,
    created: datetime,
    task: Task | None = None,
    costs: Costs | None = None,
    requirements: Requirements | None = None,
    late: bool = False,
) -> str:
    """The report of a finished run, as one HTML document.

    Args:
        result: the run's result; every number is the one in its metrics.json.
        run: the run's name.
        created: when it was submitted.
        task: the run's task; None: the student cannot run in the page, and stored answers are shown.
        costs: of the student and its teachers, where they were measured.
        requirements: what the verdict is by; None: the defaults.
        late: whether the requirements were set after results of the run had been seen.

    Raises:
        UserError: the run's task is not known here.
    """
    config = result.config
    info = task_info(config.data.task)
    known = {teacher.name: teacher.title for teacher in info.teachers}
    teachers = {name: known.get(name, name) for name in config.data.teachers}
    task, asked = with_its_data(result, task), requirements or Requirements()
    export = None if costs is None else costs.exported
    found = review(
        result, asked, file_bytes=export.bytes if export else None, latency_ms=export.one if export else None
    )
    title = f"{info.title}: may this student be used?"
    begin = [
        f"<h1>{escape(title)}</h1>",
        note(f"Multi-Teacher Bayesian Knowledge Distillation · run {run} · {created.astimezone():%d %B %Y, %H:%M}"),
        front.verdict(found, given=asked != Requirements(), late=late),
        *front.tested(result, info, teachers),
        *front.rivals(result, teachers),
        *front.failures(result, found, teachers, task),
        *front.last(result, info, found, costs),
    ]
    end = [
        section("Figures", "Each says what to look for. The app has them with every number under the pointer."),
        '<div class="figures">',
        *_figures(result, found, asked, teacher_colours(list(known | teachers)), teachers),
        "</div>",
        *_again(config, run),
        *_appendix(result, teachers),
    ]
    head = _head(title)
    begin = ['<div class="front">', *begin, "</div>", *front.requirements(found)]
    taken = sum(len(part.encode()) + 1 for part in (head, *begin, *end))
    student = ['<div class="screen">', *thinking(result, task, found.answering, taken), "</div>"]
    paper = (
        "On paper a part is missing: the file that this was printed from has the student itself, which answers there."
    )
    parts = [head, *begin, *student, f'<p class="paper note">{paper}</p>', *end, "</body>\n</html>\n"]
    return "\n".join(parts)


def _head(title: str) -> str:
    light, dark = variables() + _LIGHT, variables(dark=True) + _DARK
    colours = (
        f":root {{color-scheme: light dark; {light}}}\n"
        f"@media screen and (prefers-color-scheme: dark) {{:root {{{dark}}}}}\n"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{colours}{source('report.css')}</style>\n</head>\n<body>"
    )


def _figures(
    result: Result, found: Review, asked: Requirements, shades: Mapping[str, str], teachers: Mapping[str, str]
) -> list[str]:
    drawn = _reliability(result, shades, teachers) + _influence(result, shades, teachers) + _uncertainty(result)
    if found.answering is not None:
        limits = asked.answered or Answered()
        curve = draw_answering(found.answering, share=limits.share, max_risk=limits.max_risk)
        line = "The surest cases are answered first. Dashed: the limits; dotted: the threshold."
        drawn.insert(0, _figure("What answering more cases costs", line, curve))
    traces = draw_traces(result.predictions.log_joint.float().numpy())
    return [*drawn, _figure("Convergence", "Good chains overlap and show no trend.", traces)]


def _reliability(result: Result, shades: Mapping[str, str], teachers: Mapping[str, str]) -> list[str]:
    series = series_predictions(result)
    curves = {name: reliability(*series[name]) for name in ("student", "teachers_mean") if len(series[name][1])}
    table = student_tables.reliability_table(curves, result.metrics.titles(teachers))
    line = "On the dotted line confidence equals accuracy; below it the network is overconfident."
    return [_figure("Reliability", line, draw_reliability(table, shades))]


def _influence(result: Result, shades: Mapping[str, str], teachers: Mapping[str, str]) -> list[str]:
    train, classes = result.predictions.train, _classes(result)
    labels = train.labels.numpy()
    shares = teacher_tables.shares_by_class(train.responsibilities.float().numpy(), labels, classes, teachers)
    pulls = teacher_tables.own_pulls(
        train.pulls.float().numpy(), train.label_pull.float().numpy(), labels, classes, teachers
    )
    return [
        _figure(
            "Responsibility by class",
            "Each teacher's share of the mixture at the student's predictions: a share of a density, not a cause.",
            weights.draw_shares_by_class(shares, shades, y="Mean responsibility"),
        ),
        _figure(
            "Pull of each source on the true class",
            "Up: towards the truth. A teacher that points down lowers the true class there.",
            influence.draw_pulls(pulls, shades, x="True class"),
        ),
    ]


def _uncertainty(result: Result) -> list[str]:
    test = result.predictions.test
    labels, mean, deviance, total, aleatoric, epistemic = (
        each.numpy() for each in (test.labels, test.mean, test.deviance, test.total, test.aleatoric, test.epistemic)
    )
    examples = student_tables.example_table(labels, mean, deviance, total, aleatoric, epistemic, _classes(result))
    return [
        _figure(
            "Deviance by class",
            "The student is less certain of classes to the right; points far above a box are outliers.",
            uncertainty.draw_deviance(examples),
        ),
        _figure(
            "Two kinds of uncertainty",
            "Mistakes should lie where uncertainty is high, not at the origin.",
            uncertainty.draw_entropy_split(examples),
        ),
    ]


def _again(config: RunConfig, run: str) -> list[str]:
    """Settings that differ, and how to run it again."""
    changed = changed_settings(config)
    rows = [(name, value, settings()[name].help) for name, value in changed.items() if name != "data.task"]
    link = "distill" + (f"?{urlencode(changed)}" if changed else "")
    line = "The others are in the appendix." if rows else "None: it was made with the task's own settings."
    return [
        section("Settings that differ from the task's defaults", line),
        *([_settings(rows)] if rows else []),
        '<div class="block">',
        section("To have it again", "On the command line, with the same version of the program."),
        f"<pre>{escape(_command(config))}</pre>",
        note("In the app, behind its address: the settings, and this run where it is stored."),
        f"<pre>{escape(link)}\n{escape('review?' + urlencode({'run': run}))}</pre>",
        "</div>",
        '<div class="before-appendix"></div>',
    ]


def _appendix(result: Result, teachers: Mapping[str, str]) -> list[str]:
    metrics = result.metrics
    worst = ("R-hat, worst of three", r_hat_text(metrics.diagnostics.worst))
    return [
        section("Appendix", "Every score, every setting, and where it was computed."),
        *score_sections(metrics, metrics.titles(teachers), teachers, _classes(result)),
        section("Convergence in numbers"),
        pairs([worst, *unfolded(metrics.diagnostics.dump())]),
        section("All settings"),
        _settings([(name, value, settings()[name].help) for name, value in flatten(result.config).items()]),
        section("Environment", "The machine and versions that computed it."),
        pairs((name, value) for name, value in result.environment.items() if name != "class_names"),
        f"<footer>Classes: {escape(', '.join(_classes(result)))}.</footer>",
    ]


def _classes(result: Result) -> list[str]:
    return [str(name) for name in result.environment["class_names"]]


def _figure(title: str, line: str, figure: go.Figure) -> str:
    drawn = f"{legend(figure)}{as_svg(figure, title=title)}"
    return f'<div class="block"><h3>{escape(title)}</h3>{note(line)}<figure>{drawn}</figure></div>'


def _settings(rows: list[tuple[str, str, str]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>" for row in rows)
    return f'<table class="settings"><tbody>{lines}</tbody></table>'


def _command(config: RunConfig) -> str:
    changed = (f" --set {quote(f'{name}={value}')}" for name, value in changed_settings(config).items())
    return "python -m mtbkd_core distill" + "".join(changed)
