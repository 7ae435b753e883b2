"""Figures of shifts: every number of the table is the measured one, and the curve has both scales."""

import pandas as pd

from mtbkd_core.evaluation.shift import Separation
from mtbkd_core.figures.shifts import draw_severity, separation_table


def test_the_table_holds_each_shift_and_score_in_the_order_asked_for() -> None:
    row = {"auroc_low": 0.1, "auroc_high": 0.9, "aupr": 0.4, "fpr95": 0.3}
    measured = {
        "far": {"deviance": Separation(auroc=0.7, **row), "doubt": Separation(auroc=0.6, **row)},
        "near": {"deviance": Separation(auroc=0.5, **row), "doubt": Separation(auroc=0.55, **row)},
    }
    table = separation_table(measured, {"near": "Near ones", "far": "Far ones"}, {"deviance": "Dev", "doubt": "Doubt"})
    assert table[["shift", "score", "auroc"]].to_numpy().tolist() == [
        ["Near ones", "Dev", 0.5],
        ["Near ones", "Doubt", 0.55],
        ["Far ones", "Dev", 0.7],
        ["Far ones", "Doubt", 0.6],
    ]
    assert table.loc[0, ["auroc_low", "auroc_high", "aupr", "fpr95"]].tolist() == [0.1, 0.9, 0.4, 0.3]


def test_accuracy_and_deviance_stand_on_axes_of_their_own_and_the_chosen_severity_is_marked() -> None:
    table = pd.DataFrame({"severity": [0.0, 1.0], "accuracy": [0.9, 0.2], "deviance": [0.5, 3.0]})
    figure = draw_severity(table, severity=0.4, unit="degrees")
    assert [(list(trace.y), trace.yaxis) for trace in figure.data] == [([0.9, 0.2], "y"), ([0.5, 3.0], "y2")]
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == 0.4
    assert "degrees" in figure.layout.xaxis.title.text
    assert figure.layout.yaxis2.range[1] >= 3.0
