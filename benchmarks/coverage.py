"""Do 95 % credible intervals contain a known truth: with no teacher, with experts, and with a wrong, certain teacher?

usage: python -m benchmarks.coverage [--replications 200] [--points 150] [--wrong-factor 2]

A linear student on `synthetic-linear`, so that it can represent the truth exactly. Every replication draws its labelled
points anew; coverage is over 100 test points and 3 classes, and its error is over replications. R-hat and effective
draws are of the log probability that the truth expects. The wrong teacher's logits are multiplied by --wrong-factor.
"""

import sys

import torch

from benchmarks.shared.record import Record, options
from mtbkd_core.studies.coverage import coverage_study
from mtbkd_core.studies.tables import coverage_table
from mtbkd_core.tasks.synthetic import SHAPES, WRONG


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--wrong-factor", type=float, default=SHAPES[WRONG][0])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(f"coverage-{chosen.points}", write=chosen.write)

    def watch(fraction: float, what: str) -> None:
        print(f"\r{100 * fraction:3.0f} %  {what:40}", end="", file=sys.stderr, flush=True)

    found = coverage_study(chosen.replications, chosen.points, wrong_factor=chosen.wrong_factor, watch=watch)
    for row in coverage_table(found).itertuples():
        part = {name: getattr(row, name) for name in ("coverage", "low", "high", "width", "bias", "effective", "apart")}
        record.row(setting=row.setting, **part)
        if row.setting.startswith("experts,"):
            what = f"coverage of 95 % intervals, {chosen.points} points, {row.setting}"
            record.claim(what, row.coverage, at_least=0.9)
    record.close()


if __name__ == "__main__":
    main()
