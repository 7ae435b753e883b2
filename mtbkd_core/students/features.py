"""Fixed features that a student learns from: patches of pictures, or a kernel's, in place of the inputs themselves.

They are fitted once for a data split, on training inputs with and without labels, and saved with the result. Sources:
Coates, Ng and Lee, AISTATS 2011 (patches); Williams and Seeger, NeurIPS 2001 (Nystroem).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, unfold

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import PATCH, FeatureKind
from mtbkd_core.config.models import StudentConfig

#: k-means centres of patches, zones of a picture on a side, and patches that are clustered.
CENTRES, ZONES, CLUSTERED = 256, 3, 40_000
#: Pixels between two patches: so many times as many as in a picture of 28 x 28, but no fewer than there.
_STRIDE, _PIXELS = 2, 14
#: Added to a patch's variance and to the whitening's eigenvalues, for pixels from 0 to 1.
CONTRAST, _WHITENING = 10 / 255**2, 0.1
#: The standard deviation of the largest kernel feature; a larger one overfits.
KERNEL_DEVIATION = 0.3
_ROWS = 512
#: Of a deviation that features are divided by: inputs that are all the same have none.
_LEAST = 1e-12


class _Saved:
    """Tensors by name, which is what is saved of features."""

    def tensors(self) -> dict[str, Tensor]:
        """Every field."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class PatchFeatures(_Saved):
    """Similarities of a picture's patches to typical ones, averaged over zones, in principal components.

    Attributes:
        shape: [2], height and width.
        mean, whitening: [36] and [36, 36] of contrast-normalised patches.
        centres: [256, 36], whitened; fewer where there are fewer patches.
        offset, components: [Z] and [Z, F] of the zones' means.
        scale: [], one overall standard deviation.
    """

    shape: Tensor
    mean: Tensor
    whitening: Tensor
    centres: Tensor
    offset: Tensor
    components: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, x: Tensor, image_shape: tuple[int, int], count: int, seed: int) -> PatchFeatures:
        """Fit to pictures.

        Args:
            x: [N, height * width], from 0 to 1.
            image_shape: height and width, at least `PATCH` each.
            count: F, principal components; fewer where there are fewer.
            seed: of the patches that are clustered, and of the clustering.
        """
        from sklearn.cluster import MiniBatchKMeans
        from sklearn.decomposition import PCA

        generator = torch.Generator().manual_seed(seed)
        few = x[torch.randperm(len(x), generator=generator)[:4000]]
        patches = _patches(few, image_shape).flatten(0, 1)
        patches = patches[torch.randperm(len(patches), generator=generator)[:CLUSTERED]]
        mean = patches.mean(0)
        values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
        whitening = (vectors * (values.clamp_min(0) + _WHITENING).rsqrt()) @ vectors.T
        k = min(CENTRES, len(patches))
        clusters = MiniBatchKMeans(k, random_state=seed, n_init=1, batch_size=4096, max_iter=30)
        clusters.fit(((patches - mean) @ whitening).numpy())
        centres = torch.from_numpy(clusters.cluster_centers_).float()
        shape = torch.tensor(image_shape)
        blank = torch.zeros(())
        zones = cls(shape, mean, whitening, centres, blank, blank, blank)._zones(x)
        reduced = PCA(min(count, *zones.shape), random_state=seed, svd_solver="randomized").fit(zones.numpy())
        offset, components = torch.from_numpy(reduced.mean_).float(), torch.from_numpy(reduced.components_.T).float()
        scale = ((zones - offset) @ components).std().clamp_min(_LEAST)
        return cls(shape, mean, whitening, centres, offset, components.contiguous(), scale)

    @property
    def count(self) -> int:
        """F."""
        return self.components.shape[1]

    @property
    def n_inputs(self) -> int:
        """Number of pixels."""
        return int(self.shape.prod())

    @property
    def stride(self) -> int:
        """Pixels between two patches."""
        height, width = self.shape.tolist()
        return _stride((height, width))

    @property
    def places(self) -> tuple[int, int]:
        """Patches in a column and in a row."""
        height, width = self.shape.tolist()
        return (height - PATCH) // self.stride + 1, (width - PATCH) // self.stride + 1

    def transform(self, x: Tensor) -> Tensor:
        """Features [N, F] of pictures [N, height * width]."""
        return (self._zones(x) - self.offset) @ self.components / self.scale

    def _zones(self, x: Tensor) -> Tensor:
        """[N, 256 * zones], each centre's mean activation in each zone."""
        height, width = self.shape.tolist()
        found = []
        for part in x.split(_ROWS):
            patches = (_patches(part, (height, width)) - self.mean) @ self.whitening
            distance = torch.cdist(patches, self.centres)
            active = (distance.mean(-1, keepdim=True) - distance).clamp_min(0)
            grid = active.transpose(1, 2).unflatten(2, self.places)
            found.append(adaptive_avg_pool2d(grid, ZONES).flatten(1))
        return torch.cat(found)


@dataclass(frozen=True)
class KernelFeatures(_Saved):
    """Nystroem features of the Gaussian kernel exp(-||x - x'||^2 / F).

    Attributes:
        landmarks: [L, F] training inputs.
        normalisation: [L, L'], from kernel values to features.
        offset: [L'], the features' means.
    """

    landmarks: Tensor
    normalisation: Tensor
    offset: Tensor

    @classmethod
    def fit(cls, x: Tensor, count: int, seed: int) -> KernelFeatures:
        """Fit to inputs [N, F]: `count` of them are the landmarks, drawn by the seed."""
        generator = torch.Generator().manual_seed(seed)
        landmarks = x[torch.randperm(len(x), generator=generator)[:count]]
        values, vectors = torch.linalg.eigh(_kernel(landmarks, landmarks).double())
        kept = values > 1e-6 * values.max()
        normalisation = (vectors[:, kept] * values[kept].rsqrt()).flip(1).float()
        raw = _kernel(x, landmarks) @ normalisation
        scale = KERNEL_DEVIATION / raw.std(0).max().clamp_min(_LEAST)
        return cls(landmarks, normalisation * scale, raw.mean(0) * scale)

    @property
    def count(self) -> int:
        """L'."""
        return self.normalisation.shape[1]

    @property
    def n_inputs(self) -> int:
        """F."""
        return self.landmarks.shape[1]

    def transform(self, x: Tensor) -> Tensor:
        """Features [N, L'] of inputs [N, F]."""
        # small eigenvalues magnify what float32 rounds
        landmarks, normalisation = self.landmarks.double(), self.normalisation.double()
        raw = torch.cat([_kernel(part.double(), landmarks) @ normalisation for part in x.split(_ROWS)])
        return (raw - self.offset).to(x.dtype)


Features = PatchFeatures | KernelFeatures


def fit_features(config: StudentConfig, x: Tensor, image_shape: tuple[int, int] | None, seed: int) -> Features | None:
    """The features that a student's settings ask for, fitted to inputs [N, F]; None: the inputs themselves.

    Args:
        image_shape: (height, width) where the inputs are pictures.
        seed: of what is drawn.
    Raises:
        UserError: patches of inputs that are no pictures, or of pictures that are smaller than a patch.
    """
    if config.features is FeatureKind.NONE:
        return None
    if config.features is FeatureKind.KERNEL:
        return KernelFeatures.fit(x, config.n_features, seed)
    allowed = ", ".join(kind for kind in FeatureKind if not kind.needs_pictures)
    if image_shape is None:
        raise UserError(f"student.features: got 'patches', but the task's inputs are not images; allowed: {allowed}")
    if min(image_shape) < PATCH:
        raise UserError(
            f"student.features: got 'patches' of {PATCH} x {PATCH} pixels, but the task's pictures have "
            f"{image_shape[0]} x {image_shape[1]}; allowed: {allowed}"
        )
    return PatchFeatures.fit(x, image_shape, config.n_features, seed)


def load_features(tensors: Mapping[str, Tensor]) -> Features:
    """Features from their saved tensors."""
    kind = PatchFeatures if "centres" in tensors else KernelFeatures
    return kind(**tensors)


def _stride(image_shape: tuple[int, int]) -> int:
    return max(_STRIDE, min(image_shape) // _PIXELS)


def _patches(x: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """[N, places, 36], contrast-normalised patches of pictures [N, height * width]."""
    pictures = x.reshape(len(x), 1, *image_shape)
    patches = unfold(pictures, PATCH, stride=_stride(image_shape)).transpose(1, 2)
    centred = patches - patches.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + CONTRAST).sqrt()


def _kernel(x: Tensor, landmarks: Tensor) -> Tensor:
    return (-torch.cdist(x, landmarks).square() / x.shape[1]).exp()
