import pytest

from crmlab.diagnosis.advice import ADVICE, portfolio_advice
from crmlab.diagnosis.targets import indicators
from crmlab.intervals import Estimate, Target
from tests.conftest import STRICT

pytestmark = STRICT


def found(value, low=None, high=None, unit="share", label="a figure"):
    return Estimate(value, low, high, unit, 100, label, no_interval="" if low is not None else "a full count")


METRICS = {
    "csat": found(0.73, 0.71, 0.75),
    "nps": found(60.0, 55.0, 65.0, unit="points"),
    "clv_to_cac": found(2.9, 2.7, 3.1, unit="ratio"),
    "top_10_share": found(0.1),
    "overdue_share": found(0.05, 0.04, 0.06),
}


def test_rules_that_hold_the_certain_ones_first():
    given = portfolio_advice(METRICS, indicators())
    assert given.rows["advice"].tolist() == ["product_and_service", "collect", "channels"]
    assert given.rows["certain"].tolist() == [True, True, False]
    # the net promoter score reaches its target: it is no reason
    assert given.rows["because"].iloc[0] == (
        "Satisfaction (CSAT): 73.0% (95% interval 71.0% to 75.0%, n = 100), target 95.0%"
    )
    assert (given.judged, given.unjudged) == (4, len(ADVICE) - 4)
    assert given.table()["evidence"].tolist() == ["clear", "clear", "not certain: the interval allows both"]
    assert given.summary().startswith("3 of 4 rules ask for action, 2 of them beyond doubt. First: Improve product")
    assert given.summary().endswith("11 rules could not be judged for want of figures.")


def test_a_clients_target_takes_the_place_of_the_default():
    kept = portfolio_advice(METRICS, indicators(targets={"csat": Target(0.7)})).rows["advice"].tolist()
    assert kept == ["collect", "channels"]


def test_every_rule_can_hold_and_can_rest():
    ends = {each.name: each for each in indicators()} | {
        each.name: each for each in indicators(periods={"repurchase_rate": 12})
    }
    bad = {name: found(each.floor, unit="ratio") for name, each in ends.items() if each.is_scored}
    bad |= {"revenue_growth": found(-0.1), "roi": found(-0.1)}
    good = {name: found(each.target, unit="ratio") for name, each in ends.items() if each.is_scored}
    assert set(portfolio_advice(bad, tuple(ends.values())).rows["advice"]) == {rule.name for rule in ADVICE}
    rested = portfolio_advice(good, tuple(ends.values()))
    assert rested.rows.empty and rested.table().empty
    assert rested.summary() == "None of the 15 rules that could be judged asks for anything."


def test_nothing_published():
    assert portfolio_advice({}, indicators()).summary() == (
        "No advice can be given: none of the figures it rests on is known."
    )


def test_the_clients_own_rules():
    own = [{"name": "Sites", "when": "sites > 3 and nps > nps_floor", "action": "Close one.", "owner": "Board"}]
    given = portfolio_advice(METRICS | {"sites": found(4.0, unit="ratio")}, indicators(), own=own)
    row = given.table().set_index("title").loc["Sites"]
    assert (row["owner"], row["evidence"]) == ("Board", "clear")
    assert row["because"].startswith("a figure: 4.000 (n = 100)")
    with pytest.raises(ValueError, match=r"advice 1 \(Sites\): .*reads npss_floor.*did you mean nps_floor\?"):
        portfolio_advice(METRICS, indicators(), own=[own[0] | {"when": "npss_floor > 1"}])
