"""A run as one HTML file to take away: opens anywhere, loads nothing from anywhere, holds the run's own numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from shlex import quote
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import changed_settings
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import flatten, settings
from mtbkd_core.evaluation import student_tables, teacher_tables
from mtbkd_core.evaluation.bias_check import is_biased, sentence
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, chains_agree
from mtbkd_core.evaluation.scores import OF_ALL, SCORES
from mtbkd_core.figures import influence, uncertainty, weights
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.theme import standalone, teacher_colours
from mtbkd_core.result import Result

#: The browser itself refuses to load anything: plotly.js names servers of maps, which no figure here asks for.
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
    """The report of a finished run, as one HTML document of about 5 MB: most of it is plotly.js, which stands in it.

    Args:
        result: the run's result; every number is its metrics.json's own.
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
    titles = _titles(teachers)
    sections = [
        f"<h1>{escape(title)}</h1>",
        _note(f"Multi-Teacher Bayesian Knowledge Distillation · run {run} · {created.astimezone():%d %B %Y, %H:%M}"),
        _headline(metrics),
        _section("Scores on the test examples", "The student is a posterior: its mean over draws is the first row."),
        _scores(metrics, titles),
        _legend(),
        *_figures(result, teachers, [*known] or list(teachers)),
        _section("Settings", "In bold: what differs from the default."),
        _settings(config),
        _section("To run it again", "On the command line, with the same version of the program."),
        f"<pre>{escape(_command(config))}</pre>",
        _section("Environment", "What it was computed with."),
        _pairs((name, value) for name, value in result.environment.items() if name != "class_names"),
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


def _titles(teachers: Mapping[str, str]) -> dict[str, str]:
    return {
        "student": "Student (posterior mean)",
        "student_mode": "Student (posterior mode)",
        "warm_start": "Warm start (ensemble)",
        "teachers_mean": "Teachers' mean",
    } | {f"teacher:{name}": title for name, title in teachers.items()}


def _headline(metrics: Mapping[str, Any]) -> str:
    student, told = metrics["student"], metrics["diagnostics"]
    r_hat = told["r_hat"]
    shown = {
        "Accuracy": f"{student['accuracy']:.1%}",
        "NLL (nats)": f"{student['nll']:.3f}",
        "ECE": f"{student['ece']:.3f}",
        "Coverage of 95 % sets": f"{student['coverage']:.1%}",
        "R-hat": "none" if r_hat is None else f"{r_hat:.3f}",
    }
    cards = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in shown.items())
    warning = ""
    if not chains_agree(r_hat):
        found = "cannot be worked out" if r_hat is None else f"is {r_hat:.3f}, above {R_HAT_LIMIT}"
        warning = f'<p class="warning">The chains disagree (R-hat {found}): do not trust the intervals here.</p>'
    if "bias_check" in told:
        line = escape(sentence(told["bias_check"]))
        warning += f'<p class="{"warning" if is_biased(told["bias_check"]) else "note"}">{line}</p>'
    return f"<dl>{cards}</dl>{warning}"


def _scores(metrics: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    head = "".join(f'<th class="number">{escape(SCORES[score].short)}</th>' for score in OF_ALL)
    rows = "".join(
        f"<tr><td>{escape(title)}</td>"
        + "".join(f'<td class="number">{SCORES[score].text(metrics[name].get(score))}</td>' for score in OF_ALL)
        + "</tr>"
        for name, title in titles.items()
    )
    return f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _legend() -> str:
    return _note(" ".join(f"{SCORES[score].short}: {SCORES[score].help}" for score in OF_ALL))


def _figures(result: Result, teachers: Mapping[str, str], offered: Sequence[str]) -> list[str]:
    """Reliability, influence by class, uncertainty and convergence, each with one line on what to look for."""
    found, metrics = result.predictions, result.metrics
    shades = teacher_colours(offered)
    classes = [str(name) for name in result.environment["class_names"]]
    labels = found["test.labels"]
    curves = {
        "student": reliability(found["test.mean"], labels),
        "teachers_mean": reliability(found["test.teachers"].mean(0), labels),
    }
    trained = found["train.labels"].numpy()
    pulls, label_pull = (found[f"train.{name}"].float().numpy() for name in ("pulls", "label_pull"))
    responsibilities = found["train.responsibilities"].float().numpy()
    examples = student_tables.example_table(
        labels.numpy(),
        found["test.mean"].numpy(),
        found["test.deviance"].numpy(),
        found["test.total"].numpy(),
        found["test.aleatoric"].numpy(),
        found["test.epistemic"].numpy(),
        classes,
    )
    student = metrics["student"]
    measured = (
        ("Coverage of the 95 % prediction sets", f"{student['coverage']:.1%}"),
        ("Classes in a prediction set, mean", f"{student['set_size']:.3f}"),
        ("Deviance, mean (nats)", f"{student['deviance']:.4f}"),
        ("Epistemic uncertainty, mean (nats)", f"{student['epistemic']:.4f}"),
    )
    return [
        _section("Reliability", "On the dotted line confidence is earned; below it there is too much of it."),
        _figure("reliability", draw_reliability(student_tables.reliability_table(curves, _titles(teachers)), shades)),
        _section("Influence", "Posterior means over the training examples of each class."),
        "<h3>Responsibility by class</h3>",
        _note("The taller a colour, the more that teacher explains the student there."),
        _figure(
            "responsibility",
            weights.draw_shares_by_class(
                teacher_tables.shares_by_class(responsibilities, trained, classes, teachers),
                shades,
                y="Mean responsibility",
            ),
        ),
        "<h3>Pull of each source on the true class</h3>",
        _note("Up: towards the truth. A teacher that points down holds the student back there."),
        _figure(
            "pulls",
            influence.draw_pulls(
                teacher_tables.own_pulls(pulls, label_pull, trained, classes, teachers), shades, x="True class"
            ),
        ),
        _section("Uncertainty", "What the student does not know, on the test examples."),
        _pairs(measured),
        "<h3>Deviance by class</h3>",
        _note("Classes to the right are harder; points far above a box deserve a look."),
        _figure("deviance", uncertainty.draw_deviance(examples)),
        "<h3>Two kinds of uncertainty</h3>",
        _note("Mistakes should lie where uncertainty is high, not at the origin."),
        _figure("entropy", uncertainty.draw_entropy_split(examples)),
        _section("Convergence", "Good chains overlap and show no trend."),
        _figure("traces", draw_traces(found["trace.log_joint"].float().numpy())),
        _pairs(_unfolded(metrics["diagnostics"])),
    ]


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


def _section(title: str, line: str) -> str:
    return f"<h2>{escape(title)}</h2>{_note(line)}"


def _note(line: str) -> str:
    return f'<p class="note">{escape(line)}</p>'


def _pairs(rows: Iterable[tuple[str, Any]]) -> str:
    def shown(value: object) -> str:
        return "none" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)

    lines = "".join(
        f"<tr><td>{escape(str(name).replace('_', ' '))}</td><td>{escape(shown(value))}</td></tr>"
        for name, value in rows
    )
    return f"<table><tbody>{lines}</tbody></table>"


def _unfolded(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Names and values, those of a part named after it."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _unfolded(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", value


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
