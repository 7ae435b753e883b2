"""Do 95 % credible intervals hold a known truth: with no teacher, with experts, and with one that is sure and wrong.

usage: python benchmarks/coverage.py [--replications 200] [--points 150] [--sharpness 2]

A linear student on `synthetic-linear`, whose truth it can be exactly. Every replication draws its labelled points anew;
coverage is over 100 test points and 3 classes, and its error is over replications. R-hat and effective draws are of the
log probability that the truth expects.
"""

import argparse
import sys
import time

import torch

from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT
from mtbkd_core.figures.coverage import coverage_table
from mtbkd_core.studies.coverage import SAMPLER, coverage_study
from mtbkd_core.tasks.synthetic import WRONG_SHARPNESS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--sharpness", type=float, default=WRONG_SHARPNESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started, said = time.perf_counter(), ""

    def watch(fraction: float, what: str) -> None:
        nonlocal said
        if what != said:
            said = what
            print(f"{100 * fraction:3.0f} %  {what}", file=sys.stderr, flush=True)

    found = coverage_study(arguments.replications, arguments.points, wrong_sharpness=arguments.sharpness, watch=watch)
    table = coverage_table(found)
    plain = table["width"].iloc[0]
    print(
        f"{arguments.replications} replications of {arguments.points} points, {SAMPLER.chains} chains of "
        f"{SAMPLER.draws} draws; the wrong teacher's logits times {arguments.sharpness:g}\n"
    )
    print("| setting | coverage | 95 % interval | mean width | narrower | distance of the mean from the truth |")
    print("|---|---|---|---|---|---|")
    for row in table.itertuples():
        print(
            f"| {row.setting} | {row.coverage:.3f} | {row.low:.3f} to {row.high:.3f} | {row.width:.4f} | "
            f"{1 - row.width / plain:.0%} | {row.bias:.4f} |"
        )
    print(
        f"\nR-hat {max(float(each.r_hat.max()) for each in found):.3f} at most, above {R_HAT_LIMIT} in "
        f"{table['apart'].sum()} of {len(table) * arguments.replications} posteriors; effective draws at the "
        f"intervals' ends {table['effective'].median():.0f} (median)"
    )
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
