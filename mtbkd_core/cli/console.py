"""Messages of the command line on standard error, so that standard output holds the answer alone."""

from __future__ import annotations

import sys

from mtbkd_core.common.progress import Progress


def say(line: str) -> None:
    """One line on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


class Log:
    """Progress as lines on standard error, one whenever the message changes."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, progress: Progress) -> None:
        """Print how far it is, where the message is new."""
        if progress.message != self._last:
            self._last = progress.message
            say(f"{100 * progress.fraction:3.0f} %  {progress.message}")
