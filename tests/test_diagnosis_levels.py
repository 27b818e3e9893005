import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.diagnosis.levels import KINDS, LEVELS, customer_levels, leaving_levels, value_levels, word
from tests.conftest import STRICT

pytestmark = [STRICT, pytest.mark.usefixtures("any_size")]


def customers():
    """Six customers, of whom not everything is known."""
    return pd.DataFrame(
        {
            "customer_id": list("ABCDEF"),
            "clv": [50.0, 30.0, 10.0, 10.0, 0.0, None],
            "existing_value": [100.0, 10.0, 5.0, 0.0, 1.0, 0.0],
            "risk_tier": ["low", "high", "default", "medium", "unknown", None],
            "default_probability": [0.01, 0.2, 0.3, 0.05, None, None],
            "exposure": [100.0, 100.0, 100.0, 0.0, 50.0, None],
            "churn_probability": [0.05, 0.2, None, 0.05, None, None],
            "churn_value_at_risk": [2.5, 6.0, None, 0.5, None, None],
            "silence_probability": [0.9, 0.9, 0.9, 0.5, 0.1, None],
            "silence_value_at_risk": [0.5, 0.0, 9.0, 5.0, 0.0, None],
            "high_potential": [False, False, True, False, True, None],
            "segment": list("xyxyxy"),
        }
    )


def answers():
    return pd.DataFrame(
        {
            "customer_id": list("EADBZ"),
            "answers": [1, 2, 1, 1, 1],
            "last_nps": [None, 6.0, 9.0, 8.0, 0.0],
            "last_csat": [3.0, 5.0, 1.0, None, 1.0],
        }
    )


def test_levels_by_hand():
    found = customer_levels(customers(), answers()).customers
    # half of 100 is brought by A; B brings most of the next third, and C and D, who are alike, the rest of it
    assert found["value"].tolist() == ["high", "medium", "medium", "medium", "low", None]
    assert found["satisfaction"].tolist() == ["low", "medium", None, "high", "medium", None]
    assert found["risk"].tolist() == ["low", "high", "default", "medium", None, None]
    # contracts leave with 0.1 on average: odds 1/9, so that 0.2 (1/4) is high and 0.05 (1/19) low;
    # silence with 0.66: odds 1.94, so that 0.9 (9) is high and 0.1 low
    assert found["leaving"].tolist() == ["low", "high", "high", "low", "low", None]
    assert found["potential"].tolist() == ["low", "low", "high", "low", "high", None]
    assert found["at_stake"].tolist()[:5] == [4.0, 26.0, 109.0, 5.5, 0.0]
    assert np.isnan(found["at_stake"].iloc[5])
    assert set(KINDS) <= set(found)


def test_summary_says_what_value_rests_on():
    levels = customer_levels(customers(), answers())
    assert levels.summary() == (
        "Half of the lifetime value comes from 1 of 6 customers: they are of high value. Dissatisfied in their last "
        "answer: 1 of 4 customers who answered (25.0%)."
    )
    assert "half of what customers brought so far" in customer_levels(customers().drop(columns="clv")).summary()
    contracts = customer_levels(customers()[["customer_id", "churn_probability", "churn_value_at_risk"]])
    assert "half of the value of contracts" in contracts.summary()
    assert contracts.customers["worth"].tolist()[:2] == [50.0, 30.0]


def test_nothing_known_but_who_they_are():
    levels = customer_levels(customers()[["customer_id"]])
    assert levels.customers[list(LEVELS)].isna().all(axis=None)
    assert levels.table().empty
    assert levels.summary() == (
        "What the customers are worth is not known, so that none is of high value. How satisfied they are is not known."
    )


def test_table_counts_each_customer_once_by_each_level():
    table = customer_levels(customers(), answers()).table()
    assert table.groupby("what")["customers"].sum().unique().tolist() == [6]
    assert table.groupby("what")["customer_share"].sum().to_numpy() == pytest.approx(1)
    high = table[(table["what"] == "Customer value") & (table["level"] == "High value")].iloc[0]
    assert (high["customers"], high["worth"], high["at_stake"]) == (1, 50.0, 4.0)


def test_answers_are_not_multiplied_and_the_frames_stay_as_they_were():
    first, second = customers(), answers()
    before = first.copy(deep=True), second.copy(deep=True)
    assert len(customer_levels(first, second).customers) == 6
    pd.testing.assert_frame_equal(first, before[0])
    pd.testing.assert_frame_equal(second, before[1])


def test_misuse_is_named():
    with pytest.raises(ValueError, match="one row per customer"):
        customer_levels(pd.concat([customers(), customers()]))
    with pytest.raises(ValueError, match="must have at least one row"):
        customer_levels(customers().head(0))
    with pytest.raises(ValueError, match="`csat_scale` must be"):
        customer_levels(customers(), answers(), csat_scale=(5, 5))


@pytest.mark.parametrize(
    ("scale", "expected"),
    [((1, 5), ["low", "low", "medium", "high", "high"]), ((1, 9), ["low", "low", "low", "low", "medium"])],
)
def test_csat_is_read_on_its_own_scale(scale, expected):
    frame = pd.DataFrame({"customer_id": list("ABCDE"), "last_csat": [1.0, 2.0, 3.0, 4.0, 5.0]})
    found = customer_levels(frame[["customer_id"]], frame, csat_scale=scale).customers
    assert found["satisfaction"].tolist() == expected


def test_nobody_leaves_and_everybody_leaves():
    assert leaving_levels(pd.Series([0.0, 0.0])).tolist() == ["low", "low"]
    assert leaving_levels(pd.Series([1.0, 1.0])).tolist() == ["high", "high"]
    assert leaving_levels(pd.Series([0.3])).tolist() == ["medium"]


def test_words_of_what_is_not_known():
    assert word("risk", None) == word("value", "") == "Not known"


_worths = st.lists(st.none() | st.integers(-5, 20).map(float), min_size=1, max_size=12)


@given(_worths, st.randoms(use_true_random=False))
def test_customers_alike_are_of_one_level_and_order_does_not_matter(worths, random):
    worth = pd.Series(worths, dtype=float)
    levels = value_levels(worth)
    places = list(range(len(worth)))
    random.shuffle(places)
    pd.testing.assert_series_equal(value_levels(worth.iloc[places]), levels.iloc[places])
    assert (levels.isna() == worth.isna()).all()
    known = levels.dropna()
    assert (known.groupby(worth[known.index].clip(lower=0)).nunique() == 1).all()
    rank = known.map({"high": 2, "medium": 1, "low": 0})
    assert rank[worth.loc[known.index].sort_values().index].is_monotonic_increasing
    if (worth > 0).any():
        assert worth[known[known == "high"].index].sum() >= worth.clip(lower=0).sum() / 2 - 1e-9
