"""Page one of a report: the verdict, what was tested and against whom, where it fails, what it costs, its limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import torch

from mtbkd_core.evaluation.diagnostics import Verdict, r_hat_text, verdict_sentence
from mtbkd_core.evaluation.errors import ScoreError, interval
from mtbkd_core.evaluation.miscalibration import miscalibration
from mtbkd_core.evaluation.opponents import opponents, standing
from mtbkd_core.evaluation.score_text import difference_text
from mtbkd_core.evaluation.scores import HEADLINE, SCORES
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION
from mtbkd_core.export.costs import CostRow, Costs
from mtbkd_core.export.draws import bytes_text
from mtbkd_core.report.parts import note, section, table
from mtbkd_core.result import Result
from mtbkd_core.review.causes import causes
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.requirements import ClassAccuracy, Requirements
from mtbkd_core.review.verdict import ClassFound, Judged, Review, review
from mtbkd_core.review.words import WORDS, grouped, settling, stated
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.source import TaskInfo

_MARKS = {Outcome.PASS: ("✓", "Pass"), Outcome.FAIL: ("✗", "Fail"), Outcome.INCONCLUSIVE: ("?", "Inconclusive")}
#: Classes that are named: at most, and of those that pass too where fewer fail.
_NAMED, _LEAST = 8, 3


def verdict(found: Review, *, given: bool, late: bool) -> str:
    """The verdict on the whole, and what fails, is not settled and passes.

    Args:
        given: whether somebody set the requirements; else they are the program's own.
        late: whether they were set after results of the run had been seen.
    """
    mark, word = _MARKS[found.verdict]
    told = "".join(_group(head, list(map(stated, those)), those[0].verdict) for head, those in grouped(found))
    whose = "Requirements as they were set."
    if not given:
        whose = "The limits are the program's defaults, the same for every task; nobody has set others."
    if late:
        whose = "These requirements were set after results of the run had been seen, which makes a pass worth less."
    return (
        f'<div class="verdict {found.verdict.value}"><p class="word"><span>{mark}</span> {word}</p>{told}</div>'
        f"{note(f'{whose} Each verdict is by a 95 % interval with the errors of the test set and of the sampler.')}"
    )


def requirements(found: Review) -> list[str]:
    """Each requirement in full."""
    rows = "".join(_requirement(each) for _, those in grouped(found) for each in those)
    return [section("Each requirement in full"), f'<table class="requirements"><tbody>{rows}</tbody></table>']


def _group(head: str, lines: Sequence[str], outcome: Outcome) -> str:
    """Requirements of one outcome; those that pass in one paragraph."""
    if outcome is Outcome.PASS:
        return f"<p><strong>{head}.</strong> {escape('. '.join(lines))}.</p>"
    items = "".join(f"<li>{escape(line)}.</li>" for line in lines)
    return f"<p><strong>{head}</strong></p><ul>{items}</ul>"


def _requirement(each: Judged) -> str:
    title, limit, _ = WORDS[each.name]
    mark, word = _MARKS[each.verdict]
    return (
        f'<tr class="{each.verdict.value}"><td class="word"><span>{mark}</span> {word}</td>'
        f"<td><strong>{escape(title)}</strong>, {escape(limit(each.required))}</td>"
        f"<td>{escape(_capital(each.line))}.{settling(each)}</td></tr>"
    )


def tested(result: Result, info: TaskInfo, teachers: Mapping[str, str]) -> list[str]:
    """What was tested, on how many, with the few scores that say how good it is."""
    metrics, data = result.metrics, result.config.data
    cards = _headline(result) | {"R-hat, worst of three": (r_hat_text(metrics.diagnostics.worst), "")}
    boxes = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}{between}</dd></div>"
        for name, (value, between) in cards.items()
    )
    draws = result.draws.shape[0] * result.draws.shape[1]
    labels = len(result.predictions.train.labels)
    unlabelled = f" and {data.n_unlabelled:,} without labels" if data.n_unlabelled else ""
    line = (
        f"{info.description} A posterior of {draws:,} draws of a small student, distilled from {_listed(teachers)} "
        f"with {labels:,} labelled {info.item}s{unlabelled}, is tested on {len(result.predictions.test.labels):,} "
        f"{info.item}s of {len(result.environment['class_names'])} classes that it has not learned from."
    )
    test = result.predictions.test
    said = _capital(miscalibration(test.mean, test.labels, test.draws).sentence)
    about = note(f"In brackets: 95 % intervals with both errors. {said}.")
    return [section("What was tested"), f"<p>{escape(line)}</p>", f"<dl>{boxes}</dl>", about, *_convergence(result)]


def _headline(result: Result) -> dict[str, tuple[str, str]]:
    """The scores that say how good it is, by title: the value, and its interval as the verdict's."""
    student = result.metrics.student
    judged = {each.name: each for each in review(result, Requirements()).requirements}
    found = {}
    for name in (*HEADLINE, "coverage"):
        about, error = SCORES[name], student.errors.get(name, ScoreError())
        low, high = (judged[name].low, judged[name].high) if name in judged else (None, None)
        value = judged[name].found if name in judged else student[name]
        if name not in judged and value is not None and error.test_set is not None:
            low, high = interval(value, math.hypot(error.test_set, error.sampler or 0.0))
        known = low is not None and high is not None
        between = f" <small>[{about.text(low)} to {about.text(high)}]</small>" if known else ""
        found[about.with_unit] = (about.text(value), between)
    return found


def _convergence(result: Result) -> Iterable[str]:
    """What follows from the verdict on the chains, and from the check of their bias."""
    diagnostics = result.metrics.diagnostics
    apart, check = diagnostics.judged is Verdict.NOT_CONVERGED, diagnostics.bias_check
    if said := verdict_sentence(diagnostics):
        yield f'<p class="{"warning" if apart else "note"}">{escape(said)}</p>'
    if check is not None:
        yield f'<p class="{"warning" if check.is_biased else "note"}">{escape(check.sentence)}</p>'


def rivals(result: Result, teachers: Mapping[str, str]) -> list[str]:
    """Differences to the best teacher, the weighted teachers and the warm start."""
    metrics = result.metrics
    named = opponents(metrics, teachers)
    if not named:
        return [section("Against whom"), note("This run holds no differences to others; a former version made it.")]
    rows = [
        [f"Minus {name}", *(difference_text(score, metrics.versus[key].get(score)) for score in HEADLINE)]
        for key, name in named.items()
    ]
    line = "The student minus each, on the same test examples; paired 95 % intervals, accuracy in points."
    return [
        section("Against whom", line),
        table(["", *(SCORES[score].with_unit for score in HEADLINE)], rows, kind="word"),
        note(standing(metrics, teachers, "nll")),
    ]


def failures(result: Result, found: Review, teachers: Mapping[str, str], task: Task | None) -> list[str]:
    """The classes that fail by name and count; where none does, the worst ones."""
    asked = ClassAccuracy()
    classes = found.classes or review(result, Requirements(class_accuracy=asked)).classes
    failing = [each for each in classes if each.verdict is Outcome.FAIL]
    unsettled = [each for each in classes if each.verdict is Outcome.INCONCLUSIVE]
    rest = [each for each in classes if each.verdict is Outcome.PASS][:_LEAST]
    shown = [*failing, *unsettled, *rest][: max(_LEAST, min(_NAMED, len(failing) + len(unsettled)))]
    said = (
        f"Classes that fail: {len(failing)} of {len(classes)}; that are not settled: {len(unsettled)}."
        if failing or unsettled
        else f"No class of {len(classes)} fails; these are the worst."
    )
    never = [each.name for each in classes if each.right == 0]
    said += f" Never right: {_few(never)}." if never else ""
    names = [str(name) for name in result.environment["class_names"]]
    absent = [name for name in names if name not in {each.name for each in classes}]
    said += f" Not tested, for the test set has none: {_few(absent)}." if absent else ""
    taken = _taken_for(result, names)
    rows = [_class_row(each, taken.get(each.name, "–"), teachers) for each in shown]
    head = ["Class", "Right", "Between", "Verdict", "Mostly taken for", "Largest responsibility at the errors"]
    return [section("Where it fails", said), table(head, rows, kind="word"), *_causes(result, task, classes, teachers)]


def _causes(
    result: Result, task: Task | None, classes: Sequence[ClassFound], teachers: Mapping[str, str]
) -> Iterable[str]:
    """Teachers with less of which a failing class would be more probable."""
    why = () if task is None else causes(result, task, classes)
    said = [
        f"With {100 * (1 - each.factor):.0f} % less of {teachers.get(each.teacher, each.teacher)} the class "
        f"{each.class_name} would be more probable where it is true, by {each.change:.2%} ± {each.error:.2%}."
        for each in why[:_LEAST]
    ]
    if said:
        yield note(" ".join(said))


def _class_row(each: ClassFound, taken: str, teachers: Mapping[str, str]) -> list[str]:
    responsible = teachers.get(each.responsible, each.responsible) if each.responsible else "–"
    between = f"{each.low:.0%} and {each.high:.0%}"
    return [each.name, f"{each.right} of {each.count}", between, _MARKS[each.verdict][1], taken, responsible]


def _taken_for(result: Result, names: Sequence[str]) -> dict[str, str]:
    """Class -> what its errors are most often taken for, with the count."""
    test = result.predictions.test
    predicted, found = test.mean.argmax(1), {}
    for label, name in enumerate(names):
        wrong = predicted[(test.labels == label) & (predicted != label)]
        if len(wrong):
            count = torch.bincount(wrong, minlength=len(names))
            found[name] = f"{names[int(count.argmax())]} ({int(count.max())})"
    return found


def last(result: Result, info: TaskInfo, found: Review, measured: Costs | None) -> list[str]:
    """What it costs and its limits, side by side where there is room."""
    said = f"<p>{escape(measured.beside_teachers)}</p>" if measured is not None and measured.beside_teachers else ""
    own, rest = costs(result, measured), limits(result, info, found)
    return [f'<div class="pair"><div>{own}</div><div>{rest}</div></div>', said]


def costs(result: Result, found: Costs | None) -> str:
    """Parameters and size of the student, with its time and its teachers' where they were measured."""
    if found is None:
        size, count = result.student.n_parameters, result.draws.numel()
        row = [f"Mean of {count // size:,} students", f"{count // size:,} x {size:,}", bytes_text(4 * count)]
        return section("What it costs") + table(["", "Parameters", "Size"], [row])
    rows = [_cost_row(row) for row in (found.posterior, found.exported, *found.teachers)]
    head = section("What it costs", "Milliseconds on one core of the machine that measured it.")
    return head + table(["", "Parameters", "Size", "1 input", "1,000"], rows)


def _cost_row(row: CostRow) -> list[str]:
    if row.parameters is None or row.bytes is None:
        return [row.title, *["not known"] * 4]
    one, thousand = (_milliseconds(time) for time in (row.one, row.thousand))
    each = f"{row.networks:,} x {row.parameters // row.networks:,}" if row.networks > 1 else f"{row.parameters:,}"
    return [row.title, each, bytes_text(row.bytes), one, thousand]


def _milliseconds(time: float | None) -> str:
    if time is None:
        return "not known"
    return f"{time:,.0f}" if time >= 10 else f"{time:.2g}"


def limits(result: Result, info: TaskInfo, found: Review) -> str:
    """What a reader must not take this for."""
    return f"{section('Limits')}<ul>{''.join(f'<li>{escape(line)}</li>' for line in _limits(result, info, found))}</ul>"


def _limits(result: Result, info: TaskInfo, found: Review) -> Iterable[str]:
    yield "It answers with one of its classes whatever it is shown."
    if info.remark:
        yield info.remark
    for shift, each in result.metrics.shifts.items():
        if OUT_OF_DISTRIBUTION in each:
            one = each[OUT_OF_DISTRIBUTION]
            yield (
                f"Inputs from {shift}: epistemic uncertainty tells {one.auroc:.1%} of the pairs with a test example "
                f"apart [{one.auroc_low:.1%} to {one.auroc_high:.1%}]."
            )
    few = [each.name for each in found.classes if each.verdict is Outcome.INCONCLUSIVE]
    if few:
        yield f"Too few test examples to settle: {_few(few)}."
    yield "All of this holds for inputs like the test examples."
    yield "What all teachers have wrong, the student may have wrong."


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(teachers: Mapping[str, str]) -> str:
    words = list(teachers.values())
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
