"""Text that is not ours, such as a class's, a teacher's or a task's name, made safe for where it is shown."""

from __future__ import annotations

import re

#: What Markdown, its extensions in Streamlit, and HTML read as something else than themselves.
_MARKS = re.compile(r"([\\`*\[\]<>|~$&#]|(?<!\w)_|_(?!\w))")
#: What makes a list or a heading at the beginning of a line.
_BEGINNING = re.compile(r"^(\s*)([-+=]|\d+[.)])", re.MULTILINE)


def plain(text: object) -> str:
    """The text as Markdown that shows it as it is: no emphasis, no link, no picture, no formula, no HTML."""
    marked = _MARKS.sub(r"\\\1", str(text))
    return _BEGINNING.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", marked)
