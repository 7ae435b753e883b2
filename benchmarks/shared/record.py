"""Options, screen output and JSON file of a benchmark; `benchmarks.tables` makes README's tables from these files.

results/<name>.json: {"command", "date", "machine": {"processor", "cores", "threads"}, "load", "claims", "rows"}.
A row is one measurement; a claim is {"claim", "target", "found", "verdict"}, the verdict "holds", "missed" or "".
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from datetime import date
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).resolve().parents[1] / "results"


def options(doc: str | None) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring and knows --write."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace this script's file in benchmarks/results")
    return parser


class Record:
    """Prints rows and claims as they come; `close` writes them when asked to.

    Args:
        name: of the file in results/; empty: the script's name.
        write: whether to replace that file.
        command: that gives these figures; empty: the script's own.
        keeping: whether the file's rows and claims stay, but for those of the same `what` or words.
    """

    def __init__(self, name: str = "", *, write: bool, command: str = "", keeping: bool = False) -> None:
        script = Path(sys.argv[0]).stem
        words = ["python", "-m", f"benchmarks.{script}", *(word for word in sys.argv[1:] if word != "--write")]
        self._path = RESULTS / f"{name or script}.json" if write else None
        self.content: dict[str, Any] = {
            "command": command or shlex.join(words),
            "date": date.today().isoformat(),
            "machine": {"processor": processor(), "cores": os.cpu_count(), "threads": torch.get_num_threads()},
            "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
            "claims": [],
            "rows": [],
        }
        kept = RESULTS / f"{name or script}.json"
        self._kept = json.loads(kept.read_text(encoding="utf-8")) if keeping and kept.exists() else {}
        self._columns: list[str] = []
        print(*(self.content[part] for part in ("command", "date", "machine", "load")), sep="  ", flush=True)

    def row(self, **columns: Any) -> None:
        """Add one measurement and print it, below a header where its columns are new."""
        self.content["rows"].append(columns)
        if list(columns) != self._columns:
            self._columns = list(columns)
            print("\n" + "".join(f"{name:>{_width(name, columns[name])}}" for name in columns))
        print("".join(f"{text(value):>{_width(name, value)}}" for name, value in columns.items()), flush=True)

    def claim(
        self, claim: str, found: float, *, at_most: float | None = None, at_least: float | None = None, of: str = ""
    ) -> None:
        """Add what was found beside its target.

        Args:
            of: what the target is, where it is another measurement.
        """
        holds = (at_most is None or found <= at_most) and (at_least is None or found >= at_least)
        bounds = [f"at most {text(at_most)}"] * (at_most is not None) + [f"at least {text(at_least)}"] * (
            at_least is not None
        )
        target = ", ".join(bounds) + (f" ({of})" if of else "")
        verdict = ("holds" if holds else "missed") if bounds else ""
        self.content["claims"].append({"claim": claim, "target": target, "found": text(found), "verdict": verdict})
        print(f"{claim}: {text(found)}; {target}: {verdict}", flush=True)

    def close(self) -> None:
        """Write the file, if --write was given."""
        for part, name in (("rows", "what"), ("claims", "claim")):
            new = {each.get(name) for each in self.content[part]}
            old = [each for each in self._kept.get(part, []) if each.get(name) not in new]
            self.content[part] = old + self.content[part]
        if self._path is not None:
            self._path.write_text(dumps(self.content), encoding="utf-8")
            print(f"written: {self._path}; now run python -m benchmarks.tables")


def dumps(content: dict[str, Any]) -> str:
    """A record as JSON, each claim and each row on a line."""

    def part(value: Any) -> str:
        if not isinstance(value, list):
            return json.dumps(value, ensure_ascii=False)
        return "[" + ",".join(f"\n  {json.dumps(each, ensure_ascii=False)}" for each in value) + "\n ]"

    return "{\n" + ",\n".join(f' "{name}": {part(value)}' for name, value in content.items()) + "\n}\n"


def text(value: Any) -> str:
    """A number with four digits, or whole where it is large; anything else as it is."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def processor() -> str:
    """The processor's model."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _width(name: str, value: Any) -> int:
    return max(len(name) + 2, 34 if isinstance(value, str) else 10)
