"""The command `compare`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from mtbkd_core.cli.console import say
from mtbkd_core.cli.settings import (
    SETTINGS_HELP,
    ConfigOption,
    JsonOption,
    PresetOption,
    SetOption,
    TaskOption,
    read_config,
)
from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.diagnostics import r_hat_text, worst_r_hat
from mtbkd_core.evaluation.means import ONE_SEED_LINE, SEEDS_LINE
from mtbkd_core.evaluation.scores import COMPARED, R_HAT, SCORES, Row
from mtbkd_core.studies import comparison
from mtbkd_core.studies.comparison import Comparison
from mtbkd_core.studies.method_words import left_out


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("compare", epilog=SETTINGS_HELP)(compare_command)


def compare_command(
    task: TaskOption = None,
    settings: SetOption = None,
    config_file: ConfigOption = None,
    preset: PresetOption = "default",
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="INTEGER", help="Number of replications, each with its own seed.")
    ] = "10",
    as_json: JsonOption = False,
) -> None:
    """Compare MT-BKD with every baseline, paired by seed."""
    if not seeds.isdecimal() or not 1 <= int(seeds) <= 1000:
        raise UserError(f"--seeds: got {seeds!r}, needs a whole number from 1 to 1000")
    config = read_config(task, settings, config_file, preset)
    found = comparison.compare(
        config,
        range(int(seeds)),
        on_step=lambda seed, name, row: say(f"seed {seed}: {name}: {_listed(row)}"),
    )
    lines = left_out(found.methods)
    if as_json:
        print(json.dumps(asdict(found) | {"left_out": lines, "config": config.model_dump(mode="json")}))
        return
    _print_means(found)
    _print_differences(found)
    _print_tuned(found)
    print(f"\n{SCORES['auroc_misclassification'].line} - where there was no error")
    print("R-hat: the worst of a run's three and over the seeds; only posteriors have chains")
    for line in lines:
        print(line)


def _print_means(found: Comparison) -> None:
    titles = [SCORES[score].short for score in COMPARED]
    print(f"{'mean over seeds':24}" + "".join(f"{title:>18}" for title in titles) + f"{'R-hat':>10}")
    for name, row in found.methods.items():
        r_hat = r_hat_text(worst_r_hat(row[R_HAT])) if R_HAT in row else ""
        means = (found.means[name][score].text(score) for score in COMPARED)
        print(f"{name:24}" + "".join(f"{text:>18}" for text in means) + f"{r_hat:>10}".rstrip())
    print(SEEDS_LINE if len(found.seeds) > 1 else ONE_SEED_LINE)


def _print_differences(found: Comparison) -> None:
    print("\nMT-BKD minus the baseline, with 95 % intervals; the word is for MT-BKD, by Holm at 5 % within a score")
    for name, gaps in found.paired.items():
        for score in COMPARED:
            gap = gaps[score]
            difference = "-" if gap.difference is None else f"{gap.difference:+.4f}"
            interval = "" if gap.low is None else f"  [{gap.low:+.4f}, {gap.high:+.4f}]"
            print(f"{name:24} {SCORES[score].short:>9}{difference:>10}{interval}  {gap.verdict.value}")


def _print_tuned(found: Comparison) -> None:
    print("\nchosen on validation rows, seed by seed (never on test examples), and the NLL there")
    for name, each in found.tuned.items():
        for seed, tuned in zip(found.seeds, each, strict=True):
            if tuned is not None:
                print(f"{name:24} {seed:>4}  NLL {tuned.validation_nll:.4f}  of {tuned.tried}: {tuned.text}")


def _listed(row: Row) -> str:
    return ", ".join(f"{SCORES[score].title} {SCORES[score].text(row[score])}" for score in ("nll", "ece"))
