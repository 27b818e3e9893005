"""Does it pay: plain and adjusted figures of promoters, passives and detractors, and what cannot be told."""

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.absence import Absent, FitError, attempt
from crmlab.aggregate.answer_drivers import answer_outcomes
from crmlab.messages import speaking
from crmlab.nps.adjusted import adjusted_means
from crmlab.nps.payoff import DETRACTORS, PROMOTERS, payoff
from crmlab.tables import of
from tests.bench.coverage_nps_drivers import coverage, draw_outcomes, payoff_covered

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def outcomes(customers=400, seed=0):
    frame, profiles, _law = draw_outcomes(customers, np.random.default_rng(seed))
    return frame, profiles


def test_nothing_to_adjust_for_leaves_the_means():
    group, y = np.repeat([0, 1, 2], 20), np.arange(60.0) + 1
    found = adjusted_means(y, group, np.empty((60, 0)), range(60), amount=True)
    assert found.means == pytest.approx([10.5, 30.5, 50.5])
    value, low, high = found.bounds([1, 0, -1], 0.95)
    assert low < value < high and value == pytest.approx(-40)


def test_an_adjusted_mean_is_that_of_groups_made_alike():
    # large customers spend ten times as much, and are three in four of group 0 and one in four of group 1
    large = np.array([1, 1, 1, 0] * 25 + [1, 0, 0, 0] * 25)
    group = np.repeat([0, 1], 100)
    spend = np.where(large, 1000.0, 100.0) * np.where(group == 0, 1.2, 1.0)
    found = adjusted_means(spend, group, large[:, None], range(200), amount=True)
    assert found.means == pytest.approx([1.2 * 550, 550], rel=1e-6)


def test_standard_error_is_that_of_two_samples():
    rng = np.random.default_rng(0)
    group, y = np.repeat([0, 1], 300), rng.normal(10, 2, 600)
    error, _freedom = adjusted_means(y, group, np.empty((600, 0)), range(600), amount=True).standard_error([1, -1])
    expected = np.sqrt(y[:300].var() / 300 + y[300:].var() / 300)
    assert error == pytest.approx(expected, rel=0.01)


def test_answers_of_one_customer_are_no_more_evidence():
    rng = np.random.default_rng(0)
    group, y, z = rng.integers(0, 2, 200), rng.random(200).round(), rng.normal(size=(200, 1))
    once = adjusted_means(y, group, z, range(200), amount=False)
    twice = adjusted_means(*(np.repeat(each, 2, axis=0) for each in (y, group, z, np.arange(200))), amount=False)
    assert twice.standard_error([1, -1])[0] == pytest.approx(once.standard_error([1, -1])[0])


def test_groups_that_nothing_can_make_alike():
    group = np.repeat([0, 1], 50)
    y = (np.arange(100) % 50 < 25).astype(float)
    with pytest.raises(FitError, match="the groups differ too much in other things to be made alike"):
        adjusted_means(y, group, (y * 2 - 1)[:, None], range(100), amount=False)


def test_plain_and_adjusted_figures():
    frame, profiles = outcomes()
    found = payoff(frame, profiles, unit="CNY")
    rows = found.groups.set_index("group")
    promoters = frame[frame["nps"] >= 9]
    assert rows.loc[PROMOTERS, "answers"] == len(promoters)
    assert rows.loc[PROMOTERS, "retention"].value == pytest.approx(promoters["retained"].mean())
    assert rows.loc[PROMOTERS, "spend"].value == pytest.approx(promoters["spend_after"].mean())
    # promoters are large more often, and would spend more anyway
    plain = rows.loc[PROMOTERS, "spend"].value - rows.loc[DETRACTORS, "spend"].value
    assert 0 < found.differences["spend"].value < plain
    assert found.adjusted_for == ("segment", "earlier spend")
    assert found.reasons == {"clv": "the client's tables do not say"}
    assert list(found.table()) == [
        "group", "answers", "retention", "spend", "retention_adjusted", "spend_adjusted",
    ] or "clv" not in found.table()  # fmt: skip


def test_summary_speaks_of_association():
    found = payoff(*outcomes(), unit="CNY", months=6)
    said = found.summary()
    assert said.startswith("Over 6 months after the answer, ")
    assert "percentage points (95% interval" in said
    assert "These are associations, with the groups made alike in segment, earlier spend" in said
    assert "because" not in said and "cause" not in said


def test_lifetime_value_goes_by_the_latest_answer():
    frame, profiles = outcomes()
    latest = frame.drop_duplicates("customer_id", keep="last")
    clv = pd.DataFrame({"customer_id": latest["customer_id"], "clv": np.where(latest["nps"] >= 9, 900.0, 300.0)})
    clv["clv"] *= np.random.default_rng(0).gamma(9, 1 / 9, len(clv))
    found = payoff(frame, profiles, clv, unit="CNY")
    rows = found.groups.set_index("group")
    assert rows.loc[PROMOTERS, "clv"].n == (latest["nps"] >= 9).sum()
    assert 550 < found.differences["clv"].value < 650
    assert "The expected lifetime value of promoters is CN¥" in found.summary()


def test_answers_that_are_not_followed_long_enough_count_for_nothing():
    frame, profiles = outcomes()
    young = frame.assign(followed=False, retained=0.0, spend_after=9e9)
    both = pd.concat([frame, young], ignore_index=True)
    one, other = payoff(frame, profiles, unit="CNY"), payoff(both, profiles, unit="CNY")
    assert str(one.differences["spend"]) == str(other.differences["spend"])


def test_everybody_stayed():
    frame, profiles = outcomes()
    found = payoff(frame.assign(retained=1.0), profiles, unit="CNY")
    assert found.reasons["retention"] == "all of a group did the same"
    retention = found.groups.set_index("group").loc[PROMOTERS, "retention"]
    assert retention.value == retention.high == 1 and 0.97 < retention.low < 1
    assert "retention" not in found.differences and "spent" in found.summary()


def test_a_group_that_brought_nothing():
    frame, profiles = outcomes()
    found = payoff(frame.assign(spend_after=0.0), profiles, unit="CNY")
    assert found.reasons["spend"] == "a group brought nothing"


def test_only_promoters():
    frame, profiles = outcomes()
    found = payoff(frame.assign(nps=10.0), profiles, unit="CNY")
    assert found.reasons["spend"] == "too few answers can be followed"
    assert found.groups["retention"].notna().tolist() == [True, False, False]
    assert found.summary() == "Whether satisfaction pays cannot be told: too few answers can be followed."


def test_no_profiles_and_no_earlier_spend():
    frame, _profiles = outcomes()
    found = payoff(frame.drop(columns=["spend_before"]), unit="CNY")
    assert found.adjusted_for == ()
    assert "These are associations: they do not prove" in found.summary()


def test_of_contracts_alone():
    frame, profiles = outcomes()
    found = payoff(frame.drop(columns=["spend_before", "spend_after"]), profiles)
    assert set(found.differences) == {"retention"}
    assert found.reasons["spend"] == "the client's tables do not say"


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (outcomes()[0].iloc[:0], "no score from 0 to 10 is of a known customer, so that none can be followed"),
        (outcomes()[0].assign(followed=False), "no answer of a known customer can be followed over 12 months"),
        (outcomes()[0].iloc[:5], "no answer of a known customer can be followed over 12 months"),
        (outcomes()[0][["customer_id", "nps", "followed"]], "no answer of a known customer can be followed"),
    ],
)
def test_what_cannot_be_followed_is_absent(frame, reason):
    found = attempt(payoff, frame)
    assert isinstance(found, Absent) and found.reason.startswith(reason)


def test_xinglin_s_promoters_stay(example):
    client = crmlab.open("xinglin")
    tables = {name: client.table(name) for name in ("contracts", "transactions", "customers")}
    frame = answer_outcomes(client.table("surveys"), until=client.as_of, **tables)
    with speaking("en"):
        found = payoff(frame, client.optional("customers"), unit=client.currency)
    assert found.differences["retention"].low > 0
    rows = found.groups.set_index("group")
    assert rows.loc[PROMOTERS, "retention_adjusted"].value > rows.loc[DETRACTORS, "retention_adjusted"].value
    assert found.adjusted_for == ("segment", "earlier spend", "time as a customer")


def test_intervals_hold_the_truth():
    shares = coverage(payoff_covered, 30, 300)
    # of 30, 95% leaves fewer than 24 once in three thousand
    assert shares.min() >= 0.8
    assert shares.mean() >= 0.88


def test_table_is_shown():
    content = of(payoff(*outcomes(), unit="CNY"), title="Payoff", currency="CNY").content
    assert [column["label"] for column in content["columns"]][:2] == ["Answer", "Answers followed"]


def test_frames_are_not_changed():
    frame, profiles = outcomes()
    before = frame.copy()
    payoff(frame, profiles)
    pd.testing.assert_frame_equal(frame, before)


def test_every_word_can_be_translated(untranslated):
    said = payoff(*outcomes(), unit="CNY").summary()
    assert set(untranslated(said)) <= {"n", "CN"}
