"""Fixed features: repeatable, saved and loaded whole, and of the scale that a student's prior expects."""

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.gaussian_process.kernels import RBF

from mtbkd_core.students.features import (
    KERNEL_DEVIATION,
    Features,
    KernelFeatures,
    PatchFeatures,
    load_features,
)

SHAPE = (12, 12)


def pictures(count: int = 300) -> torch.Tensor:
    digits = torch.from_numpy(load_digits().images[:count]).float() / 16
    return torch.nn.functional.interpolate(digits[:, None], SHAPE, mode="bilinear").flatten(1)


def fit(kind: str, seed: int = 0) -> Features:
    if kind == "patches":
        return PatchFeatures.fit(pictures(), SHAPE, 40, seed)
    return KernelFeatures.fit(pictures(), 40, seed)


@pytest.mark.parametrize("kind", ["patches", "kernel"])
class TestBoth:
    def test_the_same_seed_gives_the_same_features_and_another_one_others(self, kind: str) -> None:
        x = pictures(20)
        torch.testing.assert_close(fit(kind).transform(x), fit(kind).transform(x))
        assert not torch.allclose(fit(kind, 1).transform(x), fit(kind).transform(x))

    def test_what_is_saved_is_all_of_it(self, kind: str) -> None:
        found = fit(kind)
        again = load_features(found.tensors())
        torch.testing.assert_close(again.transform(pictures(10)), found.transform(pictures(10)))

    def test_features_of_one_input_do_not_depend_on_its_neighbours(self, kind: str) -> None:
        found, x = fit(kind), pictures(9)
        torch.testing.assert_close(found.transform(x)[3:4], found.transform(x[3:4]), rtol=1e-3, atol=1e-4)

    def test_features_are_centred_on_what_they_were_fitted_to(self, kind: str) -> None:
        features = fit(kind).transform(pictures())
        assert features.mean(0).abs().max() < 1e-3


def test_few_pictures_have_fewer_features_and_pictures_that_are_all_the_same_have_none_that_differ() -> None:
    few = PatchFeatures.fit(pictures(3), SHAPE, 40, 0)
    assert few.transform(pictures(10)).isfinite().all()
    for same in (PatchFeatures.fit(torch.ones(5, 144), SHAPE, 4, 0), KernelFeatures.fit(torch.ones(5, 144), 4, 0)):
        assert same.transform(torch.ones(2, 144)).abs().max() < 1e-3


def test_patches_have_one_overall_deviation_of_1() -> None:
    assert float(fit("patches").transform(pictures()).std()) == pytest.approx(1, abs=1e-3)


def test_the_largest_kernel_feature_has_the_deviation_that_was_found_by_trying() -> None:
    assert float(fit("kernel").transform(pictures()).std(0).max()) == pytest.approx(KERNEL_DEVIATION, abs=1e-4)


def test_with_every_input_a_landmark_the_features_products_are_the_kernel() -> None:
    x = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    found = KernelFeatures.fit(x, 30, 0)
    raw = (found.transform(x) + found.offset).double()
    kernel = torch.from_numpy(RBF((x.shape[1] / 2) ** 0.5)(x.numpy()))
    ratio = (raw @ raw.T) / kernel
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-2, atol=1e-4)
