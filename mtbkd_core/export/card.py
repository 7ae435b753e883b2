"""The model card, in the format of the Hugging Face Hub: metadata as YAML, and what a reader has to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shlex import quote

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import changed_settings
from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.diagnostics import verdict_sentence
from mtbkd_core.evaluation.scores import OF_ALL, SCORES
from mtbkd_core.evaluation.shift import SHIFT_SCORES
from mtbkd_core.export.draws import Sizes, bytes_text
from mtbkd_core.export.measured import Measured
from mtbkd_core.export.runtime import Latency
from mtbkd_core.export.summary import MEANINGS, OUTPUTS, OUTPUTS_OF_ONE
from mtbkd_core.result import Result
from mtbkd_core.studies.costs import teacher_cost
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.raw import describe_inputs
from mtbkd_core.tasks.source import TaskInfo
from mtbkd_core.teachers.base import Cost

PAPER = "https://arxiv.org/abs/2605.27967"
_TAGS = ["multi-teacher-knowledge-distillation", "bayesian", "uncertainty", "calibration", "conformal-prediction"]
#: Classes that the card names as the weakest.
_WEAKEST = 3


@dataclass(frozen=True)
class Facts:
    """What is known of an export.

    Attributes:
        result, task: the run and its task.
        run: the run's name.
        single: whether it is one network in place of the posterior's draws.
        draws: networks in the file.
        bytes, sha256: of the file.
        measured: on the test examples.
        sizes: what other numbers of draws score.
        difference: the largest one between the file's and the run's numbers.
        latency: in onnxruntime.
    """

    result: Result
    task: Task
    run: str
    single: bool
    draws: int
    bytes: int
    sha256: str
    measured: Measured
    sizes: Sizes
    difference: float
    latency: Latency

    @property
    def verdict(self) -> str:
        """Whether the posterior can be relied on, in one sentence."""
        return verdict_sentence(self.result.metrics.diagnostics) or "Whether the chains agree is not known."


def write_card(facts: Facts) -> str:
    """The card's text: metadata and Markdown."""
    from huggingface_hub import EvalResult, ModelCardData

    task, about = facts.task, _about(facts.task)
    kind = "image-classification" if task.image_shape is not None else "tabular-classification"
    results = [
        EvalResult(
            task_type=kind,
            dataset_type=task.name,
            dataset_name=task.title,
            dataset_split="test",
            metric_type=name,
            metric_name=SCORES[name].with_unit,
            metric_value=value,
        )
        for name in OF_ALL
        if (value := facts.measured.scores[name]) is not None
    ]
    data = ModelCardData(
        model_name=f"mtbkd-{task.name}-{facts.run}",
        license=(about and about.licence) or "unknown",
        library_name="onnx",
        pipeline_tag=kind,
        tags=_TAGS,
        metrics=list(OF_ALL),
        eval_results=results,
    )
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(_sections(facts)) + "\n"


def _sections(facts: Facts) -> Iterable[str]:
    task, result = facts.task, facts.result
    what = (
        "one network that stands for a posterior over students"
        if facts.single
        else (
            f"a posterior over students: {facts.draws} networks of {result.student.n_parameters:,} parameters each, "
            "and what they say together"
        )
    )
    teachers = result.config.data.teachers
    yield f"# {_plain(task.title)}: a student of {len(teachers)} teachers"
    yield (
        f"This is {what}. It was distilled from its teachers by Multi-Teacher Bayesian Knowledge Distillation "
        f"([arXiv 2605.27967]({PAPER})). Run `{facts.run}`."
    )
    yield f"**Verdict.** {facts.verdict} {_answer(facts)}"
    yield "## Task, data and licence"
    about = _about(task)
    source, licence = (about.source, about.licence) if about else ("", "")
    yield _plain(task.description)
    yield f"Data: {_plain(source or 'files of its owner')}. Licence of the data: {licence or 'not stated'}."
    yield f"Classes: {', '.join(_plain(str(name)) for name in result.environment['class_names'])}."
    yield "## Teachers"
    yield _teachers(facts)
    yield "## Inputs and outputs"
    yield from _interface(facts)
    yield "## Scores on the test examples"
    yield from _scores(facts)
    yield "## Size and speed"
    yield from _costs(facts)
    yield "## Limits"
    yield "\n".join(f"* {line}" for line in _limits(facts))
    yield "## To make it again"
    settings = "".join(f" --set {quote(f'{name}={value}')}" for name, value in _changed(facts).items())
    yield (
        f"```bash\npython -m mtbkd_core distill{settings} --out run\npython -m mtbkd_core export run --out student"
        + (" --single" if facts.single else f" --draws {facts.draws}")
        + "\n```"
    )
    yield (
        f"Fingerprint of data and teachers: `{result.environment['fingerprint']}`. SHA-256 of student.onnx: "
        f"`{facts.sha256}`. config.json has all settings."
    )


def _answer(facts: Facts) -> str:
    right = facts.measured.scores.accuracy or 0.0
    count = len(facts.task.y_test)
    return f"Of {count:,} test examples it names {round(right * count):,} rightly ({right:.1%})."


def _about(task: Task) -> TaskInfo | None:
    """What the program knows of a task beside its data; None of one that it does not list."""
    try:
        return task_info(task.name)
    except UserError:
        return None


def _changed(facts: Facts) -> dict[str, str]:
    return changed_settings(facts.result.config) if _about(facts.task) else {}


def _teachers(facts: Facts) -> str:
    task, names = facts.task, facts.result.config.data.teachers
    same = task.fingerprint_of(names) == facts.result.environment["fingerprint"]
    rows = [
        [
            task.teachers[name].title,
            task.teachers[name].description,
            f"`{task.teachers[name].fingerprint}`" if same else "not those of today",
            *(facts.result.metrics.teachers[name].counted(score) for score in ("accuracy", "nll")),
        ]
        for name in names
    ]
    return _table(["Teacher", "", "Fingerprint", "Accuracy", "NLL"], rows)


def _interface(facts: Facts) -> Iterable[str]:
    outputs = OUTPUTS_OF_ONE if facts.single else OUTPUTS
    features, classes = facts.task.x_train.shape[1], facts.task.n_classes
    yield f"Input `x`, float32 [N, {features}]: {describe_inputs(facts.task)['meaning']}. N is any number."
    shapes = {
        name: ", ".join(str(classes) if size == "C" else str(size) for size in outputs[name][1]) for name in outputs
    }
    yield _table(["Output", "Shape", ""], [[f"`{name}`", f"[{shapes[name]}]", MEANINGS[name]] for name in outputs])
    yield (
        "```python\nimport numpy as np\nimport onnxruntime\n\n"
        'session = onnxruntime.InferenceSession("student.onnx")\n'
        f"x = np.zeros((1, {features}), np.float32)\n"
        "names = [output.name for output in session.get_outputs()]\n"
        'answer = dict(zip(names, session.run(None, {"x": x})))\n```'
    )


def _scores(facts: Facts) -> Iterable[str]:
    metrics, found = facts.result.metrics, facts.measured
    rows = [
        [
            SCORES[name].with_unit,
            found.scores.text(name),
            metrics.student.text(name),
            metrics.teachers_mean.text(name),
        ]
        for name in OF_ALL
    ]
    yield _table(["Score", "This file", "All draws of the run", "Mean of the teachers"], rows)
    yield (
        f"Measured on {len(facts.task.y_test):,} test examples that no student was trained on. ± is a standard error "
        "from a test set of this size; the sampler's is from a finite number of draws."
    )
    if (own := found.sets.conformal) is not None:
        error = "" if own.coverage_error is None else f" ± {own.coverage_error:.1%}"
        yield (
            f"Conformal sets: the classes with a mean of at least {own.thresholds[0]:.4g} hold the true class in "
            f"{own.level:.0%} of inputs like the test examples; on {own.count:,} examples that did not calibrate them "
            f"they held it in {own.coverage:.1%}{error}, with {own.size:.2f} classes on average. config.json has the "
            "threshold, and one for each class."
        )


def _costs(facts: Facts) -> Iterable[str]:
    own, latency = f"{facts.draws} x {facts.result.student.n_parameters:,}", facts.latency
    rows = [["This file", own, bytes_text(facts.bytes), f"{latency.one:.2g}", f"{latency.thousand:.3g}"]]
    for name in facts.result.config.data.teachers:
        cost = teacher_cost(facts.task, name)
        found = ["not known"] * 4 if cost is None else _teacher_cost(cost)
        rows.append([facts.task.teachers[name].title, *found])
    yield _table(["", "Parameters", "Bytes", "ms for one input", "ms for 1,000"], rows)
    yield (
        f"This file: onnxruntime on one core, when it was exported; 1,000 inputs in batches of {latency.batch}. "
        "Teachers: in batches of 64; those of proteins were timed when they were made."
    )
    if facts.single:
        return
    yield "What fewer draws cost (NLL against all draws that the run's scores are of):"
    yield _table(
        ["Draws", "Bytes of parameters", "Accuracy", "NLL", "Change of NLL"],
        [
            [
                f"{row.draws}{' (proposed)' if row.draws == facts.sizes.proposed else ''}",
                bytes_text(row.bytes),
                SCORES["accuracy"].text(row.accuracy),
                f"{row.nll:.4f}",
                f"{row.change:+.4f}",
            ]
            for row in facts.sizes.rows
        ],
    )
    if facts.sizes.error is not None:
        yield f"The sampler's standard error of the NLL is {facts.sizes.error:.4f}; the proposed file is within it."


def _limits(facts: Facts) -> Iterable[str]:
    result, names = facts.result, [str(name) for name in facts.result.environment["class_names"]]
    yield "It answers with one of its classes whatever it is shown."
    about = _about(facts.task)
    if about and about.remark:
        yield about.remark
    each = sorted(facts.measured.scores.by_class, key=lambda found: found.accuracy)
    weakest = ", ".join(
        f"{_plain(names[one.label])} {one.text} ({one.right} of {one.count})" for one in each[:_WEAKEST]
    )
    yield f"Weakest classes on the test examples, accuracy with its 95 % interval: {weakest}."
    if missing := [name for label, name in enumerate(names) if label not in {one.label for one in each}]:
        yield f"Not tested, for the test set has none: {', '.join(map(_plain, missing))}."
    if facts.single:
        yield "As one network it has no intervals and no epistemic part."
        yield f"What it loses against the posterior: {'; '.join(_losses(facts))}."
    else:
        yield "Credible sets hold the true class with their level if the posterior is right."
    yield "Conformal sets keep their level on average over inputs like the test examples; after a shift they need not."
    for shift, found in result.metrics.shifts.items():
        texts = (f"{SHIFT_SCORES[name].title} {one.text('auroc')}" for name, one in found.items())
        yield f"AUROC of telling {_plain(shift)} from the test examples (the whole posterior): {', '.join(texts)}."
    yield "What all teachers have wrong, the student may have wrong."


def _losses(facts: Facts) -> Iterable[str]:
    for name in ("accuracy", "nll", "ece"):
        found, score = facts.measured.gained[name], SCORES[name]
        if found.difference is not None and found.low is not None and found.high is not None:
            # the loss of a score that is better when higher is what the posterior has more
            sign = 1 if score.higher_is_better else -1
            ends = sorted((sign * found.low, sign * found.high))
            values = [score.text(value) for value in (sign * found.difference, *ends)]
            yield f"{score.short} {values[0]} [{values[1]} to {values[2]}]"


def _teacher_cost(cost: Cost) -> list[str]:
    alone = "not known" if cost.alone is None else f"{cost.alone:.2g}"
    return [f"{cost.parameters:,}", bytes_text(cost.bytes), alone, f"{cost.thousand:.3g}"]


def _plain(text: str) -> str:
    """Text from outside as one line that Markdown leaves as it is."""
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in line)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
