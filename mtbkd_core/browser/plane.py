"""What the modules in the browser are given: the plane's numbers as the task has them, the start, and colours."""

from __future__ import annotations

from typing import Any

from mtbkd_core.catalog.settings import default_config
from mtbkd_core.config import glossary
from mtbkd_core.figures import theme
from mtbkd_core.tasks import synthetic

#: Of the palette's colours, those that no teacher of the plane has.
_CLASS_COLOURS = slice(5, 8)
#: Ends of the scale of differences, for more and less; apart for colour-blind readers, too.
_MORE, _LESS = theme.PALETTE[1], theme.PALETTE[0]


def constants() -> dict[str, Any]:
    """The numbers of the truth, the points and the teachers' formulas; `teachers.js` says which is which."""
    return {
        "swirl": synthetic.CURVED.swirl,
        "steepness": synthetic._STEEPNESS,
        "radius": synthetic.RADIUS,
        "bound": synthetic.BOUND,
        "classAngles": list(synthetic._CLASS_ANGLES),
        "fade": synthetic._FADE,
        "lean": synthetic._LEAN,
        "noise": synthetic._NOISE,
        "noiseScale": synthetic._NOISE_SCALE,
        "noiseFeatures": synthetic._NOISE_FEATURES,
        "testStream": synthetic._STREAMS["test"],
        "classes": list(synthetic.CLASSES),
    }


def start() -> dict[str, Any]:
    """The state that the playground begins with: the plane task's own defaults; `state.js` describes it."""
    config = default_config(synthetic.CURVED.INFO.name)
    prior, student = config.prior, config.student
    return {
        "labels": prior.labels,
        "concentration": prior.concentration,
        "temperature": prior.temperature,
        "rule": prior.rule.value,
        "softmin": prior.softmin_temperature,
        "calibrated": prior.calibrated_teachers,
        "count": config.data.n_labelled or synthetic.N_TRAIN,
        "seed": config.data.split_seed,
        "hidden": student.hidden[0],
        "scale": student.weight_scale,
        "edits": {},
        "added": [],
        "teachers": [_teacher(info.name, info.name in config.data.teachers) for info in synthetic.TEACHERS],
    }


def _teacher(name: str, on: bool) -> dict[str, Any]:
    info = next(info for info in synthetic.TEACHERS if info.name == name)
    colours = theme.teacher_colours([info.name for info in synthetic.TEACHERS])
    common: dict[str, Any] = {"name": name, "title": info.title, "help": info.description, "colour": colours[name]}
    common |= {"on": on, "base": 1, "tau": 1}
    shape = synthetic.SHAPES[name]
    if name in synthetic.EXPERTS:
        lean = synthetic.EXPERTS.index(name)
        return common | {"kind": "expert", "angle": round(shape[0]), "reach": shape[1], "lean": lean}
    if name == synthetic.WRONG:
        return common | {"kind": "wrong", "sharpness": shape[0]}
    return common | {"kind": "noisy", "amount": shape[0]}


def palette() -> dict[str, Any]:
    """Hues of the classes, and what else the maps need on a light and on a dark ground."""

    def tone(colours: Any) -> dict[str, Any]:
        return {
            "scale": [colours[name] for name in theme.SEQUENTIAL],
            "muted": colours[theme.MUTED],
            "more": _MORE,
            "less": _LESS,
        }

    return {"hues": list(theme.PALETTE[_CLASS_COLOURS]), "light": tone(theme.LIGHT), "dark": tone(theme.DARK)}


def glossary_entries() -> list[tuple[str, str]]:
    """Pairs of a form under which a term is found, the longest first, and what the term means."""
    return [(form, glossary.GLOSSARY[term]) for form, term in glossary.forms()]


def given() -> dict[str, Any]:
    """All that the page hands to the modules, ready for JSON."""
    return {"plane": constants(), "start": start(), "palette": palette(), "glossary": glossary_entries()}
