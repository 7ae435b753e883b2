"""Multi-Teacher Bayesian Knowledge Distillation: a posterior over small students that learn from several teachers.

Source of the method: Fang, Chen, Cai, Ma and Zhong, "Multi-Teacher Knowledge Distillation via Teacher-Informed Mixture
Priors", arXiv 2605.27967.
"""

from mtbkd_core.config import PRESETS, ConfigError, RunConfig, build_config
from mtbkd_core.distillation import distill
from mtbkd_core.grid import distill_grid
from mtbkd_core.progress import Cancelled, Progress, UserError
from mtbkd_core.result import Result
from mtbkd_core.tasks import default_config, fingerprint, load_task, task_info, task_infos
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
    "fingerprint",
    "load_task",
    "task_info",
    "task_infos",
]
