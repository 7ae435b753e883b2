"""A verdict in words: what fails by its name, value, interval and limit, then what is not settled, then what passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mtbkd_core.evaluation.sets import LEVEL
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.requirements import Requirements
from mtbkd_core.review.verdict import Judged, Review

#: In the order in which they are told: what each outcome is called at the head of a list.
GROUPS = {Outcome.FAIL: "Fails", Outcome.INCONCLUSIVE: "Not settled", Outcome.PASS: "Passes"}


class Words(NamedTuple):
    """How a requirement is told.

    Attributes:
        title: what is asked for.
        limit: what a limit asks, in words.
        value: a value that was found.
    """

    title: str
    limit: Callable[[float], str]
    value: Callable[[float], str]


def _share(value: float) -> str:
    return f"{value:.1%}"


def _at_least(value: float) -> str:
    return f"at least {value:.1%}"


#: By the requirement's name.
WORDS: dict[str, Words] = {
    "accuracy": Words("Accuracy", _at_least, _share),
    "class_accuracy": Words("Accuracy of each class", _at_least, _share),
    "ece": Words("ECE", lambda value: f"at most {value:.1%}", _share),
    "coverage": Words("Coverage of 95 % sets", _at_least, _share),
    "answered": Words("Answered by itself", lambda value: f"{_at_least(value)} of the cases", _share),
    "ood_auroc": Words("Foreign inputs found", lambda value: f"AUROC at least {value:.2f}", "{:.3f}".format),
    "max_bytes": Words(
        "Size of the file", lambda value: f"at most {value / 1e6:,.3g} MB", lambda value: f"{value / 1e6:,.2f} MB"
    ),
    "latency_ms": Words("Time for one input", lambda value: f"at most {value:g} ms", lambda value: f"{value:.3g} ms"),
    "r_hat": Words("Convergence", lambda value: f"R-hat at most {value:g}", "{:.3f}".format),
}
_DEFAULT = Requirements()
#: What the requirements are while nobody has set them.
OF_DEFAULTS = (
    "These limits are the program's defaults, the same for every task: round figures to begin with, not drawn from "
    f"your use. {_DEFAULT.coverage:.0%} leaves {100 * (LEVEL - (_DEFAULT.coverage or LEVEL)):.0f} points below the "
    f"{LEVEL:.0%} that the sets state; {_DEFAULT.r_hat:g} is the R-hat that every page calls converged. Set your own "
    "before you judge."
)


def grouped(found: Review) -> Iterator[tuple[str, list[Judged]]]:
    """The requirements by outcome, what fails first; an outcome that none has is left out."""
    for outcome, head in GROUPS.items():
        if those := [each for each in found.requirements if each.verdict is outcome]:
            yield head, those


def headline(found: Review) -> str:
    """How many requirements fail, are not settled and pass, with their names."""
    parts = [
        f"{head} ({len(each)}): {', '.join(WORDS[one.name].title for one in each)}" for head, each in grouped(found)
    ]
    return ". ".join(parts) + "." if parts else "Nothing was required."


def stated(each: Judged) -> str:
    """A requirement with the value that was found, its interval and the limit."""
    title, limit, value = WORDS[each.name]
    required = f"required: {limit(each.required)}"
    if each.name == "answered":  # its line has the limits
        return f"{title}: {each.line}" if each.found else f"{title}: {each.line}; {required}"
    if each.found is None or each.low is None or each.high is None:
        return f"{title}: {each.line}; {required}"
    between = "" if each.low == each.high else f" [{value(each.low)} to {value(each.high)}]"
    if each.name == "class_accuracy":
        return f"{title}: worst class {value(each.found)}{between}; {required}; {each.line}"
    more = settling(each, "; about {:,} test examples would settle it")
    return f"{title}: {value(each.found)}{between}; {required}{more}"


def settling(each: Judged, words: str = " About {:,} test examples would settle it.") -> str:
    """How many test examples would settle what is not settled; "" where that is not known."""
    return words.format(each.needed) if each.needed else ""


def change_text(before: Judged, after: Judged) -> str:
    """How much more was found, without an interval: shares in points; a dash where one is not known."""
    if before.found is None or after.found is None:
        return "–"
    change, shares = after.found - before.found, ("class_accuracy", "answered")
    return f"{100 * change:+z.1f} points" if before.name in shares else f"{change:+z.3f}"
