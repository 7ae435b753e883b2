"""The exported student beside the run: opened by onnxruntime in a fresh virtual environment that has no torch."""

from __future__ import annotations

import importlib.util
import subprocess
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.shared.record import Record, options
from mtbkd_core import Task, build_config, default_config, distill, load_task
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.evaluation.predictive import predict
from mtbkd_core.export.model import build_model
from mtbkd_core.export.package import TOLERANCE
from mtbkd_core.tasks.raw import as_inputs, raw_inputs

#: Short runs, for what is compared does not depend on how long one samples.
SHORT = {"sampler.chains": 4, "sampler.draws": 20, "sampler.thinning": 1, "sampler.burn_in": 5, "device": "cpu"}
CNN = {"student.kind": "cnn", "student.features": "none", "sampler.draws": 5, "n_unlabelled": 0}
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "synthetic": ("synthetic", {}),
    "synthetic, straight borders (linear)": ("synthetic-linear", {}),
    "digits": ("digits", {}),
    "digits, convolutional": ("digits", CNN),
    "digits, kernel features": ("digits", {"student.features": "kernel"}),
    "proteins": ("proteins", {}),
    "clothing, patch features": ("fashion", {}),
    "clothing, convolutional": ("fashion", CNN),
    "clothing, two kinds left out": ("fashion-left-out", {}),
}
#: What onnxruntime needs beside numpy.
LIBRARIES = (
    "numpy",
    "onnxruntime",
    "flatbuffers",
    "google",
    "packaging",
    "sympy",
    "mpmath",
    "coloredlogs",
    "humanfriendly",
)
NUMBERS = ("mean", "low", "high", "deviance", "epistemic")
INSIDE = """
import importlib.util, sys
import numpy, onnxruntime
assert importlib.util.find_spec("torch") is None, "torch is here"
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
x = numpy.load(sys.argv[2])
whole = dict(zip(names, session.run(None, {"x": x})))
parts = [session.run(None, {"x": x[rows]}) for rows in (slice(1), slice(1, 8), slice(8, None))]
joined = {name: numpy.concatenate([part[place] for part in parts]) for place, name in enumerate(names)}
numpy.savez(sys.argv[3], **{f"whole.{name}": whole[name] for name in names}, **joined)
"""


def fresh_environment(folder: Path) -> Path:
    """A virtual environment with numpy and onnxruntime alone; its python."""
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        places = spec.submodule_search_locations
        source = Path(next(iter(places)) if places else str(spec.origin))
        (site / source.name).symlink_to(source)
        for extra in source.parent.glob(f"{name}.libs"):
            (site / extra.name).symlink_to(extra)
    return folder / "bin" / "python"


def compare(record: Record, case: str, python: Path, folder: Path, task: Task, changes: dict[str, object]) -> None:
    """Export a short run of a task and hold its answers against the run's."""
    config = build_config((SHORT | changes).items(), base=default_config(task.name))
    result = distill(config, task=task)
    raw = raw_inputs(task)[:200]
    content = build_model(result.student, result.draws, task.standardisation, result.features)
    paths = [folder / "student.onnx", folder / "x.npy", folder / "found.npz"]
    paths[0].write_bytes(content)
    np.save(paths[1], raw.numpy())
    subprocess.run([python, "-I", "-c", INSIDE, *paths], check=True)
    own = predict(result.student, result.draws, as_inputs(task, raw), inputs=result.student_inputs)
    found = np.load(paths[2])

    def apart(before: str) -> float:
        return max(float(np.abs(found[before + name] - getattr(own, name).numpy()).max()) for name in NUMBERS)

    record.row(
        case=case,
        draws=result.draws.shape[0] * result.draws.shape[1],
        parameters=result.student.n_parameters,
        bytes=len(content),
        inputs=len(raw),
        difference=apart("whole."),
        in_parts=apart(""),
        other_sets=float((found["whole.set"] != own.prediction_set.numpy()).mean()),
    )
    largest = max(apart("whole."), apart(""))
    record.claim(f"{case}: largest difference of onnxruntime without torch from the run", largest, at_most=TOLERANCE)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--cases", nargs="+", default=list(CASES), help="those of this file")
    given = parser.parse_args()
    record = Record(write=given.write)
    with TemporaryDirectory() as folder:
        python = fresh_environment(Path(folder) / "venv")
        for case in given.cases:
            name, changes = CASES[case]
            if missing_data(name) is None:
                compare(record, case, python, Path(folder), load_task(default_config(name)), changes)
    record.close()


if __name__ == "__main__":
    main()
