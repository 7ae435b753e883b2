"""The glossary in text: each technical term shows its entry where it stands in a chart's words."""

from __future__ import annotations

import html
import re
from functools import cache

from mtbkd_core.config.glossary import GLOSSARY, forms


@cache
def _forms() -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern with a group for each term, the longest form first; group -> term."""
    found = forms()
    groups = {f"t{place}": term for place, (_, term) in enumerate(found)}
    # a word alone, and not a part of an icon's name, a link or code
    parts = (f"(?P<t{place}>{form})" for place, (form, _) in enumerate(found))
    return re.compile(rf"(?<![\w/`-])(?:{'|'.join(parts)})(?![\w/`-])", re.IGNORECASE), groups


def hovered(text: str) -> str:
    """A line of Markdown in which the first mention of each term shows its entry on hover; for `unsafe_allow_html`.

    HTML that the line holds is shown as it is written.
    """
    pattern, groups = _forms()
    seen: set[str] = set()

    def mark(found: re.Match[str]) -> str:
        term = groups[found.lastgroup or ""]
        if term in seen:
            return found[0]
        seen.add(term)
        return f'<abbr tabindex="0" title="{html.escape(GLOSSARY[term])}">{found[0]}</abbr>'

    return pattern.sub(mark, re.sub(r"\\?<", "&lt;", text))


def explained(label: str, help: str) -> str:
    """The help of a control, in Markdown, with the entries of the terms that its label names."""
    pattern, groups = _forms()
    terms = dict.fromkeys(groups[found.lastgroup or ""] for found in pattern.finditer(label))
    return "\n\n".join([help, *(f"**{term}**: {GLOSSARY[term]}" for term in terms)])
