"""Steps of SGLD a second: ours with many chains against posteriors' SGLD and against a plain loop.

usage: python -m benchmarks.throughput [--seconds 1] [--threads 2]     (needs requirements-bench.txt)

A chain-step is one step of one chain. All sides have the same student, data, minibatches, log joint and number of
threads, and take turns in one process. The other loops, with the constants of the mixture prior given as ours:
  posteriors  posteriors.sgmcmc.sgld on a torch module, one chain, as its documentation shows;
  vmapped     the same over 16 chains by torch.func.vmap, which its documentation does not show;
  plain       one chain, gradients by autograd, and a copy of the state dict at every step, as the paper's code does.
"""

from __future__ import annotations

import copy
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn.functional import cross_entropy

from benchmarks.shared.record import Record, options
from benchmarks.shared.scene import STUDENTS, random_target, seconds_per_call
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers import sgld
from mtbkd_core.samplers.randomness import Randomness

#: In whitened coordinates squared; so short that no chain leaves, however long the benchmark runs.
STEP_SIZE = 1e-7
CHAINS = (1, 4, 16, 64)
#: (student, chains) -> target for our speed over that of each one-chain loop.
TARGETS = {("64-32-10", 64): 40.0, ("320-128-10", 16): 8.0}


def module_of(target: LogPosterior, position: Tensor) -> nn.Sequential:
    """One chain's network as a torch module; position [1, P], whitened."""
    layers: list[nn.Module] = []
    for weight, bias in target.student.layers(target.student.weight_scale * position):
        linear = nn.Linear(weight.shape[2], weight.shape[1])
        linear.load_state_dict({"weight": weight[0], "bias": bias[0, :, 0]})
        layers += [linear, nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def log_joint(target: LogPosterior, logits: Tensor, parameters: list[Tensor], batch: Tensor) -> Tensor:
    """The log joint of one network, for autograd."""
    assert target.mixture is not None
    prior = target.mixture.select(batch)
    log_m = prior.terms(logits)[0].logsumexp(-2)
    log_likelihood = -cross_entropy(logits, target.labels[batch], reduction="sum")
    norm = sum((p.square().sum() for p in parameters), torch.zeros(()))
    scale = len(target.labels) / len(batch)
    return scale * (log_likelihood + prior.strength * log_m.sum()) - norm / (2 * target.student.weight_scale**2)


def ours(target: LogPosterior, start: Tensor, batches: Iterator[Tensor]) -> Callable[[], object]:
    sampler = sgld.build(target, SamplerConfig(), torch.tensor([[STEP_SIZE]]))
    random = Randomness.seeded(1)
    state = sampler.init(start, random)

    def step() -> None:
        nonlocal state
        with torch.no_grad():
            state, _ = sampler.update(state, next(batches), random)

    return step


def of_posteriors(target: LogPosterior, module: nn.Module, batches: Iterator[Tensor]) -> Callable[[], object]:
    transform = posteriors_sgld(target, module)
    state = transform.init({name: p.detach().clone() for name, p in module.named_parameters()})

    def step() -> None:
        nonlocal state
        state, _ = transform.update(state, next(batches))

    return step


def of_posteriors_vmapped(
    target: LogPosterior, modules: list[nn.Module], batches: Iterator[Tensor]
) -> Callable[[], object]:
    transform = posteriors_sgld(target, modules[0])
    state = torch.vmap(transform.init)({n: p.detach() for n, p in stack_module_state(modules)[0].items()})
    update = torch.vmap(transform.update, in_dims=(0, None), randomness="different")

    def step() -> None:
        nonlocal state
        state, _ = update(state, next(batches))

    return step


def posteriors_sgld(target: LogPosterior, module: nn.Module) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # posteriors' own: of tensordict's next version
        import posteriors

    def log_posterior(parameters: dict[str, Tensor], batch: Tensor) -> tuple[Tensor, Tensor]:
        logits = functional_call(module, parameters, target.x[batch])
        return log_joint(target, logits, list(parameters.values()), batch), logits

    return posteriors.sgmcmc.sgld.build(log_posterior, lr=STEP_SIZE * target.student.weight_scale**2)


def plain(target: LogPosterior, module: nn.Module, batches: Iterator[Tensor]) -> Callable[[], object]:
    step_size = STEP_SIZE * target.student.weight_scale**2
    parameters = list(module.parameters())
    latest: dict[str, Any] = {}

    def step() -> None:
        batch = next(batches)
        module.zero_grad()
        log_joint(target, module(target.x[batch]), parameters, batch).backward()
        with torch.no_grad():
            for p in parameters:
                assert p.grad is not None
                p.add_(step_size * p.grad + math.sqrt(2 * step_size) * torch.randn_like(p))
        latest.update(copy.deepcopy(module.state_dict()))

    return step


def measure(name: str, seconds: float) -> dict[str, float]:
    """Chain-steps a second of every side."""
    sizes, batch_size = STUDENTS[name]
    target = random_target(sizes)
    generator = torch.Generator().manual_seed(2)
    drawn = [torch.randint(len(target.labels), (batch_size,), generator=generator) for _ in range(100)]
    start = torch.randn(max(CHAINS), target.student.n_parameters, generator=generator)
    modules: list[nn.Module] = [module_of(target, start[chain : chain + 1]) for chain in range(16)]
    mine = target(start[:1], drawn[0]).log_joint[0]
    theirs = log_joint(target, modules[0](target.x[drawn[0]]), list(modules[0].parameters()), drawn[0])
    torch.testing.assert_close(mine, theirs.detach(), rtol=1e-5, atol=0)

    sides = {str(chains): ours(target, start[:chains], itertools.cycle(drawn)) for chains in CHAINS}
    sides |= {
        "posteriors": of_posteriors(target, modules[0], itertools.cycle(drawn)),
        "vmapped": of_posteriors_vmapped(target, modules, itertools.cycle(drawn)),
        "plain": plain(target, copy.deepcopy(modules[0]), itertools.cycle(drawn)),
    }
    chains_of = {str(chains): chains for chains in CHAINS} | {"posteriors": 1, "vmapped": 16, "plain": 1}
    return {side: chains_of[side] / time for side, time in seconds_per_call(sides, budget=seconds).items()}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each side and student")
    parser.add_argument("--students", nargs="*", choices=STUDENTS, default=list(STUDENTS))
    parser.add_argument("--threads", type=int, default=1, help="that torch may use, on every side")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    record = Record("throughput" if chosen.threads == 1 else f"throughput-{chosen.threads}-threads", write=chosen.write)
    for name in chosen.students:
        rate = measure(name, chosen.seconds)
        for chains in CHAINS:
            others = {side: rate[side] for side in ("posteriors", "vmapped", "plain")}
            record.row(student=name, chains=chains, steps_per_second=rate[str(chains)], **others)
            if (name, chains) in TARGETS:
                for side in ("posteriors", "plain"):
                    what = f"SGLD steps a second, {name}, {chains} chains, over `{side}`"
                    record.claim(what, rate[str(chains)] / rate[side], at_least=TARGETS[name, chains])
    record.close()


if __name__ == "__main__":
    main()
