"""The part of a report that still thinks: the student's draws run in the page, as many as fit.

They are held in half precision where single precision would leave some out. What that costs is measured on the test
examples. Where they do not fit, or the run's data are not here, its stored answers are shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.browser.offline import joined
from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.calibration import checked
from mtbkd_core.evaluation.predictive import entropy, thin
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.export.package import check_task
from mtbkd_core.report.packing import features_held, forward_pass, given, packed, stored
from mtbkd_core.report.parts import section
from mtbkd_core.result import Result
from mtbkd_core.review.answering import Answering, answering
from mtbkd_core.review.requirements import Answered
from mtbkd_core.tasks.base import Task

#: Bytes of a whole report.
MOST_BYTES = 5_000_000
#: Bytes left for what is not counted: the line about the draws, and quantiles.
_ROOM = 8_000
_QUANTILES = 201
_SCRIPT = """
const given = JSON.parse(document.getElementById('student').textContent);
window.thinking = new modules['thinking.js'].Thinking(document.getElementById('thinking'), given);
"""


@dataclass(frozen=True)
class Held:
    """The draws that a report holds.

    Attributes:
        draws: [S, d, P] as they are held, of half or single precision; None: none.
        line: how many they are and what that costs, or why there are none.
        epistemic: [M], the epistemic part on the test examples: of these draws, or of the run's.
    """

    draws: Tensor | None
    line: str
    epistemic: Tensor


def with_its_data(result: Result, task: Task | None) -> Task | None:
    """The task where it has the data that the run was made with."""
    try:
        if task is not None:
            check_task(result, task)
    except UserError:
        return None
    return task


def thinking(result: Result, task: Task | None, answers: Answering | None, taken: int) -> list[str]:
    """The section of a report.

    Args:
        task: the run's, with the run's data; None: it is not here.
        answers: the verdict's threshold; None: that of the default requirements.
        taken: bytes of the rest of the report.
    """
    if answers is None:
        answers = answering(result.predictions.test, Answered().max_risk, result.config.data.split_seed)
    page = given(result, task, answers)
    code = (joined(["thinking.js"]) + _SCRIPT).replace("</script", "<\\/script")
    held = hold(result, task, MOST_BYTES - taken - len(code.encode()) - len(_json(page).encode()) - _ROOM)
    page["epistemic"] = packed(held.epistemic.float().quantile(torch.linspace(0, 1, _QUANTILES)))
    if held.draws is None:
        page |= {"student": None, "features": None, "stored": stored(result)}
    else:
        theta = held.draws.flatten(0, 1)
        page["student"] = forward_pass(result.student) | {"draws": len(theta), "theta": packed(theta)}
    return [
        section("The student in this file", held.line),
        '<div id="thinking"><p class="note">This part needs JavaScript.</p></div>',
        f'<script type="application/json" id="student">{_json(page)}</script>',
        f"<script>{code}</script>",
    ]


def hold(result: Result, task: Task | None, room: int) -> Held:
    """The draws that fit into so many bytes of text, with what they cost; none where they cannot run in the page."""
    student, whole = result.student, result.reported
    chains, most = whole.shape[:2]
    numbers = room * 3 // 4 // 2 // student.n_parameters // chains  # of half precision, a chain
    exact, fit = numbers >= 2 * most, min(most, numbers)
    reason = ""
    if task is None:
        reason = "the run's data are not on the machine that made this file"
    elif fit < 1:
        reason = "one draw of each chain would make this file larger than 5 MB"
    if reason or task is None:
        return Held(None, f"Stored answers of the run are shown: {reason}.", result.predictions.test.epistemic)
    draws = thin(result.draws, chains * fit)
    draws = draws.float() if exact else draws.half()
    features = features_held(result.features)
    x = task.x_test if features is None else features.transform(task.x_test)
    each = student.probabilities(draws.float().flatten(0, 1), x)
    mean = each.mean(0)
    line = (
        f"{chains * fit:,} of the run's {chains * result.draws.shape[1]:,} draws run in this page, in "
        f"{'single' if exact else 'half'} precision.{_cost(result, task, mean, chains * most)} "
        "Nothing is sent anywhere."
    )
    return Held(draws, line, (entropy(mean) - entropy(each).mean(0)).clamp_min(0))


def _cost(result: Result, task: Task, mean: Tensor, count: int) -> str:
    nll, whole = SCORES["nll"].measure(*checked(mean, task.y_test)), result.metrics.student.nll
    if nll is None or whole is None:
        return ""
    return (
        f" Their NLL on the test examples is {nll:.4f}, that of the {count:,} draws that the scores are of "
        f"{whole:.4f}: the change is {nll - whole:+.4f}."
    )


def _json(page: Mapping[str, Any]) -> str:
    return json.dumps(page, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
