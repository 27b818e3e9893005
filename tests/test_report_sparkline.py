import re

from hypothesis import given
from hypothesis import strategies as st

from crmlab.report.ledger import FIGURES
from crmlab.report.published import Published
from crmlab.report.sparkline import course, curves, sparkline

COLUMNS = {column.metric: column for column in FIGURES}


def client(name, metric, **values):
    """A client whose figure has these values, by month."""
    entries = [
        {"notebook": "a", "as_of": f"2026-{month[1:]}-01", "status": "ok", "language": more.pop("language", "en")}
        | {"metrics": {metric: {"low": None, "high": None, "n": 9, "label": "x", "no_interval": "none"} | more}}
        for month, more in values.items()
    ]
    return Published(name, tuple(entries))


def usd(value, **more):
    return {"value": value, "unit": "USD"} | more


def test_a_line_runs_through_the_values_at_their_dates_between_the_ends():
    points = [("2026-01-31", 0.0), ("2026-03-02", 5.0), ("2026-04-01", 10.0)]
    assert sparkline(points, (0.0, 10.0)) == {"path": "M0 32L48 18L96 4", "x": "96", "y": "4"}
    assert sparkline(points, (0.0, 20.0))["y"] == "18"


def test_what_never_changed_runs_through_the_middle():
    assert sparkline([("2026-01-01", 7.0), ("2026-02-01", 7.0)], (7.0, 7.0))["path"] == "M0 18L96 18"


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=12))
def test_no_line_leaves_its_place(values):
    points = [(f"2026-{month:02}-01", value) for month, value in enumerate(values, 1)]
    path = sparkline(points, (min(values), max(values)))["path"]
    places = [tuple(map(float, pair.split())) for pair in re.split("[ML]", path)[1:]]
    assert len(places) == len(values)
    assert all(0 <= x <= 96 and 4 <= y <= 32 for x, y in places)
    assert [x for x, _y in places] == sorted(x for x, _y in places)


def test_a_course_holds_what_is_of_one_kind_with_the_last_and_no_more_than_shows():
    mixed = client(
        "x",
        "revenue",
        m01=usd(1, unit="EUR"),
        m02=usd(2),
        m03=usd(3, label="y"),
        m04=usd(None),
        m05=usd(5, label="z", language="zh"),
        m06=usd(6),
    )
    assert [found["value"] for _as_of, found in course(mixed, "revenue")] == [2, 5, 6]
    assert course(mixed, "customers") == []


def test_sums_have_scales_of_their_own_and_shares_one():
    def two(metric, unit):
        low, high = (
            {f"m0{month}": {"value": value, "unit": unit} for month, value in ((1, a), (2, b))} for a, b in ENDS
        )
        return curves({"a": client("a", metric, **low), "b": client("b", metric, **high)}, [COLUMNS[metric]])

    column, one_scale, drawn = two("revenue", "USD")
    assert (column.metric, one_scale) == ("revenue", False)
    assert [drawn[name]["path"] for name in "ab"] == ["M0 32L96 4"] * 2
    assert [drawn[name]["sort"] for name in "ab"] == ["1", "1"]
    _column, one_scale, drawn = two("retention_rate", "share")
    assert one_scale
    assert [drawn[name]["path"] for name in "ab"] == ["M0 32L96 22.7", "M0 22.7L96 4"]
    assert drawn["a"]["label"] == "Retention by date, 2 dates: from 20.0% to 40.0%"


ENDS = ((0.2, 0.4), (0.4, 0.8))


def test_a_score_always_stands_on_its_whole_scale():
    points = {"m01": {"value": 0, "unit": "points"}, "m02": {"value": 50, "unit": "points"}}
    _column, one_scale, drawn = curves({"a": client("a", "overall_score", **points)}, [COLUMNS["overall_score"]])
    assert one_scale and drawn["a"]["path"] == "M0 32L96 18"
    assert drawn["a"]["label"] == "Score by date, 2 dates: from 0 to 50"


def test_there_is_no_curve_where_no_figure_has_two_dates():
    assert curves({"a": client("a", "revenue", m01=usd(1))}, [COLUMNS["revenue"]]) == (None, False, {})
