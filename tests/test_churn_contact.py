"""Whom a call pays for: by hand on a few customers, and without the optimism of choosing and counting on the same."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import tables
from crmlab.absence import FitError
from crmlab.churn.contact import contact_threshold

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

# two leave of the four most likely to; 100 each; calls cost 10, one in two is saved
FEW = pd.DataFrame(
    {
        "probability": [0.9, 0.7, 0.5, 0.3, 0.2, 0.1],
        "left": [1, 0, 1, 0, 0, 0],
        "value": 100.0,
        "fold": [0, 1, 0, 1, 0, 1],
    }
)


def campaign(frame=FEW, **options):
    return contact_threshold(frame, **({"contact_cost": 10, "save_rate": 0.5, "currency": "EUR"} | options))


def made(n=2000, seed=0, signal=True):
    rng = np.random.default_rng(seed)
    chance = rng.beta(1.0, 9.0, n)
    left = rng.random(n) < (chance if signal else 0.1)
    return pd.DataFrame({"probability": chance, "left": left.astype(int), "value": rng.gamma(2.0, 50.0, n)})


def test_the_threshold_of_most_profit_by_hand():
    found = campaign()
    # one call brings 40, two 30, three 70, four 60
    assert found.threshold == 0.5
    assert found.curve["profit"].tolist() == [0, 40, 30, 70, 60, 50, 40]
    assert found.curve["contacted_share"].tolist() == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])
    assert (found.contacted_share, found.caught_share) == (0.5, 1.0)
    assert (found.n, found.left) == (6, 2)
    assert found.break_even_save_rate == pytest.approx(0.1)


def test_profit_is_counted_with_thresholds_chosen_on_the_other_folds():
    # the other fold, in which nobody left, says to call nobody in the first; the first says 0.5 for the other: one call
    assert campaign().profit.value == -10


def test_profit_is_not_that_of_the_curve_s_peak_where_there_is_nothing_to_learn():
    """Chances that say nothing: the peak of the curve is luck, and the profit on others shows it."""
    peaks, tried = [], []
    for seed in range(40):
        found = campaign(made(400, seed, signal=False), contact_cost=5.0)
        peaks.append(found.curve["profit"].max())
        tried.append(found.profit.value)
    assert np.mean(tried) < 0.3 * np.mean(peaks)


def test_customers_with_the_same_chance_are_called_together():
    found = campaign(FEW.assign(probability=0.4))
    assert found.curve["contacted_share"].tolist() == [0, 1]
    assert found.contacted_share == 1


def test_a_free_call_is_made_to_all_who_might_leave_and_a_dear_one_to_nobody():
    assert campaign(contact_cost=0).caught_share == 1
    dear = campaign(contact_cost=60)
    assert (dear.threshold, dear.pays, dear.contacted_share) == (math.inf, False, 0)
    assert dear.profit.value == 0 and dear.profit.no_interval == "nobody is called"
    assert "calling pays at no threshold" in dear.summary()
    assert dear.table().set_index("save_rate")["threshold"].isna().to_dict() == {
        0.25: True,
        0.5: True,
        0.75: False,
        1: False,
    }


def test_nobody_left_and_everybody_left():
    nobody = campaign(FEW.assign(left=0))
    assert not nobody.pays and nobody.caught_share == 0 and math.isinf(nobody.break_even_save_rate)
    assert "Below a save rate" not in nobody.summary()
    everybody = campaign(FEW.assign(left=1))
    assert everybody.contacted_share == 1
    # of one fold, the least likely to leave lies below all that the other knows of
    assert everybody.profit.value == 5 * 40


def test_rows_without_a_value_are_left_out():
    some = FEW.assign(value=[100, np.nan, 100, 100, 100, 100])
    assert campaign(some).n == 5
    with pytest.raises(FitError, match="needs customers with a foretold chance, an outcome and a value"):
        campaign(FEW.assign(value=np.nan))
    with pytest.raises(FitError, match="there are none"):
        campaign(FEW.head(0))


def test_the_sensitivity_has_a_row_for_each_save_rate():
    rows = campaign().table()
    assert rows["save_rate"].tolist() == [0.25, 0.5, 0.75, 1.0]
    assert rows["contacted_share"].is_monotonic_increasing
    assert campaign(save_rate=0.8).table()["save_rate"].tolist() == [0.4, 0.8, 1.0]
    shown = tables.of(campaign(), title="By save rate", currency="EUR").content
    assert [column["label"] for column in shown["columns"]][:2] == ["Save rate, %", "Call from a chance of, %"]


def test_several_rows_of_one_customer_are_one_observation():
    twice = pd.concat([made(500).assign(customer_id=range(500))] * 2, ignore_index=True)
    alone = campaign(twice.drop(columns="customer_id"))
    together = campaign(twice.assign(fold=np.repeat([0, 1], 500)))
    assert (alone.profit.n, together.profit.n) == (1000, 500)
    width = together.profit.high - together.profit.low
    assert width > 1.2 * (alone.profit.high - alone.profit.low)


def test_the_summary_names_assumptions_threshold_and_profit():
    said = campaign(made(), save_rate=0.4).summary()
    assert said.startswith(
        "At €10.00 a contact and a save rate of 40%, it pays best to call customers with a chance of"
    )
    assert "Tried on customers of whom the threshold knew nothing, that brings €" in said
    assert "Below a save rate of" in said
    doubtful = campaign(made(300, 2, signal=False), contact_cost=4.0).summary()
    assert "Whether that pays cannot be told" in doubtful


def test_no_save_rate_pays():
    assert "No save rate would make it pay." in campaign(contact_cost=150).summary()


def test_misuse_is_told():
    with pytest.raises(ValueError, match="`contact_cost` must be 0 or more, got -1"):
        campaign(contact_cost=-1)
    with pytest.raises(ValueError, match="`save_rate` must be a share above 0 and up to 1, got 0"):
        campaign(save_rate=0)
    with pytest.raises(ValueError, match="`save_rate` must be a share above 0 and up to 1, got 2"):
        campaign(save_rate=2)
    with pytest.raises(ValueError, match="must have the columns probability, left, value; missing: left"):
        campaign(FEW.drop(columns="left"))
    with pytest.raises(ValueError, match="0 or 1 in `left`"):
        campaign(FEW.assign(left=2))


def test_the_interval_covers_what_another_round_would_bring():
    """Thresholds from folds, profit per customer against that of the same rule on the law itself."""
    rng, hits, runs = np.random.default_rng(0), 0, 60
    for _run in range(runs):
        frame = made(800, rng.integers(1 << 31)).assign(value=100.0)
        found = campaign(frame, save_rate=0.3)
        # of all customers with such chances, calling above t brings 30 p - 10 each
        law = np.random.default_rng(1).beta(1.0, 9.0, 200_000)
        expected = 800 * np.where(law >= 1 / 3, 30 * law - 10, 0).mean()
        hits += found.profit.low <= expected <= found.profit.high
    assert hits / runs >= 0.85


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1), st.floats(0, 1e4)), min_size=1, max_size=40),
    st.floats(0, 100),
    st.floats(0.01, 1),
)
def test_no_threshold_brings_more_than_the_best(rows, cost, rate):
    frame = pd.DataFrame(rows, columns=["probability", "left", "value"])
    found = campaign(frame, contact_cost=cost, save_rate=rate)
    gain = rate * frame["left"] * frame["value"] - cost

    def brings(threshold):
        return gain[frame["probability"] >= threshold].sum()

    best = brings(found.threshold) if found.pays else 0.0
    assert all(brings(threshold) <= best + 1e-6 for threshold in frame["probability"])


def test_inputs_stay_as_they_are():
    before = FEW.copy()
    campaign()
    pd.testing.assert_frame_equal(FEW, before)


def test_every_sentence_can_be_translated(untranslated):
    said = campaign(made()).summary() + campaign(contact_cost=60).summary() + campaign(contact_cost=150).summary()
    assert untranslated(said.replace("EUR", "")) == []
