"""Do the stated errors hold? Many small runs that differ by their seed alone, and labels simulated from one run.

usage: python -m benchmarks.errors [--task synthetic] [--runs 200] [--chains 8]

The sampler's: each run states an interval by Student's t from its jackknife over chains, a quarter of which is left
out at a time; it should hold the long-run value, that of all runs' draws together, in 95 % of runs. A score is not
linear in the posterior mean, so that of few chains lies beside that of many on average; this bias is in the intervals'
misses, and its size is recorded. The test set's: labels simulated from a run's own predictions are exactly calibrated,
so the p-values of their ECE are uniform.
"""

import torch
from scipy.stats import kstest

from benchmarks.shared.record import Record, options
from mtbkd_core import build_config, load_task
from mtbkd_core.evaluation.errors import exact_calibration, interval
from mtbkd_core.evaluation.scores import SCORES, scores
from mtbkd_core.studies.grid import each_result

MEASURED = ("accuracy", "nll", "brier", "ece", "smooth_ece", "epistemic", "deviance")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--task", default="synthetic")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--chains", type=int, default=8)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(write=chosen.write)
    small = {"student.kind": "linear", "sampler.chains": chosen.chains, "sampler.draws": 50, "sampler.thinning": 5}
    base = build_config([("data.task", chosen.task), *small.items()])
    configs = [build_config([("seed", 1000 + run)], base=base) for run in range(chosen.runs)]
    task = load_task(base.data)
    found = [result for _, result in each_result(configs, task=task)]
    tests = [result.predictions.test for result in found]
    whole = torch.stack([test.mean.double() for test in tests]).mean(0)
    aleatoric = float(torch.stack([test.aleatoric.double() for test in tests]).mean())
    total = float(torch.special.entr(whole).sum(-1).mean())
    long_run = scores(whole, task.y_test).row | {"epistemic": total - aleatoric, "deviance": 2 * aleatoric}
    for score in MEASURED:
        truth, held, values = long_run[score], 0, []
        errors = [result.metrics.student.errors[score].sampler for result in found]
        for result, error in zip(found, errors, strict=True):
            value = result.metrics.student[score]
            low, high = interval(value, error, chosen.chains - 1)
            held += low <= truth <= high
            values.append(value)
        spread = torch.tensor(values, dtype=torch.float64)
        record.row(
            task=chosen.task,
            score=score,
            runs=chosen.runs,
            held=held / chosen.runs,
            long_run=truth,
            mean=float(spread.mean()),
            spread=float(spread.std()),
            stated=float(torch.tensor(errors).mean()),
        )
    held = {row["score"]: row["held"] for row in record.content["rows"]}
    for score, share in held.items():
        of = SCORES[score].short if score == "nll" else SCORES[score].title
        record.claim(f"share of intervals of the {of} that hold the long-run value", share, at_least=0.93, at_most=0.97)
    record.claim("p-value of the p-values being uniform", _uniform(tests[0].mean), at_least=0.01)
    record.close()


def _uniform(mean: torch.Tensor, repeats: int = 300) -> float:
    """The p-value of a Kolmogorov-Smirnov test on p-values of the ECE of labels drawn from predictions [M, C]."""
    generator = torch.Generator().manual_seed(0)
    values = []
    for seed in range(repeats):
        labels = torch.multinomial(mean, 1, generator=generator)[:, 0]
        values.append(exact_calibration(mean, scores(mean, labels).row["ece"], seed).p_value)
    return float(kstest(values, "uniform").pvalue)


if __name__ == "__main__":
    main()
