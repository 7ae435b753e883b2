"""Writes the generated tables of README.md and log/*.md anew from results/*.json.

usage: python -m benchmarks.tables [--check]

A table stands between a marker and `<!-- end -->`. Markers:
  <!-- claims: NAME ... -->    claim, target, found, verdict, command and date of these files;
  <!-- methods: NAME ... -->   NLL and ECE of every method, a task's comparison a pair of columns;
  <!-- paired: NAME -->        one comparison: scores, and MT-BKD minus each method with 95 % intervals and verdicts;
  <!-- sets: NAME ... -->      default runs of a task: scores, and coverage and size of each kind of 95 % sets;
  <!-- standing: NAME ... -->  where MT-BKD stands in each comparison by NLL and ECE, in sentences.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mtbkd_core import task_info
from mtbkd_core.evaluation.means import mean_over
from mtbkd_core.studies.standing import doubt, shipped_comparisons
from mtbkd_core.studies.standing import standing as sentences

HERE = Path(__file__).resolve().parent
BLOCK = re.compile(r"(<!-- (claims|methods|paired|sets|standing): ([^>]*) -->\n).*?(<!-- end -->)", re.DOTALL)


def render(document: str) -> str:
    """The document with every generated table as results/*.json have it."""
    return BLOCK.sub(lambda found: found[1] + TABLES[found[2]](*map(read, found[3].split())) + found[4], document)


def documents() -> list[Path]:
    """README.md and the log."""
    return [HERE / "README.md", *sorted((HERE / "log").glob("*.md"))]


def read(name: str) -> dict[str, Any]:
    """One file of results/."""
    content: dict[str, Any] = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return content


def claims(*results: dict[str, Any]) -> str:
    return table(
        ("claim", "target", "found", "", "command", "date"),
        (
            (
                *(claim[part] for part in ("claim", "target", "found", "verdict")),
                f"`{result['command']}`",
                result["date"],
            )
            for result in results
            for claim in result["claims"]
        ),
    )


def methods(*results: dict[str, Any]) -> str:
    tasks = [result["command"].split("--task ")[1].split()[0] for result in results]
    scores = [{row["method"]: row for row in result["rows"]} for result in results]
    names = [name for name in scores[0] if ":" not in name and (name == "deep_ensemble" or "_ensemble" not in name)]
    seeds = [max(row["seeds"] for row in result["rows"]) for result in results]
    columns = [(task, count, score) for task, count in zip(tasks, seeds, strict=True) for score in ("NLL", "ECE")]
    header = ("method", *(f"{task} ({count} seeds): {score}" for task, count, score in columns))
    return table(
        header,
        (
            (f"`{name}`", *(over_seeds(found.get(name), score) for found in scores for score in ("nll", "ece")))
            for name in names
        ),
    )


def paired(result: dict[str, Any]) -> str:
    header = ("method", "seeds", "accuracy", "NLL", "ECE", "difference in NLL", "difference in ECE")
    return table(
        header,
        (
            (
                f"`{row['method']}`",
                str(row["seeds"]),
                *(over_seeds(row, score) for score in ("accuracy", "nll", "ece")),
                *(difference(row, score) for score in ("nll", "ece")),
            )
            for row in result["rows"]
        ),
    )


def difference(row: dict[str, Any], score: str) -> str:
    if row.get(f"{score}_difference") is None:
        return ""
    if row[f"{score}_low"] is None:  # of one seed
        return f"{row[f'{score}_difference']:+.3f}"
    value, low, high = (f"{row[f'{score}_{part}']:+.3f}" for part in ("difference", "low", "high"))
    verdict = row.get(f"{score}_verdict")
    return f"{value} [{low}, {high}]" + (f", {verdict}" if verdict else "")


def sets(*results: dict[str, Any]) -> str:
    kinds = {"credible": "credible", "conformal": "conformal", "conformal_by_class": "conformal by class"}
    header = ("task", "seeds", "NLL", "ECE", *(f"{title}: coverage, size" for title in kinds.values()))
    return table(
        header,
        (
            (
                result["command"].split("--task ")[1].split()[0],
                str(len(result["rows"])),
                *(spread(result["rows"], score) for score in ("nll", "ece")),
                *(
                    f"{spread(result['rows'], f'{kind}_coverage')}, {spread(result['rows'], f'{kind}_size', 2)}"
                    for kind in kinds
                ),
            )
            for result in results
        ),
    )


def spread(rows: list[dict[str, Any]], column: str, digits: int = 3) -> str:
    """The mean over seeds with its standard error; empty where a row lacks it."""
    values = [row.get(column) for row in rows]
    known = [value for value in values if value is not None]
    if len(known) < max(2, len(values)):
        return ""
    error = statistics.stdev(known) / len(known) ** 0.5
    return f"{statistics.mean(known):.{digits}f} ± {error:.{digits}f}"


def standing(*results: dict[str, Any]) -> str:
    lines = []
    for result in results:
        task = result["command"].split("--task ")[1].split()[0]
        found, info = shipped_comparisons()[task], task_info(task)
        titles = {name: name for name in info.default_teachers}
        for score in ("nll", "ece"):
            lines.append(f"* **{task}**: {' '.join(sentences(found, titles, score))}\n")
        if doubted := doubt(found):
            lines.append(f"* **{task}**: {doubted}\n")
    return "".join(lines)


def over_seeds(row: dict[str, Any] | None, score: str) -> str:
    """A method's mean over the seeds with its standard error, where each seed's value is there."""
    if row is None:
        return ""
    return mean_over(row["by_seed"][score]).text(score) if "by_seed" in row else f"{row[score]:.4f}"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(header), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


TABLES = {"claims": claims, "methods": methods, "paired": paired, "sets": sets, "standing": standing}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a table is out of date")
    check = parser.parse_args().check
    for path in documents():
        old = path.read_text(encoding="utf-8")
        if (new := render(old)) != old:
            if check:
                sys.exit(f"{path}: out of date, run python -m benchmarks.tables")
            path.write_text(new, encoding="utf-8")
            print(f"written: {path}")


if __name__ == "__main__":
    main()
