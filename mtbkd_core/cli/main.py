"""The entry point: every group of commands in one application, and errors as one line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import typer

from mtbkd_core import cli
from mtbkd_core.cli import compare, data, distill, export, extend, hub, images, imports, report, review, watch
from mtbkd_core.cli.console import say
from mtbkd_core.cli.settings import with_precision
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.common.progress import UserError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=cli.__doc__)
for group in (distill, extend, compare, review, report, export, watch, imports, hub, images, data):
    group.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line's words or those given; every foreseeable error is one line and status 2."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    try:
        limit_threads()
        words = with_precision(sys.argv[1:] if arguments is None else arguments)
        code = app(words, standalone_mode=False)
    except UserError as error:
        code = max(map(_refuse, error.problems))
    except typer.TyperException as error:
        code = _refuse(error.format_message() if hasattr(error, "format_message") else str(error))
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(message: str) -> int:
    say("error: " + " ".join(message.split()))
    return 2
