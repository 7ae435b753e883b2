"""The modules joined into one script, and the playground as one HTML file that works from `file://`.

A browser loads neither modules nor workers from `file://`, so the joined script is inline, and the worker is made of
its own text. Joining understands the modules' one style: `import { a, b } from './c.js'`, and `export` before
`function`, `class` or `const`.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from mtbkd_core.browser import FOLDER
from mtbkd_core.browser.plane import given

_IMPORT = re.compile(r"^import \{ ([^}]+) \} from '\./([\w]+\.js)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


def source(name: str) -> str:
    """The text of a module or style sheet."""
    return (FOLDER / name).read_text(encoding="utf-8")


def order(entries: list[str]) -> list[str]:
    """The entries and all modules that they import, each after those that it imports."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name not in found:
            for _, needed in _IMPORT.findall(source(name)):
                visit(needed)
            found.append(name)

    for entry in entries:
        visit(entry)
    return found


def joined(entries: list[str]) -> str:
    """One script in which each module is a function's body; `modules[name]` holds what it exports."""
    return "const modules = {};\n" + "".join(_wrapped(name) for name in order(entries))


def _wrapped(name: str) -> str:
    text = source(name)
    exported = ", ".join(found for _, found in _EXPORT.findall(text))
    text = _IMPORT.sub(lambda match: f"const {{ {match[1]} }} = modules['{match[2]}'];\n", text)
    body = _EXPORT.sub(lambda match: match[1], text)
    return f"modules['{name}'] = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' blob:; \
style-src 'unsafe-inline'; img-src data: blob:; worker-src blob:">
<title>%(title)s</title><style>%(theme)s
%(style)s</style></head>
<body><main><h1>%(title)s</h1><div id="host"></div></main>
<script type="application/json" id="given">%(given)s</script>
<script id="code">%(code)s
if (typeof document !== 'undefined') {
  const text = document.getElementById('code').textContent;
  const address = {
    read: () => new URLSearchParams(location.search).get('play') ?? location.hash.slice(1),
    write: (play) => { try { history.replaceState(null, '', play ? '#' + play : '#'); } catch { /* some browsers */ } },
  };
  const worker = () => new Worker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
  const given = JSON.parse(document.getElementById('given').textContent);
  const none = { read: () => '', write() {} };
  const host = document.getElementById('host');
  const places = { worker, address: given.lesson ? none : address, steps: { step: none, present: none } };
  window.playground = new modules['app.js'].Playground(host, given, places);
  if (given.lesson) modules['scroll.js'].scrolling(window.playground, host);
}
</script></body></html>
"""


def document(lesson: dict[str, Any] | None = None) -> str:
    """The whole playground as one HTML file; it asks no host for anything.

    Args:
        lesson: one of `lessons`, as JSON: the file then scrolls through its steps.
    """
    data = json.dumps({**given(), **({"lesson": lesson} if lesson else {})}).replace("<", "\\u003c")
    code = joined(["worker.js", "app.js", "scroll.js"]).replace("</script", "<\\/script")
    title = html.escape(lesson["title"] if lesson else "A posterior that moves")
    return _PAGE % {
        "title": title,
        "theme": source("offline.css"),
        "style": source("style.css"),
        "given": data,
        "code": code,
    }
