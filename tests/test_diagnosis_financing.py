import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.absence import FitError
from crmlab.diagnosis.financing import TIERS, financing_proposals
from crmlab.intervals import wilson
from tests.conftest import STRICT

pytestmark = STRICT


def customers(per_tier=100):
    """As many customers in each of four tiers, and one whose tier is not known."""
    tiers = ["low", "medium", "high", "default"]
    frame = pd.DataFrame(
        {
            "risk": np.repeat(tiers, per_tier),
            "default_probability": np.repeat([0.01, 0.05, 0.2, 0.2], per_tier),
            "existing_value": 1200.0,
            "exposure": np.repeat([50.0, 300.0, 0.0, 1000.0], per_tier),
        }
    )
    frame.loc[len(frame)] = [None, np.nan, 1200.0, np.nan]
    return frame.assign(customer_id=[f"C{place}" for place in range(len(frame))])


def outcomes(frame, defaults=(1, 10, 40)):
    """The first so many of each tier came to default; those in default now did as well."""
    counts = dict(zip(("low", "medium", "high"), defaults, strict=True))
    place = frame.groupby("risk").cumcount()
    default = (place < frame["risk"].map(counts).fillna(0)) | (frame["risk"] == "default")
    return pd.DataFrame({"customer_id": frame["customer_id"], "observed": True, "default": default})


def by_tier(found):
    return found.rows.set_index("tier")


def test_price_floor_by_hand():
    frame = customers()
    found = financing_proposals(
        frame, outcomes(frame), cost_of_funds=0.05, operating_cost=0.02, capital_charge=0.01, loss_given_default=0.5
    )
    rows = by_tier(found)
    # 10 of 100 customers of the band: 0.05 + 0.02 + 0.01 + 0.1 * 0.5
    assert rows.loc["medium", "price_floor"].value == pytest.approx(0.13)
    rate = wilson(10, 100)
    assert rows.loc["medium", "price_floor"].low == pytest.approx(0.08 + 0.5 * rate.low)
    assert rows.loc["medium", "price_floor"].high == pytest.approx(0.08 + 0.5 * rate.high)
    assert rows.loc["medium", "rests_on"] == "10 of 100 customers of like probability came to default."
    assert rows.loc["low", "rests_on"] == (
        "Too few defaults (1 of 100 customers): ask for the upper end of the interval."
    )
    assert rows.loc["default", "price_floor"] is None and rows.loc["unknown", "price_floor"] is None


def test_a_tier_made_by_defaults_does_not_price_itself():
    frame = customers()
    rows = by_tier(financing_proposals(frame, outcomes(frame)))
    # who is in default now counts with those whose probability was the same: 40 + 100 of 200, not 40 of 100
    assert rows.loc["high", "default_rate"].value == pytest.approx(0.7)


def test_limits_by_hand():
    frame = customers(2)
    frame.loc[0, "existing_value"] = -600.0
    rows = by_tier(financing_proposals(frame, limit_months={"unknown": 1}))
    # a month brings 100; refunds bring none
    assert rows["limit"].to_dict() == {"low": 300, "medium": 400, "high": 200, "default": 0, "unknown": 100}
    assert rows["free"].to_dict() == {"low": 250, "medium": 0, "high": 200, "default": 0, "unknown": 100}
    assert rows["open"].to_dict() == {"low": 100, "medium": 600, "high": 0, "default": 2000, "unknown": 0}
    assert rows["tenor_months"].to_dict() == {"low": 36, "medium": 24, "high": 12, "default": 0, "unknown": 0}
    assert by_tier(financing_proposals(frame, largest_limit=150.0)).loc["low", "limit"] == 150


def test_one_large_customer_does_not_get_a_limit_of_its_own_size():
    frame = customers()
    frame.loc[0, "existing_value"] = 1e9
    found = financing_proposals(frame).customers
    assert found["limit"].max() == found["limit"][1] == 300


def test_without_outcomes_the_price_has_no_interval_and_says_so():
    rows = by_tier(financing_proposals(customers()))
    assert rows.loc["low", "price_floor"].value == pytest.approx(0.06 + 0.45 * 0.01)
    assert rows.loc["low", "price_floor"].low is None
    assert "not known" in rows.loc["low", "price_floor"].no_interval
    assert rows.loc["low", "rests_on"] == "The model’s probability alone: no outcomes are known."


def test_without_a_model_all_tiers_share_a_rate():
    frame = customers().assign(default_probability=np.nan)
    rows = by_tier(financing_proposals(frame, outcomes(frame)))
    assert rows.loc["low", "rests_on"] == "151 of all 401 customers came to default; no model tells them apart."
    assert rows.loc["low", "default_rate"].value == rows.loc["high", "default_rate"].value == pytest.approx(151 / 401)


def test_neither_model_nor_outcomes():
    found = financing_proposals(customers().assign(default_probability=np.nan, existing_value=np.nan), currency="CNY")
    assert found.summary() == "No price can be proposed: no probability of default is known."
    assert "price_floor" not in found.table() and "limit" not in found.table()
    assert found.terms()["rests_on"].iloc[0] == "No probability of default is known."


def test_tables_sentences_and_list():
    frame = customers()
    found = financing_proposals(frame, outcomes(frame), currency="CNY")
    assert found.table()["tier"].tolist() == ["Low risk", "Medium risk", "High risk", "In default", "Not known"]
    assert found.terms()["terms"].iloc[3] == "No new credit; a secured plan to pay what is open."
    assert found.summary().startswith(
        "The least price a year that covers its risk, with 45% lost in a default: Low risk: 6.5%"
    )
    assert found.summary().endswith("Within their limits, customers could be lent CN¥35,000 beside what is open.")
    listed = found.customer_list()
    assert listed["proposed_credit"].sum() == 35_000
    assert listed.loc[0, "proposed_price_floor"] == pytest.approx(0.0645)
    assert listed["proposed_price_floor"].isna().sum() == 101
    assert set(found.rows["tier"]) == set(TIERS)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(1, 100), st.floats(0, 1), st.floats(0, 0.3))
def test_the_floor_rises_with_defaults(defaults, more, share, funds):
    frame = customers()
    terms = {"loss_given_default": share, "cost_of_funds": funds}
    floors = [
        by_tier(financing_proposals(frame, outcomes(frame, (0, n, 0)), **terms)).loc["medium", "price_floor"]
        for n in (defaults, min(defaults + more, 100))
    ]
    for end in ("low", "value", "high"):
        assert getattr(floors[0], end) <= getattr(floors[1], end) + 1e-12
    assert funds + 0.02 <= floors[0].low <= floors[0].value <= floors[0].high <= funds + 0.02 + share + 1e-12


def test_misuse_is_named():
    with pytest.raises(FitError, match="no customer has a tier of risk"):
        financing_proposals(customers().assign(risk=None))
    with pytest.raises(ValueError, match=r"`limit_months`: midium is not a tier; did you mean medium\?"):
        financing_proposals(customers(), limit_months={"midium": 2})
    with pytest.raises(ValueError, match="`tenor_months` must not be negative"):
        financing_proposals(customers(), tenor_months={"low": -1})
    with pytest.raises(ValueError, match="`loss_given_default` must be a share"):
        financing_proposals(customers(), loss_given_default=45)
