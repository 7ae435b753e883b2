"""The playground's chains against the core's HMC on twenty settings, and how fast they are.

    python -m benchmarks.playground --out FILE.json

Differences of means and 95 % interval ends of predicted probabilities at four points, in standard errors; steps a
second in node with 16 chains, 195 parameters and 150 points.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtbkd_core.tasks.synthetic import EXPERTS
from tests.playground.agreement import distances
from tests.playground.long_runs import by_browser, by_core, case
from tests.playground.reference import node


def settings() -> dict[str, dict[str, Any]]:
    """Twenty settings: teachers by labels, strengths and concentrations."""
    liar = (*EXPERTS, "confidently-wrong")
    found = {}
    for (title, teachers), labels in itertools.product({"experts": EXPERTS, "liar": liar}.items(), (5, 30)):
        for strength, concentration in ((0.0, 6.0), (1.0, 6.0), (1.0, 30.0), (3.0, 6.0)):
            name = f"{title}, {labels} labels, strength {strength:g}, concentration {concentration:g}"
            prior = {"strength": strength, "concentration": concentration}
            # sharp priors give narrow students isolated modes, between which neither sampler moves
            hidden = 16 if concentration > 6 else 4
            found[name] = case(
                *teachers, labels=labels, hidden=hidden, seed=len(found), draws=800, burn_in=400, **prior
            )
    for rule in ("softmin", "fixed"):
        found[f"liar, {rule}"] = case(*liar, labels=30, hidden=4, draws=800, burn_in=400, rule=rule)
    found["noisy, temperature 2"] = case("noisy", labels=30, hidden=4, draws=800, burn_in=400, temperature=2.0)
    found["wide student"] = case(*EXPERTS, labels=30, hidden=16, draws=800, burn_in=400)
    return found


def measure() -> dict[str, Any]:
    """Agreement on each setting and the speed."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, one in settings().items():
            (found,) = by_browser([one], Path(folder))
            difference, errors = distances(found, by_core(one))
            rows[name] = {
                "largest error": round(float(np.abs(errors).max()), 2),
                "root mean square error": round(float(np.sqrt((errors**2).mean())), 2),
                "largest difference of means": round(float(np.abs(difference[0]).max()), 4),
            }
            print(name, rows[name], flush=True)
        speed = node("speed.mjs", {"seconds": 3}, Path(folder))
    return {"machine": platform.processor() or platform.machine(), "settings": rows, "speed": speed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    torch.set_num_threads(1)
    started = time.perf_counter()
    found = measure() | {"seconds": round(time.perf_counter() - started)}
    out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
