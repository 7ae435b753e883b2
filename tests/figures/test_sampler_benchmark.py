"""What the benchmark's charts draw is what its tables hold."""

import math

import pytest

from mtbkd_core.figures.sampler_benchmark import draw_effective, draw_errors, score_table, trace_table
from mtbkd_core.studies.sampler_trace import Reference, SamplerTraces, Score
from mtbkd_core.studies.timed_sampler import TracePoint

TITLES = {"baoab": "BAOAB", "sgld": "SGLD"}


@pytest.fixture
def traces() -> SamplerTraces:
    points = [
        ("baoab", TracePoint(0.5, 10, -3.0, None)),
        ("sgld", TracePoint(0.5, 10, -3.0, 0.2)),
        ("baoab", TracePoint(1.0, 20, -2.0, 0.1)),
    ]
    scores = {"baoab": Score(0.1, 50.0, 20.0, -2.0, 0.05), "sgld": Score(problem="left", step_size=1.0)}
    return SamplerTraces(points, Reference(10.0, 0.01, -1.5), scores)


def test_lines_hold_every_point_that_has_an_error(traces: SamplerTraces) -> None:
    table = trace_table(traces)
    assert len(table) == 3
    figure = draw_errors(table, TITLES, level=0.01)
    drawn = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert drawn == {"BAOAB": ([1.0], [0.1]), "SGLD": ([0.5], [0.2])}
    assert list(drawn) == ["BAOAB", "SGLD"]
    assert [shape.y0 for shape in figure.layout.shapes] == [0.01]
    assert figure.layout.annotations[0].y == pytest.approx(math.log10(0.01))
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")


def test_no_two_samplers_look_alike_however_many_there_are() -> None:
    names = [f"sampler {number}" for number in range(20)]
    traces = SamplerTraces([(name, TracePoint(1.0, 10, -2.0, 0.1)) for name in names])
    figure = draw_errors(trace_table(traces), dict(zip(names, names, strict=True)), level=None)
    looks = [(trace.line.dash, trace.marker.symbol) for trace in figure.data]
    assert len(set(looks)) == len(names)


def test_scores_say_how_far_the_log_joint_is_off_and_which_ended_early(traces: SamplerTraces) -> None:
    table = score_table(traces).set_index("sampler")
    assert table.loc["baoab", "away"] == pytest.approx(-0.5)
    assert math.isnan(table.loc["sgld", "error"])
    assert table.loc["sgld", "problem"] == "left"


def test_effective_draws_are_drawn_for_those_that_have_them(traces: SamplerTraces) -> None:
    figure = draw_effective(score_table(traces), TITLES)
    marks = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data if trace.mode == "markers"}
    assert marks == {"Median input": ([50.0], ["BAOAB"]), "5th percentile": ([20.0], ["BAOAB"])}


def test_an_empty_benchmark_draws_nothing() -> None:
    assert not draw_errors(trace_table(SamplerTraces()), TITLES, level=None).data
    assert not [trace for trace in draw_effective(score_table(SamplerTraces()), TITLES).data if len(trace.x)]
