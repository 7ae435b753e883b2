"""The report: a run as one HTML file that loads nothing from anywhere and holds the run's own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from shlex import quote

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import changed_settings
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import flatten, settings
from mtbkd_core.evaluation import student_tables, teacher_tables
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.figures import influence, uncertainty, weights
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.run_tables import series_predictions
from mtbkd_core.figures.theme import standalone, teacher_colours
from mtbkd_core.report.parts import note, pairs, section, unfolded
from mtbkd_core.report.scores import headline, score_sections
from mtbkd_core.result import Result

#: The browser refuses to load anything: plotly.js names servers of maps, which no figure here uses.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

_STYLE = """
:root {color-scheme: light}
body {font: 15px/1.5 system-ui, sans-serif; color: #1d2430; background: #fff; max-width: 60rem; margin: 2.5rem auto;
  padding: 0 1.5rem}
h1 {font-size: 1.9rem; margin: 0} h2 {font-size: 1.25rem; margin: 2.5rem 0 .4rem}
h3 {font-size: 1rem; margin: 1.4rem 0 0}
p.note, footer {color: #69707d; margin: .2rem 0 .6rem}
p.warning {border-left: 4px solid #d7881e; padding: .4rem .8rem; background: #f5f6f8}
table {border-collapse: collapse; width: 100%; margin: .5rem 0; font-variant-numeric: tabular-nums}
th, td {text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #e1e4ea; vertical-align: top}
td.number, th.number {text-align: right} tr.changed td {font-weight: 600}
.scroll {overflow-x: auto} pre {background: #f5f6f8; padding: .7rem; white-space: pre-wrap; word-break: break-word}
dl {display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem; margin: 1.2rem 0}
dl div {border: 1px solid #e1e4ea; border-radius: .5rem; padding: .6rem .9rem}
dt {color: #69707d; font-size: .85rem} dd {margin: 0; font-size: 1.5rem}
@media print {h2 {break-after: avoid} figure, table {break-inside: avoid}}
figure {margin: .6rem 0}
"""


def build_report(result: Result, *, run: str, created: datetime) -> str:
    """The report of a finished run, as one HTML document of about 5 MB, most of which is plotly.js.

    Args:
        result: the run's result; every number is the one in its metrics.json.
        run: the run's name.
        created: when it was submitted.

    Raises:
        UserError: the run's task is not known here.
    """
    config, metrics = result.config, result.metrics
    info = task_info(config.data.task)
    known = {teacher.name: teacher.title for teacher in info.teachers}
    teachers = {name: known.get(name, name) for name in config.data.teachers}
    title = f"{info.title}: a student of {_listed(list(teachers.values()))}"
    titles, shades = metrics.titles(teachers), teacher_colours([*known] or list(teachers))
    sections = [
        f"<h1>{escape(title)}</h1>",
        note(f"Multi-Teacher Bayesian Knowledge Distillation · run {run} · {created.astimezone():%d %B %Y, %H:%M}"),
        headline(metrics, teachers),
        *score_sections(metrics, titles, teachers, _classes(result)),
        *_reliability(result, shades, titles),
        *_influence(result, shades, teachers),
        *_uncertainty(result),
        *_convergence(result),
        section("Settings", "In bold: settings that differ from the default."),
        _settings(config),
        section("To run it again", "On the command line, with the same version of the program."),
        f"<pre>{escape(_command(config))}</pre>",
        section("Environment", "The machine and versions that computed it."),
        pairs((name, value) for name, value in result.environment.items() if name != "class_names"),
        f"<footer>Classes: {escape(', '.join(map(str, result.environment['class_names'])))}.</footer>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n<script>{get_plotlyjs()}</script>\n</head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def _reliability(result: Result, shades: Mapping[str, str], titles: Mapping[str, str]) -> list[str]:
    series = series_predictions(result)
    curves = {name: reliability(*series[name]) for name in ("student", "teachers_mean") if len(series[name][1])}
    return [
        section("Reliability", "On the dotted line confidence equals accuracy; below it the network is overconfident."),
        _figure("reliability", draw_reliability(student_tables.reliability_table(curves, titles), shades)),
    ]


def _influence(result: Result, shades: Mapping[str, str], teachers: Mapping[str, str]) -> list[str]:
    train, classes = result.predictions.train, _classes(result)
    labels = train.labels.numpy()
    shares = teacher_tables.shares_by_class(train.responsibilities.float().numpy(), labels, classes, teachers)
    pulls = teacher_tables.own_pulls(
        train.pulls.float().numpy(), train.label_pull.float().numpy(), labels, classes, teachers
    )
    return [
        section("Influence", "Posterior means over the training examples of each class."),
        "<h3>Responsibility by class</h3>",
        note("Each teacher's share of the mixture at the student's predictions: a share of a density, not a cause."),
        _figure("responsibility", weights.draw_shares_by_class(shares, shades, y="Mean responsibility")),
        "<h3>Pull of each source on the true class</h3>",
        note("Up: towards the truth. A teacher that points down lowers the true class there."),
        _figure("pulls", influence.draw_pulls(pulls, shades, x="True class")),
    ]


def _uncertainty(result: Result) -> list[str]:
    test, student = result.predictions.test, result.metrics.student
    labels, mean, deviance, total, aleatoric, epistemic = (
        each.numpy() for each in (test.labels, test.mean, test.deviance, test.total, test.aleatoric, test.epistemic)
    )
    examples = student_tables.example_table(labels, mean, deviance, total, aleatoric, epistemic, _classes(result))
    own = ("coverage", "set_size", "deviance", "epistemic")
    return [
        section("Uncertainty", "How certain the student is on the test examples."),
        pairs((SCORES[name].with_unit, student.text(name)) for name in own),
        "<h3>Deviance by class</h3>",
        note("The student is less certain of classes to the right; points far above a box are outliers."),
        _figure("deviance", uncertainty.draw_deviance(examples)),
        "<h3>Two kinds of uncertainty</h3>",
        note("Mistakes should lie where uncertainty is high, not at the origin."),
        _figure("entropy", uncertainty.draw_entropy_split(examples)),
    ]


def _convergence(result: Result) -> list[str]:
    return [
        section("Convergence", "Good chains overlap and show no trend."),
        _figure("traces", draw_traces(result.predictions.log_joint.float().numpy())),
        pairs(unfolded(result.metrics.diagnostics.dump())),
    ]


def _classes(result: Result) -> list[str]:
    return [str(name) for name in result.environment["class_names"]]


def _figure(name: str, figure: go.Figure) -> str:
    drawn = standalone(figure).to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=f"figure-{name}",
        config={"displaylogo": False, "toImageButtonOptions": {"filename": name, "scale": 2}},
    )
    return f"<figure>{drawn}</figure>"


def _settings(config: RunConfig) -> str:
    changed = changed_settings(config)
    changed_class = ' class="changed"'
    rows = "".join(
        f"<tr{changed_class if name in changed else ''}><td>{escape(name)}</td><td>{escape(value)}</td>"
        f"<td>{escape(settings()[name].help)}</td></tr>"
        for name, value in flatten(config).items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _command(config: RunConfig) -> str:
    settings = (f" --set {quote(f'{name}={value}')}" for name, value in changed_settings(config).items())
    return "python -m mtbkd_core distill" + "".join(settings)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
