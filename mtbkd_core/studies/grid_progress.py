"""How far a grid of settings is, from what its batches report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Lock

from mtbkd_core.common.progress import OnProgress, Progress, ShouldStop

_TEACHERS_SHARE, _STRENGTHS_SHARE = 0.05, 0.2


def spans(places: Sequence[int]) -> str:
    """Places that rise, counted from 1: `1 to 3, 7`."""
    spans: list[list[int]] = []
    for place in places:
        if spans and place == spans[-1][-1] + 1:
            spans[-1][1:] = [place]
        else:
            spans.append([place])
    return ", ".join(" to ".join(str(place + 1) for place in span) for span in spans)


class GridProgress:
    """The whole grid's progress from its batches', and the one answer to whether to stop."""

    def __init__(self, count: int, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> None:
        self.ended = Event()
        self._on_progress, self._should_stop = on_progress, should_stop
        self._count = max(1, count)
        self._done: dict[int, float] = {}
        self._before = self._fraction = self._choices_from = 0.0
        self._lock = Lock()

    def stops(self) -> bool:
        """Whether to stop: `should_stop` says so, or the results are no longer needed."""
        if self.ended.is_set():
            return True
        if self._should_stop is None:
            return False
        with self._lock:
            return self._should_stop()

    def teachers(self, progress: Progress) -> None:
        """Pass on the teachers' training as the first part."""
        self._before = _TEACHERS_SHARE
        self._report(progress, _TEACHERS_SHARE * progress.fraction, progress.message)

    def choosing(self, number: int, count: int) -> OnProgress | None:
        """What a choice of a strength reports its progress to: one of so many, which are a part before the batches."""
        if self._on_progress is None:
            return None
        before = self._before if number == 0 else self._choices_from
        self._choices_from = before

        def report(progress: Progress) -> None:
            share = (number + progress.step / progress.steps) / count
            self._before = before + _STRENGTHS_SHARE * share
            self._report(progress, self._before, progress.message)

        return report

    def of(self, places: Sequence[int]) -> OnProgress | None:
        """What a batch reports its progress to."""
        if self._on_progress is None:
            return None
        span = spans(places)

        def report(progress: Progress) -> None:
            with self._lock:
                self._done[places[0]] = progress.fraction * len(places)
                done = sum(self._done.values()) / self._count
            message = f"Settings {span} of {self._count}: {progress.message}"
            self._report(progress, self._before + (1 - self._before) * done, message)

        return report

    def _report(self, progress: Progress, fraction: float, message: str) -> None:
        with self._lock:
            self._fraction = max(self._fraction, min(1.0, fraction))
            if self._on_progress is not None:
                # chains of several settings side by side are not one run's: no log joint, no shares
                self._on_progress(
                    replace(progress, fraction=self._fraction, message=message, log_joint=None, teacher_share=None)
                )
