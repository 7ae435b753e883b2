"""Features that are computed once: kept under the home folder by a digest of what they are made of."""

from __future__ import annotations

import logging
from collections.abc import Callable

from torch import Tensor

from mtbkd_core.common.files import home, make_folder, read_tensors, write_tensors
from mtbkd_core.common.progress import UserError

_log = logging.getLogger(__name__)


def cached_features(digest: str, shape: tuple[int, int | None], compute: Callable[[], Tensor]) -> Tensor:
    """Features [M, F] of that shape (None: of any F) from the cache, or computed now and cached.

    A cached file that cannot be used is logged and replaced.

    Raises:
        UserError: the home folder cannot be written. What `compute` raises is raised.
    """
    path = home() / "features" / f"{digest}.safetensors"
    if path.exists():
        try:
            found = read_tensors(path).get("features")
            if found is not None and found.ndim == 2 and found.shape == (shape[0], shape[1] or found.shape[1]):
                return found
            problem = "it holds something else"
        except UserError as error:
            problem = str(error)
        _log.warning("kept features %s cannot be used and are worked out anew: %s", path.name, problem)
    features = compute()
    make_folder(path.parent)
    write_tensors(path, {"features": features})
    return features
