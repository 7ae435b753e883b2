"""The model card, in the format of the Hugging Face Hub: metadata as YAML, and what a reader has to know."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import changed_settings
from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.scores import OF_ALL, SCORES
from mtbkd_core.evaluation.shift import SHIFT_SCORES
from mtbkd_core.export.card_costs import costs
from mtbkd_core.export.facts import Facts
from mtbkd_core.export.markdown import plain, table
from mtbkd_core.export.summary import MEANINGS, OUTPUTS, OUTPUTS_OF_ONE
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.raw import describe_inputs
from mtbkd_core.tasks.source import TaskInfo

PAPER = "https://arxiv.org/abs/2605.27967"
_TAGS = ["multi-teacher-knowledge-distillation", "bayesian", "uncertainty", "calibration", "conformal-prediction"]
#: Classes that the card names as the weakest.
_WEAKEST = 3


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
    yield f"# {plain(task.title)}: a student of {len(teachers)} teachers"
    yield (
        f"This is {what}. It was distilled from its teachers by Multi-Teacher Bayesian Knowledge Distillation "
        f"([arXiv 2605.27967]({PAPER})). Run `{facts.run}`."
    )
    yield f"**Verdict.** {facts.verdict} {_answer(facts)}"
    yield "## Task, data and licence"
    about = _about(task)
    source, licence = (about.source, about.licence) if about else ("", "")
    yield plain(task.description)
    yield f"Data: {plain(source or 'files of its owner')}. Licence of the data: {licence or 'not stated'}."
    yield f"Classes: {', '.join(plain(str(name)) for name in result.environment['class_names'])}."
    yield "## Teachers"
    yield _teachers(facts)
    yield "## Inputs and outputs"
    yield from _interface(facts)
    yield "## Scores on the test examples"
    yield from _scores(facts)
    yield "## Size and speed"
    yield from costs(facts)
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
    return table(["Teacher", "", "Fingerprint", "Accuracy", "NLL"], rows)


def _interface(facts: Facts) -> Iterable[str]:
    outputs = OUTPUTS_OF_ONE if facts.single else OUTPUTS
    features, classes = facts.task.x_train.shape[1], facts.task.n_classes
    yield f"Input `x`, float32 [N, {features}]: {describe_inputs(facts.task)['meaning']}. N is any number."
    shapes = {
        name: ", ".join(str(classes) if size == "C" else str(size) for size in outputs[name][1]) for name in outputs
    }
    yield table(["Output", "Shape", ""], [[f"`{name}`", f"[{shapes[name]}]", MEANINGS[name]] for name in outputs])
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
    yield table(["Score", "This file", "All draws of the run", "Mean of the teachers"], rows)
    yield (
        f"Measured on {len(facts.task.y_test):,} test examples that no student was trained on. ± is a standard error "
        "from a test set of this size; the sampler's is from a finite number of draws."
    )
    if (own := found.sets.conformal) is not None:
        coverage = SCORES["coverage"].text(own.coverage, ScoreError(test_set=own.coverage_error))
        size = SCORES["set_size"].text(own.size, ScoreError(test_set=own.size_error))
        yield (
            f"Conformal sets: the classes with a mean of at least {own.thresholds[0]:.4g} hold the true class in "
            f"{own.level:.0%} of inputs like the test examples; on {own.count:,} examples that did not calibrate them "
            f"they held it in {coverage}, with {size} classes on average. config.json has the "
            "threshold, and one for each class."
        )


def _limits(facts: Facts) -> Iterable[str]:
    result, names = facts.result, [str(name) for name in facts.result.environment["class_names"]]
    yield "It answers with one of its classes whatever it is shown."
    about = _about(facts.task)
    if about and about.remark:
        yield about.remark
    each = sorted(facts.measured.scores.by_class, key=lambda found: found.accuracy)
    weakest = ", ".join(f"{plain(names[one.label])} {one.text} ({one.right} of {one.count})" for one in each[:_WEAKEST])
    yield f"Weakest classes on the test examples, accuracy with its 95 % interval: {weakest}."
    if missing := [name for label, name in enumerate(names) if label not in {one.label for one in each}]:
        yield f"Not tested, for the test set has none: {', '.join(map(plain, missing))}."
    if facts.single:
        yield "As one network it has no intervals and no epistemic part."
        yield f"What it loses against the posterior: {'; '.join(_losses(facts))}."
    else:
        yield "Credible sets hold the true class with their level if the posterior is right."
    yield "Conformal sets keep their level on average over inputs like the test examples; after a shift they need not."
    for shift, found in result.metrics.shifts.items():
        texts = (f"{SHIFT_SCORES[name].title} {one.text('auroc')}" for name, one in found.items())
        yield f"AUROC of telling {plain(shift)} from the test examples (the whole posterior): {', '.join(texts)}."
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
