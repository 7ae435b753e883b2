"""A clock for tests of what goes on for so many seconds: it counts steps, however busy the machine is."""


class Clock:
    """Goes on by a millisecond whenever it is read, so that a step, which is timed by two readings, takes one."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 0.001
        return self._now
