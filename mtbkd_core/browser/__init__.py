"""The plane's posterior in a visitor's browser: ES modules as package data, and what Python passes to them.

The modules need no build and no library. `given` is the data that the page hands them; `offline.document` joins them
into one file that works without a network. How the chains and the pictures hang together: `session.js`, `app.js`. The
student of a report answers by the same modules: `draws.js`, `thinking.js`.
"""

from pathlib import Path

#: Where the modules and the style sheet lie.
FOLDER = Path(__file__).parent


def module_file(name: str) -> Path | None:
    """The file of a module or style sheet by its name; None where there is none."""
    return next((path for kind in ("*.js", "*.css") for path in FOLDER.glob(kind) if path.name == name), None)
