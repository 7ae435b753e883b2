"""The paper's first figure: a density for each group, on the scale of the logarithm."""

import numpy as np
import pytest

from mtbkd_core.figures.out_of_distribution import deviance_density, draw_deviance_density

GROUPS = {"Test proteins": np.array([0.01, 0.1, 1.0]), "Several locations": np.array([0.1, 1.0, 10.0])}


def test_each_density_has_area_one_and_a_group_ten_times_as_unsure_lies_one_to_the_right() -> None:
    bell = 10 ** np.random.default_rng(0).normal(-1, 0.3, 500)
    table = deviance_density({"Test proteins": bell, "Several locations": 10 * bell})
    means = {}
    for name, part in table.groupby("group"):
        step = np.diff(part["log_deviance"])[0]
        assert part["density"].sum() * step == pytest.approx(1, abs=0.02)
        means[name] = (part["density"] * part["log_deviance"]).sum() / part["density"].sum()
    assert means["Several locations"] - means["Test proteins"] == pytest.approx(1, abs=0.02)


def test_no_deviance_at_all_can_be_drawn_and_medians_are_marked() -> None:
    figure = draw_deviance_density(GROUPS | {"Sure": np.array([0.0, 0.0, 1e-3])})
    marks = [trace.x[0] for trace in figure.data if trace.mode == "markers"]
    assert marks == pytest.approx([0.1, 1.0, 1e-6])
    assert [trace.name for trace in figure.data if trace.mode == "lines"] == [
        "Test proteins (3)",
        "Several locations (3)",
        "Sure (3)",
    ]
    assert all(np.isfinite(trace.y).all() for trace in figure.data)
