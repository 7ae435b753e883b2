"""Multi-Teacher Bayesian Knowledge Distillation: a posterior over small students that learn from several teachers.

Source of the method: Fang, Chen, Cai, Ma and Zhong, "Multi-Teacher Knowledge Distillation via Teacher-Informed Mixture
Priors", arXiv 2605.27967.

A name is read from its module when it is first asked for: torch takes seconds to read, and not every user needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtbkd_core.catalog.registry import fingerprint, load_task, task_info, task_infos
    from mtbkd_core.catalog.settings import build_config, default_config
    from mtbkd_core.common.progress import Cancelled, Progress, UserError
    from mtbkd_core.config.models import RunConfig
    from mtbkd_core.config.parse import PRESETS, ConfigError
    from mtbkd_core.distillation import distill
    from mtbkd_core.extension import extend
    from mtbkd_core.result import Result
    from mtbkd_core.studies.grid import distill_grid
    from mtbkd_core.tasks.base import Task, Teacher

__all__ = [
    "PRESETS",
    "Cancelled",
    "ConfigError",
    "Progress",
    "Result",
    "RunConfig",
    "Task",
    "Teacher",
    "UserError",
    "build_config",
    "default_config",
    "distill",
    "distill_grid",
    "extend",
    "fingerprint",
    "load_task",
    "task_info",
    "task_infos",
]

#: module -> the public names that it holds
_NAMES = {
    "config.models": ("RunConfig",),
    "config.parse": ("PRESETS", "ConfigError"),
    "distillation": ("distill",),
    "extension": ("extend",),
    "studies.grid": ("distill_grid",),
    "common.progress": ("Cancelled", "Progress", "UserError"),
    "result": ("Result",),
    "catalog.registry": ("fingerprint", "load_task", "task_info", "task_infos"),
    "catalog.settings": ("build_config", "default_config"),
    "tasks.base": ("Task", "Teacher"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return __all__
