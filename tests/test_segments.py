"""Recency, frequency and monetary scores, and the grid of segments."""

from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.segments import SEGMENT_GRID, SEGMENTS, rfm, segment_name

AS_OF = date(2025, 12, 31)


def base(rows) -> pd.DataFrame:
    """Customers from (days since the last purchase, frequency, revenue)."""
    days, frequency, revenue = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number}" for number in range(len(rows))],
            "last_date": pd.Timestamp(AS_OF) - pd.to_timedelta(days, unit="D"),
            "frequency": frequency,
            "revenue": np.asarray(revenue, dtype=float),
        }
    )


def test_scores_split_ten_customers_into_fifths():
    scored = rfm(base([(10 * rank, rank, 100 - rank) for rank in range(10)]), as_of=AS_OF).customers
    assert scored["r"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert scored["f"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scored["m"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert scored.columns.tolist() == ["customer_id", "r", "f", "m", "segment"]


def test_cuts_that_are_given_take_the_place_of_equal_parts():
    cuts = {"recency_days": [30, 90, 180, 365], "revenue": [100, 500, 1000, 5000]}
    people = base([(30, 0, 99), (31, 1, 100), (365, 2, 4999), (366, 3, 5000), (0, 4, -5)])
    scored = rfm(people, as_of=AS_OF, cuts=cuts).customers
    assert scored["r"].tolist() == [5, 4, 2, 1, 5]
    assert scored["m"].tolist() == [1, 2, 4, 5, 1]
    assert scored["f"].tolist() == rfm(people, as_of=AS_OF).customers["f"].tolist()


@pytest.mark.parametrize(
    "cuts, message",
    [
        ({"recency": [1, 2, 3, 4]}, "`cuts` must be of recency_days, frequency, revenue, got 'recency'"),
        ({"revenue": [1, 2, 3]}, r"`cuts` of revenue must be 4 rising numbers, got \[1, 2, 3\]"),
        ({"revenue": [1, 2, 2, 3]}, "`cuts` of revenue must be 4 rising numbers"),
        ({"frequency": "1234"}, "`cuts` of frequency must be 4 rising numbers, got '1234'"),
        ({"frequency": [1, 2, "3", 4]}, "`cuts` of frequency must be 4 rising numbers"),
    ],
)
def test_cuts_that_cannot_be_used_are_named(cuts, message):
    with pytest.raises(ValueError, match=message):
        rfm(base([(1, 1, 1)]), as_of=AS_OF, cuts=cuts)


def test_grid_gives_every_combination_of_scores_one_segment():
    # All 125 combinations once: each score is then held by a fifth of the customers, and scores equal the levels.
    levels = list(product(range(1, 6), repeat=3))
    scored = rfm(base([(100 - r, f, m) for r, f, m in levels]), as_of=AS_OF).customers
    assert list(zip(scored["r"], scored["f"], scored["m"], strict=True)) == levels
    assert scored["segment"].isin(SEGMENTS).all()
    assert set(scored["segment"]) == set(SEGMENTS) == set(SEGMENT_GRID.ravel())
    assert len(set(SEGMENTS)) == len(SEGMENTS)
    named = dict(zip(levels, scored["segment"], strict=True))
    assert named[5, 5, 5] == named[5, 4, 3] == "Champions"
    assert named[5, 1, 1] == "New" and named[1, 1, 1] == "Lost" and named[2, 1, 2] == "Hibernating"
    assert named[1, 5, 5] == "Cannot lose" and named[2, 3, 4] == "At risk" and named[3, 3, 3] == "Needs attention"
    assert named[4, 5, 5] == "Loyal"


customers = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(-2, 5)), min_size=1, max_size=50)


@given(customers, st.integers(2, 10))
@settings(deadline=None, max_examples=60)
def test_laws_of_scores(rows, bins):
    result = rfm(base(rows), as_of=AS_OF, bins=bins)
    given = pd.DataFrame(rows, columns=["days", "frequency", "revenue"])
    for column, score, sign in (("days", "r", -1), ("frequency", "f", 1), ("revenue", "m", 1)):
        values, scores = sign * given[column].to_numpy(), result.customers[score].to_numpy()
        assert scores.min() >= 1 and scores.max() <= bins
        order = np.argsort(values, kind="stable")
        assert (np.diff(scores[order]) >= 0).all()
        assert (np.diff(scores[order])[np.diff(values[order]) == 0] == 0).all()
    assert result.segments["customers"].sum() == result.n == len(rows)
    assert result.segments["revenue"].sum() == pytest.approx(given["revenue"].sum())


def test_customers_who_are_all_alike():
    result = rfm(base([(3, 0, 10)] * 4), as_of=AS_OF)
    assert result.customers[["r", "f", "m"]].to_numpy().tolist() == [[1, 1, 1]] * 4
    assert result.segments["customer_share"].tolist() == [1.0]


def test_segments_by_hand():
    rows = [(1, 9, 60), (40, 0, 5), (80, 0, 5), (90, 8, 25), (95, 0, 5)]
    segments = rfm(base(rows), as_of=AS_OF).table().set_index("segment")
    assert segments.index.tolist() == [name for name in SEGMENTS if name in segments.index]
    champions = segments.loc["Champions"]
    assert champions.to_dict() == pytest.approx(
        {
            "customers": 1,
            "customer_share": 0.2,
            "revenue": 60,
            "revenue_share": 0.6,
            "recency_days": 1,
            "frequency": 9,
            "mean_revenue": 60,
        }
    )
    assert segments.loc["At risk", "recency_days"] == 90


def test_every_column_of_the_table_has_a_format():
    result = rfm(base([(1, 9, 60), (40, 0, 5)]), as_of=AS_OF)
    assert list(result.formats) == result.table().columns.tolist()
    assert set(result.labels) <= set(result.formats)


@pytest.mark.usefixtures("any_size")
def test_summary():
    rows = [(1, 9, 60), (40, 0, 5), (80, 0, 5), (90, 8, 25), (95, 0, 5)]
    assert rfm(base(rows), as_of=AS_OF).summary() == (
        "Of 5 customers, 1 (20.0%) are champions: they bought recently, often and much; they brought 60.0% of revenue. "
        "1 (20.0%) bought often or much but have not returned for long; they brought 25.0%."
    )


def test_names_are_english_in_frames_and_translated_where_they_are_shown(untranslated):
    result = rfm(base([(1, 9, 60), (40, 0, 5), (80, 0, 5), (90, 8, 25), (95, 0, 5)]), as_of=AS_OF)
    assert set(result.segments["segment"]) | set(result.customers["segment"]) <= set(SEGMENTS)
    assert untranslated(" ".join([result.summary(), *result.table()["segment"], *map(segment_name, SEGMENTS)])) == []
    assert segment_name("Acme's own") == "Acme's own"


def test_timestamps_count_as_days_and_the_input_stays():
    frame = base([(0, 1, 5), (3, 0, 4)])
    frame["last_date"] += pd.Timedelta(hours=15)
    before = frame.copy()
    assert rfm(frame, as_of=AS_OF).segments["recency_days"].min() == 0
    pd.testing.assert_frame_equal(frame, before)


def test_input_that_cannot_be_scored():
    frame = base([(0, 1, 5)])
    with pytest.raises(ValueError, match="`as_of` must not precede the last purchase on 2025-12-31, got 2025-12-30"):
        rfm(frame, as_of=date(2025, 12, 30))
    with pytest.raises(ValueError, match="missing: revenue"):
        rfm(frame.drop(columns="revenue"), as_of=AS_OF)
    with pytest.raises(ValueError, match="at least one row"):
        rfm(frame.iloc[:0], as_of=AS_OF)
    for bins in (1, 11, 2.5, True):
        with pytest.raises(ValueError, match=f"`bins` must be a whole number from 2 to 10, got {bins}"):
            rfm(frame, as_of=AS_OF, bins=bins)
