"""The playground: its chains against the core's HMC, its frames and rests in Chromium, its memory, what it fetches.

usage: python -m benchmarks.playground [--write] [--minutes 10] [--seconds 5] [--draws 600] [agreement-1 frames ...]

agreement-1 to -4: means and 95 % interval ends of predicted probabilities at four points on five of twenty settings, in
standard errors. frames: redraws a second while a slider is dragged. references: long runs of ten settings, kept in the
folder for temporary files. relaxed, relaxed-page, relaxed-all: seconds from letting go of a setting until the
predicted map stays within a total variation of 0.02 of that long run. memory: of the page. fetched: addresses.

Frames and rests are measured as the machine is, with the page's thread slowed 4x by Chromium (its worker is not;
relaxed-page), and with the whole process stopped for three quarters of the time, thread and worker alike (relaxed-all).
Each part has a file of its own in results/, so that it can be measured again by itself.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Browser, sync_playwright

from benchmarks.shared.record import Record, options
from benchmarks.shared.slow_tab import SLOWED, Tab
from mtbkd_core.browser import offline
from mtbkd_core.browser.plane import start
from mtbkd_core.tasks.synthetic import EXPERTS
from tests.browser.server import serve
from tests.browser.test_playground import FIND, settle
from tests.browser.visitor import ARGUMENTS, find_browser
from tests.playground.agreement import distances
from tests.playground.long_runs import by_browser, by_core, case
from tests.playground.reference import node

#: Parts that measure rests, and how the tab is slowed in each.
RELAXED = dict(zip(("relaxed", "relaxed-page", "relaxed-all"), SLOWED, strict=True))
#: A quarter of the settings each.
AGREEMENT = {f"agreement-{number}": number for number in (1, 2, 3, 4)}
PARTS = (*AGREEMENT, "frames", "references", *RELAXED, "memory", "fetched")
#: Options that a part looks at.
USED = {"frames": ("--seconds",), "memory": ("--minutes",), **dict.fromkeys(("references", *RELAXED), ("--draws",))}
SIDE, WITHIN, WATCHED_S = 40, 0.02, 4.0

#: What is changed for the chains to relax from the start: links of the playground.
CHANGES = {
    "no teacher": "s0",
    "teachers of 40 labels": "s40",
    "concentration 30": "c30",
    "temperature 2": "T2",
    "a liar joins": "t4*1*1*1*2",
    "one expert alone": "t1*0*1*1*210*0.3_t2*0*1*1*330*0.3",
    "40 points": "n40",
    "400 points": "n400",
    "weight scale 2.4": "w2.4",
    "a region shrinks": "t0*1*1*1*90*-0.8",
}

#: Drag a slider up and down for some seconds, and count redraws.
DRAG = """async ([label, seconds]) => {
  const view = (%s)(), root = view.board.node;
  const named = [...root.querySelectorAll('label')].find((each) => each.textContent === label);
  const slider = root.querySelector('#' + named.htmlFor);
  const begin = performance.now(), frames = view.frames;
  for (let now = begin; now < begin + 1000 * seconds; now = performance.now()) {
    slider.value = 100 + 80 * Math.sin((now - begin) / 700);
    slider.dispatchEvent(new Event('input'));
    await new Promise(requestAnimationFrame);
  }
  return (1000 * (view.frames - frames)) / (performance.now() - begin);
}"""

#: Move numbers of the state to those wanted within a second, let go, and watch how far the map is from the reference.
RELAX = """async ([wanted, reference, seconds]) => {
  const view = (%s)(), state = view.state;
  const from = JSON.parse(JSON.stringify(state)), numbers = (held) => [held, ...held.teachers];
  const begin = performance.now();
  for (let share = 0; share < 1; ) {
    share = Math.min(1, (performance.now() - begin) / 1000);
    numbers(wanted).forEach((held, at) => {
      for (const [name, value] of Object.entries(held)) {
        const before = numbers(from)[at][name];
        if (typeof value === 'object') continue;
        const whole = Number.isInteger(value) && Number.isInteger(before);
        const between = typeof value === 'number' ? before + share * (value - before) : value;
        numbers(state)[at][name] = share === 1 ? value : whole ? Math.round(between) : between;
      }
    });
    view.changed();
    await new Promise(requestAnimationFrame);
  }
  const gone = performance.now(), seen = [];
  let last;
  while (performance.now() < gone + 1000 * seconds) {
    await new Promise(requestAnimationFrame);
    if (view.found.mean === last || view.stale) continue;
    last = view.found.mean;
    let far = 0;
    for (let i = 0; i < last.length; i++) far += Math.abs(last[i] - reference[i]);
    seen.push([(performance.now() - gone) / 1000, (1.5 * far) / last.length]);
  }
  return seen;
}"""


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


def measure_agreement(record: Record, folder: Path, number: int) -> None:
    worst = []
    for name, one in list(settings().items())[number - 1 :: len(AGREEMENT)]:
        (found,) = by_browser([one], folder)
        difference, errors = distances(found, by_core(one))
        worst.append(float(np.abs(errors).max()))
        record.row(
            setting=name,
            largest_error=worst[-1],
            rms_error=float(np.sqrt((errors**2).mean())),
            largest_difference_of_means=float(np.abs(difference[0]).max()),
        )
    speed = node("speed.mjs", {"seconds": 3}, folder)
    record.row(gradients_a_second=speed["gradients"]["wall"], ticks_a_second=speed["ticks_of_4_gradients"]["wall"])
    record.claim(
        f"largest difference from the core's HMC, standard errors, {len(worst)} settings", max(worst), at_most=4.5
    )


def measure_frames(record: Record, tab: Tab, seconds: float) -> None:
    for slowed, least in zip(SLOWED, (20, 8, 8), strict=True):
        found = []
        for label in ("Concentration λ", "Teachers' strength", "Labels"):
            settle(tab.page)
            with tab.slowed(slowed):
                found.append(tab.page.evaluate(DRAG % FIND, [label, seconds]))
            record.row(processor=slowed, slider=label, frames_a_second=found[-1])
        record.claim(f"frames a second while a slider is dragged, {slowed}", min(found), at_least=least)


def references(draws: int, folder: Path) -> list[dict[str, Any]]:
    """The long run of each change: {state, map, halves}; kept until the sampler's modules or the start change."""
    modules = offline.joined(["session.js", "state.js"]).encode()

    def reference(play: str) -> dict[str, Any]:
        given = {"start": start(), "plays": [play], "side": SIDE, "burnIn": draws // 3, "draws": draws}
        named = hashlib.sha256(json.dumps(given).encode() + modules).hexdigest()[:16]
        kept = Path(tempfile.gettempdir()) / f"mtbkd-playground-{named}.json"
        if not kept.exists():
            own = Path(tempfile.mkdtemp(dir=folder))
            kept.write_text(json.dumps(node("long_maps.mjs", given, own)[0]), encoding="utf-8")
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return found

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(reference, CHANGES.values()))


def measure_relaxed(record: Record, tab: Tab, slowed: str, long_runs: list[dict[str, Any]]) -> None:
    times, ends = [], []
    for name, reference in zip(CHANGES, long_runs, strict=True):
        tab.page.evaluate(f"() => ({FIND})().actions().reset()")
        tab.page.wait_for_function(f"() => !({FIND})().stale")
        settle(tab.page)
        with tab.slowed(slowed):
            seen = tab.page.evaluate(RELAX % FIND, [reference["state"], reference["map"], WATCHED_S])
        after = [moment for moment, far in seen if far > WITHIN]
        times.append(after[-1] if after else 0.0)
        ends.append(seen[-1][1])
        record.row(
            processor=slowed,
            change=name,
            seconds_until_within=times[-1] if ends[-1] <= WITHIN else None,
            far_after_1_s=next((far for moment, far in seen if moment >= 1), None),
            far_at_the_end=ends[-1],
            reference_halves=reference["halves"],
        )
    within = sum(moment <= 1 and end <= WITHIN for moment, end in zip(times, ends, strict=True))
    record.claim(f"settings of {len(times)} relaxed within 1 s of letting go, {slowed}", within, at_least=len(times))


def measure_memory(record: Record, tab: Tab, minutes: float) -> None:
    """The resident memory of the page's process, sampled after collecting garbage, while a slider moves."""
    settle(tab.page)
    session = tab.page.context.new_cdp_session(tab.page)
    begin, rows = time.monotonic(), []
    while time.monotonic() < begin + 60 * minutes:
        tab.page.evaluate(DRAG % FIND, ["Concentration λ", min(5.0, 6 * minutes)])
        session.send("HeapProfiler.collectGarbage")
        rows.append(((time.monotonic() - begin) / 60, tab.process.memory_info().rss / 2**20))
    moments, sizes = np.array(rows)[len(rows) // 4 :].T
    for place in np.linspace(0, len(rows) - 1, min(10, len(rows))).round().astype(int):
        record.row(minutes=rows[place][0], resident_mib=rows[place][1])
    slope = float(np.polyfit(moments, sizes, 1)[0]) if len(moments) > 1 else 0.0
    record.claim(f"growth of memory over {minutes:g} minutes after the first quarter, MiB a minute", slope, at_most=1.0)


def measure_fetched(record: Record, browser: Browser, alone: Tab, folder: Path) -> None:
    with serve(folder / "home", folder / "app.txt") as server:
        tab = Tab.open(browser, f"{server.url}/playground")
        settle(tab.page)
        tab.page.close()
    own = (server.url, server.url.replace("http", "ws", 1), "blob:", "data:")
    foreign = sum(not url.startswith(own) for url in tab.asked)
    record.claim(f"foreign addresses among {len(tab.asked)} that the page asks for", foreign, at_most=0)
    foreign = sum(not url.startswith(("file:", "blob:", "data:")) for url in alone.asked)
    record.claim("addresses that the offline file asks for, opened from file://", foreign, at_most=0)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("parts", nargs="*", help=f"what to measure: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the memory's measurement")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each slider's drag")
    parser.add_argument("--draws", type=int, default=600, help="of the long references, for each of 16 chains")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    parts = chosen.parts or PARTS
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(ARGUMENTS))
        (folder / "playground.html").write_text(offline.document(), encoding="utf-8")
        tab = Tab.open(browser, (folder / "playground.html").as_uri())
        steps: dict[str, Callable[[Record], Any]] = {
            "frames": lambda record: measure_frames(record, tab, chosen.seconds),
            "references": lambda _: references(chosen.draws, folder),
            "memory": lambda record: measure_memory(record, tab, chosen.minutes),
            "fetched": lambda record: measure_fetched(record, browser, tab, folder),
        }
        for part, number in AGREEMENT.items():
            steps[part] = lambda record, number=number: measure_agreement(record, folder, number)
        for part, slowed in RELAXED.items():
            steps[part] = lambda record, slowed=slowed: measure_relaxed(
                record, tab, slowed, references(chosen.draws, folder)
            )
        for part in PARTS:
            if part in parts:
                measured = chosen.write and part != "references"
                words = [f"{option} {getattr(chosen, option[2:])}" for option in USED.get(part, ())]
                command = " ".join(["python -m benchmarks.playground", part, *words])
                record = Record(f"playground-{part}", write=measured, command=command)
                steps[part](record)
                record.close()
        browser.close()


if __name__ == "__main__":
    main()
