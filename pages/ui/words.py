"""Text that is not ours, such as a class's, a teacher's or a task's name, made safe for where it is shown."""

from __future__ import annotations

import re

#: What Markdown, its extensions in Streamlit, and HTML read as something else than themselves.
_MARKS = re.compile(r"([\\`*\[\]<>|~$&#]|(?<!\w)_|_(?!\w)|:(?=\S))")
#: What makes a list or a heading at the beginning of a line.
_BEGINNING = re.compile(r"^(\s*)([-+=]|\d+[.)])", re.MULTILINE)
#: Where Streamlit finds addresses, icons, emoji, arrows and dashes in what Markdown has left as text, escaped or not.
_SOUGHT = re.compile(
    r"\\:(?=//|material/|[\w+-]+\\?:)|-(?=-|\\>)|\\<(?=[-=])|\\[>~](?==)|www(?=\.)|(?<=\w)@(?=\w)", re.IGNORECASE
)
#: Shows nothing, and cannot be copied: what stands before it and after it is not read as one.
_BREAK = ":gray[]"


def plain(text: object) -> str:
    """The text as Markdown that shows it as it is: no emphasis, link, picture, icon, formula, arrow, and no HTML."""
    marked = _MARKS.sub(r"\\\1", str(text))
    whole = _BEGINNING.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", marked)
    return _SOUGHT.sub(lambda found: found[0] + _BREAK, whole)
