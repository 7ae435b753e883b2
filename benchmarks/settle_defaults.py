"""How the defaults were settled: tables over validation images, which are never test images of the same split.

usage: python benchmarks/settle_defaults.py [--splits 8] [teachers|prior|rivals|dropout|plane ...]

Questions, each a table of means over splits of the digits, the last of the plane:
  teachers  how long the specialists train: their own NLL, by epochs;
  prior     concentration and weight scale of MT-BKD: NLL, ECE and R-hat of the student;
  rivals    weight and weight scale of classic distillation from the teachers' mean;
  dropout   rate of Monte Carlo dropout;
  plane     sampler, weight scale and temperature of the synthetic task.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch

from mtbkd_core import Task, build_config, default_config, distill, load_task
from mtbkd_core.evaluation.calibration import scores
from mtbkd_core.studies import dropout_distillation, mean_distillation
from mtbkd_core.tasks import digits

EPOCHS = (12, 16, 20, 25, 30, 40)
PRIORS = [(scale, concentration) for scale in (0.5, 0.6, 0.7) for concentration in (16, 18, 20)]
PLANES = [
    ("baoab", 0.8, 1),
    ("baoab", 1.2, 1),
    ("mclmc", 0.8, 1),
    ("mclmc", 1.2, 1),
    ("mclmc", 1.2, 2),
    ("mclmc", 1.6, 1),
]
RATES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
RIVALS = [(scale, weight) for scale in (None, 1.0, 1.5, 2.0) for weight in (0.25, 0.5, 1.0, 2.0, 5.0, 20.0)]


def settle_teachers(splits: int) -> None:
    print("epochs   NLL of the three default teachers, mean")
    for epochs in EPOCHS:
        offered = dict(digits._TEACHERS)
        try:
            for name, (title, line, recipe) in offered.items():
                digits._TEACHERS[name] = (title, line, replace(recipe, epochs=epochs))
            found = []
            for seed in range(splits):
                task = validation(seed)
                found += [scores(t.logits_test.softmax(-1), task.y_test)["nll"] for t in task.teachers.values()]
        finally:
            digits._TEACHERS.update(offered)
        print(f"{epochs:6} {np.mean(found):8.4f}", flush=True)


def settle_prior(splits: int) -> None:
    print("scale  concentration |    NLL    ECE  accuracy | warm start NLL | R-hat: mean, worst | restarts")
    for scale, concentration in PRIORS:
        rows = []
        for seed in range(splits):
            changed = [("student.weight_scale", scale), ("prior.concentration", concentration)]
            config = build_config([*changed, ("seed", seed), ("split_seed", seed)])
            metrics = distill(config, task=validation(seed)).metrics
            student, told = metrics["student"], metrics["diagnostics"]
            rows.append([student["nll"], student["ece"], student["accuracy"], metrics["warm_start"]["nll"]])
            rows[-1] += [told["r_hat"], told["restarts"]]
        table = np.array(rows)
        nll, ece, accuracy, warm, r_hat, _ = table.mean(0)
        print(
            f"{scale:5} {concentration:14} | {nll:.4f} {ece:.4f}  {accuracy:.4f}   | {warm:.4f}         | "
            f"{r_hat:.3f}, {table[:, 4].max():.3f}       | {table[:, 5].sum():.0f}",
            flush=True,
        )


def settle_rivals(splits: int) -> None:
    own = build_config().student.weight_scale
    print("scale  weight |    NLL    ECE  accuracy   (one classically distilled network)")
    for scale, weight in RIVALS:
        rows = []
        for seed in range(splits):
            config = build_config([("student.weight_scale", scale or own), ("seed", seed), ("split_seed", seed)])
            task = validation(seed)
            found = scores(mean_distillation(config, task, weight=weight)[0], task.y_test)
            rows.append([found["nll"], found["ece"], found["accuracy"]])
        nll, ece, accuracy = np.mean(rows, 0)
        print(f"{scale or own:5} {weight:7} | {nll:.4f} {ece:.4f}  {accuracy:.4f}", flush=True)


def settle_dropout(splits: int) -> None:
    print("rate |    NLL    ECE  accuracy   (one network) |    NLL    ECE  accuracy   (ensemble)")
    for rate in RATES:
        rows = []
        for seed in range(splits):
            task = validation(seed)
            networks = dropout_distillation(build_config([("seed", seed), ("split_seed", seed)]), task, rate=rate)
            one, many = scores(networks[0], task.y_test), scores(networks.mean(0), task.y_test)
            rows.append([found[name] for found in (one, many) for name in ("nll", "ece", "accuracy")])
        one_row, many_row = np.mean(rows, 0).reshape(2, 3)
        print(
            f"{rate:4} | " + " | ".join(f"{n:.4f} {e:.4f}  {a:.4f}" + " " * 16 for n, e, a in (one_row, many_row)),
            flush=True,
        )


def settle_plane(splits: int) -> None:
    """Of the curved task; `low`: how many median absolute deviations the lowest log joint lies under the median."""
    print("sampler  scale  temperature |    NLL    ECE  accuracy | R-hat: mean, worst | restarts  low | seconds")
    for algorithm, scale, temperature in PLANES:
        rows = []
        for seed in range(splits):
            changed = [
                ("sampler.algorithm", algorithm),
                ("student.weight_scale", scale),
                ("prior.temperature", temperature),
                ("seed", seed),
                ("split_seed", seed),
            ]
            config = build_config(changed, base=default_config("synthetic"))
            task = load_task("synthetic", teachers=config.data.teachers, split_seed=seed, split="validation")
            result = distill(config, task=task)
            student, told = result.metrics["student"], result.metrics["diagnostics"]
            trace = result.predictions["trace.log_joint"].float().numpy()
            below = np.median(trace) - trace
            low = below.max() / np.median(np.abs(below))
            rows.append([student["nll"], student["ece"], student["accuracy"], told["r_hat"], told["restarts"]])
            rows[-1] += [low, told["seconds_sampling"]]
        table = np.array(rows)
        nll, ece, accuracy, r_hat, restarts, low, seconds = table.mean(0)
        print(
            f"{algorithm:8} {scale:5} {temperature:12} | {nll:.4f} {ece:.4f}  {accuracy:.4f}   | "
            f"{r_hat:.3f}, {table[:, 3].max():.3f}       | {restarts:8.2f} {low:4.1f} | {seconds:.1f}",
            flush=True,
        )


def validation(seed: int) -> Task:
    """The digits with 200 of the teachers' images set aside in place of the test images."""
    return load_task("digits", teachers=build_config().data.teachers, split_seed=seed, split="validation")


if __name__ == "__main__":
    questions = {
        "teachers": settle_teachers,
        "prior": settle_prior,
        "rivals": settle_rivals,
        "dropout": settle_dropout,
        "plane": settle_plane,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="*", metavar="|".join(questions))
    parser.add_argument("--splits", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    unknown = set(arguments.questions) - set(questions)
    if unknown:
        parser.error(f"no such question: {', '.join(unknown)}")
    for question in arguments.questions or questions:
        questions[question](arguments.splits)
