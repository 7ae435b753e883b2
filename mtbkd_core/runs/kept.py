"""What a run under way leaves in its folder: its posterior so far, and what it needs to go on after an early end.

The draws are added to one file as they come; another, replaced as a whole, says how many of them count and where the
chains stand. What is torn or does not fit counts as not there: the run then begins anew.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.course import Going
from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.samplers.chains import Standing
from mtbkd_core.snapshot import Snapshot

SNAPSHOT, CHAINS, DRAWS = "snapshot.safetensors", "chains.safetensors", "draws.part"
_log = logging.getLogger(__name__)


class Kept:
    """The files of one run under way."""

    def __init__(self, folder: Path, first: int = 0) -> None:
        """Look at what is there.

        Args:
            folder: the run's.
            first: draws of a chain that its result has already; those are not kept here.
        """
        self._folder, self._first, self._count = folder, first, first

    def show(self, snapshot: Snapshot) -> None:
        """Put the snapshot in the place of the one before; errors as `write_atomically`."""
        snapshot.save(self._folder / SNAPSHOT)

    def keep(self, going: Going) -> None:
        """Add the draws that are new, and say where the chains stand.

        Raises:
            UserError: the disk is full or the folder is gone.
        """
        draws = going.positions.shape[1]
        new = slice(self._count, draws)
        record = torch.cat([going.positions[:, new].flatten(2), going.log_joint[:, new, None]], 2).movedim(1, 0)
        path = self._folder / DRAWS
        try:
            with path.open("ab" if self._count > self._first else "wb") as file:
                file.write(record.float().cpu().contiguous().numpy().tobytes())
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
        self._count = draws
        counts = {"first": torch.tensor(self._first), "draws": torch.tensor(draws)}
        about = {} if going.config is None else {"config": going.config.model_dump_json()}
        if going.strength is not None:
            about["strength"] = going.strength.model_dump_json()
        tensors = {name: value.cpu().contiguous() for name, value in (going.standing.tensors() | counts).items()}
        write_atomically(self._folder / CHAINS, save(tensors, about), sync=False)

    def read(self) -> Going | None:
        """The draws that are kept here and where their chains stand; what is added goes behind them."""
        try:
            with safe_open(self._folder / CHAINS, "pt") as file:
                about = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
            standing, first, draws = Standing.from_tensors(tensors), int(tensors["first"]), int(tensors["draws"])
            if first != self._first or draws <= first:
                return None
            kept = self._draws(standing.warm_start, draws - first)
            config = RunConfig.model_validate_json(about["config"]) if "config" in about else None
            strength = StrengthChoice.model_validate_json(about["strength"]) if "strength" in about else None
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValidationError, ValueError, KeyError, json.JSONDecodeError) as error:
            _log.warning("%s: what an earlier attempt left cannot be read (%s); beginning anew", self._folder, error)
            return None
        self._count = draws
        return Going(kept[..., :-1], kept[..., -1], standing, config, strength)

    def _draws(self, like: Tensor, count: int) -> Tensor:
        """[S, D, P + 1], positions and log joints; what lies behind them in the file is cut off.

        Raises:
            ValueError: there are fewer.
        """
        chains, parameters = like.shape
        size = count * chains * (parameters + 1)
        path = self._folder / DRAWS
        numbers = np.fromfile(path, np.float32, size)
        if len(numbers) < size:
            raise ValueError(f"{path.name} is too short")
        with path.open("rb+") as file:
            file.truncate(4 * size)
        return torch.from_numpy(numbers).view(count, chains, parameters + 1).movedim(0, 1).contiguous()

    def forget(self) -> None:
        """Remove all of it: the result holds more."""
        for name in (SNAPSHOT, CHAINS, DRAWS):
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)
