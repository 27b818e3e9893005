"""A budget across segments at the margin."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.absence import FitError
from crmlab.intervals import Estimate
from crmlab.roi.budget import LEAVE, REACH, TEST, budget, segments_to_reach

pytestmark = pytest.mark.usefixtures("any_size")

SEGMENTS = pd.DataFrame(
    {
        "group": ["mills", "farms", "parks", "towns"],
        "estimate": [40.0, 160.0, 30.0, 2.0],
        "standard_error": [5.0, 20.0, 12.0, 4.0],
        "cost_per_customer": [400.0, 900.0, 450.0, 450.0],
        "size": [100, 50, 80, 20],
    }
)
TERMS = {"effect_persistence": 1.0, "annual_discount_rate": 0.0, "horizon_months": 12, "unit": "USD"}


def spread(segments=SEGMENTS, **options):
    return budget(segments, **(TERMS | options))


def test_by_hand():
    found = spread().segments.set_index("group")
    assert list(found.index) == ["farms", "mills", "parks", "towns"]
    assert [each.value for each in found["gain"]] == pytest.approx([1020, 80, -90, -426])
    assert found["gain"].iloc[0].high == pytest.approx(1020 + 1.959964 * 240)
    assert found["roi"].tolist() == pytest.approx([1020 / 900, 0.2, -0.2, -426 / 450])
    assert found["verdict"].tolist() == [REACH, REACH, TEST, LEAVE]
    assert found["customers"].tolist() == [50, 100, 0, 0] and spread().spend == 85_000


def test_the_total_allows_for_effects_that_err_together():
    found = spread()
    assert found.gain.value == pytest.approx(50 * 1020 + 100 * 80)
    assert found.gain.high - found.gain.value == pytest.approx(1.959964 * (50 * 240 + 100 * 60))


def test_money_goes_where_it_returns_most():
    assert spread(most=50_000).segments["customers"].tolist() == [50, 12, 0, 0]
    assert spread(most=0).gain is None and spread(most=0).spend == 0


@given(st.lists(st.tuples(st.floats(-50, 200), st.floats(1, 900), st.integers(0, 50)), min_size=1, max_size=6),
       st.floats(0, 1e5))  # fmt: skip
def test_no_other_spread_gains_more(rows, most):
    """But for the customer that the last of the money would not reach."""
    segments = pd.DataFrame(rows, columns=["estimate", "cost_per_customer", "size"])
    found = spread(segments.assign(group=[str(place) for place in range(len(rows))], standard_error=0.0), most=most)
    assert found.spend <= most + 1e-6
    reached = found.segments[found.segments["customers"] > 0]
    gained = sum(row.gain.value * row.customers for row in reached.itertuples())
    left, best = most, 0.0
    for row in found.segments[[each.value > 0 for each in found.segments["gain"]]].itertuples():
        part = min(row.size, left / row.cost_per_customer)
        best, left = best + part * row.gain.value, left - part * row.cost_per_customer
    dearest = max((row.gain.value for row in found.segments.itertuples()), default=0.0)
    assert best - max(dearest, 0.0) * len(rows) <= gained <= best + 1e-6


def test_later_months_count_for_less():
    value = spread(effect_persistence=0.8, annual_discount_rate=0.1).segments["gain"].iloc[0].value
    years = np.arange(1, 13) / 12
    assert value == pytest.approx(160 * ((0.8 / 1.1) ** years).sum() - 900)


def test_estimates_are_taken_with_their_intervals():
    estimates = [
        Estimate(row.estimate, row.estimate - half, row.estimate + half, "USD", 99)
        for row, half in zip(SEGMENTS.itertuples(), 1.959964 * SEGMENTS["standard_error"], strict=True)
    ]
    found = spread(SEGMENTS.assign(estimate=estimates).drop(columns="standard_error"))
    assert found.segments["chance"].tolist() == pytest.approx(spread().segments["chance"].tolist())
    assert found.segments["gain"].iloc[0].n == 99


def test_what_costs_nothing_pays_first():
    found = spread(SEGMENTS.assign(cost_per_customer=[0.0, 900, 450, 450]), most=0)
    assert found.segments["group"][0] == "mills" and found.segments["roi"][0] is None
    assert found.segments["customers"].tolist() == [100, 0, 0, 0]


def test_words():
    text = spread().summary()
    assert text.startswith(
        "Reach 150 more customers in farms, mills for $85,000: within 12 months that brings $59,000 (95%"
    )
    assert text.endswith("Whether it pays cannot be told yet in parks: test there first.")
    assert spread(SEGMENTS.tail(1)).summary().startswith("In no segment does reaching more customers pay")
    one = spread(SEGMENTS.head(2).tail(1).assign(size=1)).summary()
    assert one.startswith("Reach one more customer in farms for $900")


def test_segments_left_to_reach():
    exposure = pd.DataFrame(
        {
            "customer_id": list("abcdef"),
            "treated": [True, False, True, False, False, True],
            "cost": [10.0, 0, 30, 0, 0, 5],
        }
    )
    profiles = pd.DataFrame({"customer_id": list("abcde"), "industry": ["x", "x", "x", "y", "z"]})
    effects = pd.DataFrame({"group": ["x", "y", "w"], "estimate": [1.0, 2.0, 3.0]})
    found = segments_to_reach(effects, exposure, profiles, by="industry").set_index("group")
    assert found["size"].to_dict() == {"x": 1, "y": 1}
    # nobody of y was reached: it costs what the others do
    assert found["cost_per_customer"].to_dict() == {"x": 20.0, "y": 15.0}
    others = pd.DataFrame({"group": ["x", "Others"], "estimate": [1.0, 2.0]})
    assert segments_to_reach(others, exposure, profiles, by="industry")["size"].tolist() == [1, 2]
    with pytest.raises(FitError, match="does not say what reaching a customer cost"):
        segments_to_reach(effects, exposure.drop(columns="cost"), profiles, by="industry")


def test_all_is_translated(untranslated):
    found = spread()
    own = {"farms", "mills", "parks", "towns"}
    assert set(untranslated(found.summary() + " ".join(found.table()[["group", "verdict"]].to_numpy().ravel()))) <= own
    assert untranslated(spread(SEGMENTS.tail(1)).summary()) == []


@pytest.mark.parametrize(
    ("segments", "options", "error", "message"),
    [
        (SEGMENTS.drop(columns="size"), {}, ValueError, "missing: size"),
        (SEGMENTS.drop(columns="standard_error"), {}, ValueError, "must have a column standard_error"),
        (SEGMENTS.head(0), {}, FitError, "no segment has an effect, a cost per customer, and customers left"),
        (SEGMENTS.assign(size=-1), {}, ValueError, "must not be below zero"),
        (SEGMENTS, {"likely": 0.3}, ValueError, "`likely` must be a chance from 0.5 to less than 1, got 0.3"),
        (SEGMENTS, {"most": -1}, ValueError, "`most` must not be below zero, got -1"),
    ],
)
def test_says_what_is_wrong(segments, options, error, message):
    with pytest.raises(error, match=message):
        spread(segments, **options)
