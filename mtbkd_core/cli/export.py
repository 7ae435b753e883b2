"""The command `export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.cli.chosen_run import RunArgument, read_run
from mtbkd_core.cli.settings import JsonOption
from mtbkd_core.export.draws import Size
from mtbkd_core.export.extra import check_libraries
from mtbkd_core.export.package import make_package


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("export")(export_command)


def export_command(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder for student.onnx, README.md and config.json.")],
    draws: Annotated[
        int | None,
        typer.Option(
            "--draws",
            help="How many of the posterior's students; by default the fewest whose NLL is that of all within the "
            "sampler's error.",
        ),
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="One network, distilled from the posterior, in place of its students.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a run's student away: an ONNX file, a model card and the run's configuration."""
    check_libraries()
    name, result = read_run(run)
    package = make_package(result, run=name, draws=draws, single=single)
    package.write(out)
    found = package.config
    sizes = {file: len(content) for file, content in package.files.items()}
    if as_json:
        kept = ("run", "kind", "draws", "parameters", "scores", "sets", "largest_difference", "milliseconds")
        more = {"folder": str(out), "files": sizes, "sizes": found["sizes"], "proposed_draws": found["proposed_draws"]}
        print(json.dumps({key: found[key] for key in kept} | more))
        return
    for row in found["sizes"]:
        print(Size(**row).words)
    what = "one network" if single else f"{found['draws']} draws"
    print(
        f"{out}: {what}, {sizes['student.onnx'] / 1e6:.2f} MB, accuracy {found['scores']['accuracy']:.1%}, NLL "
        f"{found['scores']['nll']:.4f}; onnxruntime differs from the run by at most {found['largest_difference']:.1e}"
    )
