"""Early warning: who is at risk, why, what to do, and what would be lost."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from crmlab import tables
from crmlab.absence import FitError
from crmlab.churn.at_stake import severity
from crmlab.churn.reasons import ACTIONS, RULES, in_words, leading_drivers, suggested_action
from crmlab.churn.warning import early_warning, silence_warning, warning_metrics

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

IDS = ["A", "B", "C", "D"]
CHANCES = pd.DataFrame({"customer_id": IDS, "probability": [0.5, 0.1, 0.4, 0.0]})
VALUES = pd.DataFrame({"customer_id": ["C", "A", "B", "Z"], "clv": [1000.0, 100.0, 2000.0, 9.0]})
ADDED = pd.DataFrame(
    {
        "response_hours": [0.8, 0.0, 0.2, -1.0],
        "complaints_per_year": [0.3, 0.05, 0.9, -0.2],
        "tenure_months": [0.5, -0.5, np.nan, -0.1],
    }
)
OWN = pd.DataFrame({"response_hours": [30.0, 10, 14, 2], "complaints_per_year": [2, 0, 4, 0], "tenure_months": 12.0})
LABELS = {"response_hours": "hours to the first answer"}


def warned(**options):
    given = {"values": VALUES, "currency": "EUR", "threshold": 0.3} | options
    return early_warning(CHANCES, ADDED, labels=LABELS, described=OWN, **given)


def test_customers_are_ranked_by_chance_times_value_those_without_a_value_last():
    found = warned().customers
    assert found["customer_id"].tolist() == ["C", "B", "A", "D"]
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert found["value_at_risk"].tolist()[:3] == [400, 200, 50]
    assert np.isnan(found["value_at_risk"].iloc[3])
    assert found["at_risk"].tolist() == [True, False, True, False]


def test_totals_are_sums_over_all_customers_and_lie_in_their_intervals():
    result = warned()
    total, leavers = result.value_at_risk, result.leavers
    assert (total.value, total.unit, total.n) == (650, "EUR", 3)
    assert total.low == 0 and total.high == 3100
    assert leavers.value == pytest.approx(1.0) and (leavers.low, leavers.high) == (0, 3)
    assert result.metrics() == {"customers_at_risk": result.at_risk, "value_at_risk": total}
    assert (result.at_risk.value, result.at_risk.unit) == (2, "customers")


def test_reasons_are_the_drivers_that_raise_the_risk_the_strongest_first_and_three_at_most():
    found = leading_drivers(ADDED)
    assert found.loc[0].tolist() == ["response_hours", "tenure_months", "complaints_per_year"]
    assert found.loc[1].tolist() == [None, None, None]
    assert found.loc[2].tolist() == ["complaints_per_year", "response_hours", None]
    assert leading_drivers(ADDED[["tenure_months"]]).shape == (4, 1)


def test_reasons_tell_the_customers_own_values_against_the_average_of_all():
    found = warned().customers.set_index("customer_id")
    assert found.loc["C", "reason"] == (
        "Complaints per year: 4 (average 1.50); Hours to the first answer: 14 (average 14.0)"
    )
    assert found.loc["A", "reason"].startswith("Hours to the first answer: 30 (average 14.0); Tenure months: 12")
    assert found.loc["B", "reason"] == ""


def test_reasons_without_values_are_named_alone_and_texts_need_no_average():
    drivers = pd.DataFrame({1: ["plan", "hours"], 2: [None, "plan"]}, dtype=object)
    own = pd.DataFrame({"plan": ["Basic", None]}, dtype=object)
    assert in_words(drivers, None, own) == ["Plan: Basic", "Hours; Plan"]


@pytest.mark.parametrize(
    ("driver", "action"),
    [
        ("days_past_due", "payment_talk"),
        ("response_hours", "service_recovery"),
        ("delivery_delay_days", "service_recovery"),
        ("cases", "service_recovery"),
        ("satisfaction", "care_call"),
        ("last_nps", "care_call"),
        ("days_since_purchase", "win_back"),
        ("value", "win_back"),
        ("contract", "renewal_talk"),
        ("log_tenure", "renewal_talk"),
        ("tech_support", "upgrade_offer"),
        ("投诉次数", "service_recovery"),
        ("age", "personal_call"),
        (None, "personal_call"),
    ],
)
def test_actions_follow_from_the_driver(driver, action):
    assert suggested_action(driver) == action
    assert {name for name, _rule in RULES} | {"personal_call"} == set(ACTIONS)


def test_a_client_says_otherwise_by_driver_and_in_words_of_its_own():
    own = {"complaints_per_year": "personal_call", "response_hours": "Send the technician"}
    found = warned(actions=own)
    assert found.customers.set_index("customer_id")["action"].to_dict() == {
        "C": "personal_call", "B": "personal_call", "A": "Send the technician", "D": "personal_call",
    }  # fmt: skip
    assert set(found.alerts()["action"]) == {"Personal call: ask for the reason", "Send the technician"}


def test_alerts_are_those_at_risk_and_the_first_is_always_severe():
    alerts = warned().alerts()
    assert alerts["customer_id"].tolist() == ["C", "A"]
    assert alerts["severity"].tolist() == ["high", "low"]
    assert alerts["kind"].unique() == ["churn"]
    assert alerts["value_at_risk"].tolist() == [400, 50]
    assert alerts["source"].iloc[0] == "customers.csv: customer_id=C"


def test_severity_follows_what_is_at_stake():
    assert severity(pd.Series([50.0, 20, 15, 15])).tolist() == ["high", "medium", "medium", "low"]
    assert severity(pd.Series([0.0, 0.0])).tolist() == ["low", "low"]


def test_the_page_names_nobody():
    result = warned()
    assert "customer_id" not in result.table() and "customer_id" not in result.first().table()
    assert result.first(1).table()["rank"].tolist() == [1]
    assert result.table()["reason"].tolist() == ["Complaints per year", "Hours to the first answer"]
    shown = tables.of(result, title="Reasons", currency="EUR").content
    assert [column["label"] for column in shown["columns"]][-2:] == ["Value at risk, €", "Suggested action"]


def test_what_the_client_s_own_crm_learns_is_one_row_per_customer():
    found = warned().customer_list()
    assert list(found) == ["customer_id", "churn_probability", "churn_value_at_risk", "churn_rank", "churn_at_risk"]
    assert len(found) == 4


def test_the_summary_says_how_many_what_goes_with_them_and_why():
    said = warned().summary()
    assert said.startswith(
        "Of 4 customers, 2 (50.0%) are at risk, each with a chance of 30.0% or more of leaving within the next month; "
    )
    assert "€600 (95% interval €0 to €3,100, n = 3) of customer value is expected to go with those who leave" in said
    assert "customers at risk hold 69.2% of it" in said
    assert "“Complaints per year”; suggested there: Service recovery" in said


def test_without_values_the_chance_ranks_and_no_money_is_spoken_of():
    found = early_warning(CHANCES, threshold=0.3, period_months=3)
    assert found.customers["customer_id"].tolist() == ["A", "C", "B", "D"]
    assert found.value_at_risk is None and set(found.metrics()) == {"customers_at_risk"}
    assert "value_at_risk" not in found.table() and list(found.first().table()) == [
        "rank",
        "reason",
        "probability",
        "action",
    ]
    assert "next 3 months" in found.summary() and "value" not in found.summary()
    assert found.alerts()["reason"].tolist() == ["Nothing stands out"] * 2


def test_nobody_and_everybody_at_risk():
    assert "Of 4 customers none has a chance of 90.0% or more" in warned(threshold=0.9).summary()
    assert warned(threshold=0.9).alerts().empty and warned(threshold=0.9).table().empty
    sure = early_warning(CHANCES.assign(probability=1.0), threshold=0.5)
    assert (sure.at_risk.value, sure.leavers.low, sure.leavers.high) == (4, 4, 4)
    never = early_warning(CHANCES.assign(probability=0.0), values=VALUES, currency="EUR")
    assert (never.at_risk.value, never.value_at_risk.value) == (0, 0)
    assert str(never.at_risk) == "0 customers (n = 4)" and "€0" in never.summary()


def test_one_customer_and_none():
    one = early_warning(CHANCES.head(1), ADDED.head(1), values=VALUES, currency="EUR", threshold=0.3)
    assert "Of 1 customers, 1 (100.0%) is at risk" in one.summary()
    with pytest.raises(FitError, match="needs customers who could still leave, there are none"):
        early_warning(CHANCES.head(0))


def test_without_a_threshold_twice_the_average_is_at_risk():
    found = early_warning(CHANCES)
    assert found.threshold == pytest.approx(0.5)
    assert found.customers.loc[found.customers["at_risk"], "customer_id"].tolist() == ["A"]


def test_misuse_is_told():
    with pytest.raises(ValueError, match="must have the columns customer_id and probability; missing: probability"):
        early_warning(CHANCES[["customer_id"]])
    with pytest.raises(ValueError, match="must be a share from 0 to 1"):
        early_warning(CHANCES.assign(probability=1.2))
    with pytest.raises(ValueError, match="must be a share from 0 to 1"):
        early_warning(CHANCES.assign(probability=np.nan))
    with pytest.raises(ValueError, match="one row per customer, got 1 customer_id repeated"):
        early_warning(pd.concat([CHANCES, CHANCES.head(1)]))
    with pytest.raises(ValueError, match="must be of the same 4 customers, got 3"):
        early_warning(CHANCES, ADDED.head(3))


def test_inputs_stay_as_they_are():
    before = CHANCES.copy(), ADDED.copy(), VALUES.copy(), OWN.copy()
    warned()
    for frame, kept in zip((CHANCES, ADDED, VALUES, OWN), before, strict=True):
        pd.testing.assert_frame_equal(frame, kept)


def test_rows_in_another_order_and_with_another_index_give_the_same():
    order = [2, 0, 3, 1]
    other = early_warning(
        CHANCES.iloc[order], ADDED.iloc[order], labels=LABELS, described=OWN.iloc[order], values=VALUES, currency="EUR",
        threshold=0.3,
    )  # fmt: skip
    pd.testing.assert_frame_equal(other.customers, warned().customers)


def test_uncertain_chances_make_the_interval_wider():
    many = pd.DataFrame({"customer_id": range(2000), "probability": 0.1})
    known = early_warning(many).leavers
    assert known.high - known.low < 60
    draws = np.linspace(0.08, 0.12, 200)[:, None] * np.ones(2000)
    drawn = early_warning(many, probability_draws=draws).leavers
    assert known.high - known.low < drawn.high - drawn.low


def test_the_interval_of_what_is_lost_covers_it():
    """A logistic model is fitted, its coefficients drawn; what is then lost lies in the interval."""
    rng, hits, runs = np.random.default_rng(3), 0, 40
    for run in range(runs):
        x = rng.normal(size=(600, 2))
        design, truth = np.c_[np.ones(600), x], np.array([-2.0, 0.8, -0.5])
        y = rng.random(600) < expit(design @ truth)
        beta = np.zeros(3)
        for _step in range(12):
            p = expit(design @ beta)
            information = design.T @ (design * (p * (1 - p))[:, None])
            beta = beta + np.linalg.solve(information, design.T @ (y - p))
        now = np.c_[np.ones(500), rng.normal(size=(500, 2))]
        drawn = expit(rng.multivariate_normal(beta, np.linalg.inv(information), size=200) @ now.T)
        value = rng.gamma(1.0, 100.0, 500)
        lost = value[rng.random(500) < expit(now @ truth)].sum()
        customers = pd.DataFrame({"customer_id": range(500), "probability": expit(now @ beta), "clv": value})
        total = early_warning(
            customers, values=customers, currency="EUR", probability_draws=drawn, seed=run
        ).value_at_risk
        hits += total.low <= lost <= total.high
    assert 0.88 <= hits / runs <= 1


ALIVE = pd.DataFrame(
    {"customer_id": list("ABCDE"), "p_alive": [0.4, 0.3, 0.02, 0.45, 0.9], "clv": [80.0, 10, 1, 30, 90]}
)
# weeks: A silent for 6, usually 2; B for 10, usually 2; C for 49; D bought once; E bought last week
HISTORY = pd.DataFrame(
    {
        "customer_id": list("ABCDE"),
        "frequency": [5, 5, 1, 0, 9],
        "recency": [10.0, 10.0, 1.0, 0.0, 18.0],
        "T": [15.0, 20.0, 50.0, 30.0, 19.0],
    }
)


def silent(**options):
    return silence_warning(ALIVE, HISTORY, **({"currency": "USD"} | options))


def test_silence_longer_than_usual_is_a_reason_and_who_has_most_likely_left_is_not_at_risk():
    found = silent().customers.set_index("customer_id")
    assert found.loc["A", "value_at_risk"] == pytest.approx(0.6 * 80)
    assert found["at_risk"].to_dict() == {"A": True, "B": True, "C": False, "D": True, "E": False}
    assert found.loc["A", "reason"] == "silent for 35 days; usually buys every 14 days"
    assert found.loc["B", "driver"] == "long_silence" and found.loc["A", "driver"] == "silence"
    assert found.loc["D", "reason"].startswith(
        "bought once, 210 days ago; customers who come back do so within 14 days"
    )
    assert found.loc["E", "driver"] is None


def test_silence_is_summed_up_with_those_who_have_left():
    result = silent()
    assert result.silent and result.gone == 1
    said = result.summary()
    assert said.startswith(
        "Of 5 customers, 3 (60.0%) are at risk: silent for longer than usual, and with a chance of 50.0% to 90.0% of "
        "having left; 1 have most likely left."
    )
    assert "of what the forecast counts on is at risk" in said
    assert result.alerts()["kind"].unique() == ["silence"]
    assert "silence_probability" in result.customer_list()
    assert result.table()["action"].str.startswith(("Win-back", "Care call")).all()


def test_metrics_are_those_of_the_first_warning_there_is():
    from crmlab.absence import Absent

    both = warning_metrics(warned(), silent())
    assert list(both) == ["customers_at_risk", "value_at_risk", "silent_customers_at_risk", "silent_value_at_risk"]
    assert both["customers_at_risk"].n == 4 and both["silent_customers_at_risk"].n == 5
    assert warning_metrics(Absent("no contracts"), silent()) == silent().metrics()
    assert warning_metrics(Absent("no contracts"), Absent("no purchases")) == {}


def test_silence_says_when_nobody_is_at_risk():
    assert "none is at risk who could still be won back; 1 have most likely left" in silent(threshold=0.8).summary()


def test_nobody_came_back_so_that_no_silence_is_unusual():
    once = HISTORY.assign(frequency=0, recency=0.0)
    nobody = silence_warning(ALIVE, once, currency="USD").at_risk
    assert (nobody.value, nobody.n) == (0, 5)


def test_silence_without_value_and_in_other_units():
    found = silence_warning(ALIVE.drop(columns="clv"), HISTORY, time_unit="day", actions={"silence": "Write"})
    assert found.value_at_risk is None
    reasons = found.customers.set_index("customer_id")
    assert reasons.loc["A", "reason"] == "silent for 5 days; usually buys every 2 days"
    assert reasons.loc["A", "action"] == "Write"


def test_silence_misused():
    with pytest.raises(ValueError, match="`time_unit` must be one of day, week, month, got 'year'"):
        silent(time_unit="year")
    with pytest.raises(ValueError, match="`threshold` must lie above 0 and below `gone_from`, got 0.9 and 0.5"):
        silent(threshold=0.9, gone_from=0.5)


def test_the_model_behind_silence_widens_its_interval():
    from crmlab.purchases import fit_bg_nbd

    rng = np.random.default_rng(5)
    T = np.full(400, 40.0)
    x = rng.poisson(rng.gamma(1.0, 3.0, 400))
    t_x = np.where(x > 0, T * rng.random(400) ** (1 / np.maximum(x, 1)), 0.0)
    history = pd.DataFrame({"customer_id": range(400), "frequency": x, "recency": t_x, "T": T})
    model = fit_bg_nbd(history)
    alive = pd.DataFrame({"customer_id": range(400), "p_alive": model.p_alive(history), "clv": 10.0})
    chance, both = (silence_warning(alive, history, purchases=given).leavers for given in (None, model))
    assert chance.value == both.value
    assert chance.high - chance.low < both.high - both.low


def test_every_sentence_can_be_translated(untranslated):
    said = warned().summary() + silent().summary() + warned(threshold=0.9).summary() + silent(threshold=0.8).summary()
    for name in ("Complaints per year", "Silent", "USD"):
        said = said.replace(name, "")
    assert untranslated(said) == []
