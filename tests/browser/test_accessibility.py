"""What axe-core finds on every page, in light and in dark; skipped where it is not installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import PAGES, Visitor

axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed: see requirements-dev.txt")
pytestmark = pytest.mark.browser

SCRIPT = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
#: Rule, and what the HTML begins with, of what Streamlit itself draws in any app: its navigation's lists, formulas.
STREAMLITS = (
    ("list", '<ul data-testid="stSidebarNavItems"'),
    ("listitem", '<li class="st-emotion-cache-'),
    ("scrollable-region-focusable", '<span class="katex-display"'),
)
_RUN = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .filter((found) => ['serious', 'critical'].includes(found.impact))
  .flatMap((found) => found.nodes.map((node) => [found.id, node.target.flat().join(' '), node.html.slice(0, 200)]))"""


def serious(tab: Visitor) -> list[list[Any]]:
    """What axe finds serious or critical on the page, without what is Streamlit's own."""
    tab.page.evaluate(SCRIPT)
    found: list[list[Any]] = tab.page.evaluate(_RUN)
    return [
        each for each in found if not any(each[0] == rule and each[2].startswith(start) for rule, start in STREAMLITS)
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_has_a_serious_fault(new_tab: Callable[..., Visitor], done_run: str, dark: bool) -> None:
    tab = new_tab(dark=dark)
    tab.open("", run=done_run)
    found = {}
    for page in PAGES:
        tab.go(page)
        if faults := serious(tab):
            found[page or "overview"] = faults
    assert not found, "\n".join(f"{page}: {fault}" for page, faults in found.items() for fault in faults)
