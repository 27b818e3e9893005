"""Continue, extend, mend or stop: the rules, each case, and the words."""

import pytest

from crmlab.intervals import Estimate
from crmlab.roi.decision import CONTINUE, EXTEND, MEASURE, MEND, STOP, decide
from crmlab.roi.simulation import simulate
from tests.test_roi_budget import SEGMENTS, spread
from tests.test_roi_cash_flows import FLOWS, claimed, measured

BUDGET, NOTHING_MORE = spread(), spread(SEGMENTS.tail(1))


def decided(effect=(10.0, 6.0, 14.0), **options):
    value, *ends = effect
    programme = measured(effect=Estimate(value, *ends, "USD", 500), effect_persistence=0.8)
    whole, ahead = simulate(programme, draws=2000), simulate(programme.ahead(), draws=2000)
    return decide(whole, ahead, **({"strength": "strong"} | options))


@pytest.mark.parametrize(
    ("effect", "options", "verdict"),
    [
        ((10.0, 6.0, 14.0), {}, CONTINUE),
        ((10.0, 6.0, 14.0), {"budget": NOTHING_MORE}, CONTINUE),
        ((10.0, 6.0, 14.0), {"budget": BUDGET}, EXTEND),
        ((10.0, 6.0, 14.0), {"budget": BUDGET, "strength": "moderate"}, EXTEND),
        ((10.0, 6.0, 14.0), {"budget": BUDGET, "strength": "weak"}, MEND),
        ((0.6, -0.4, 1.6), {"budget": BUDGET}, MEND),
        ((0.9, -0.1, 1.9), {"likely": 0.55}, CONTINUE),
        ((-1.0, -2.0, 0.0), {"budget": BUDGET}, STOP),
        ((-1.0, -2.0, 0.0), {"strength": "weak"}, MEND),
    ],
)
def test_rules(effect, options, verdict):
    assert decided(effect, **options).verdict == verdict


def test_what_was_spent_decides_nothing():
    """All in all it does not pay; what is still to come does."""
    found = decided((1.6, 1.5, 1.7))
    assert found.paid.high < 0 and found.chance.value == 1 and found.verdict == CONTINUE


def test_claims_alone_are_to_be_measured_unless_not_even_they_pay():
    found = decide(simulate(claimed(), draws=200), simulate(claimed().ahead(), draws=200), budget=BUDGET)
    assert found.verdict == MEND and found.chance is None and MEASURE in found.conditions
    assert found.summary().startswith(
        "Measure the programme's effect before more is spent: how sure its return is, nobody"
    )
    poor = claimed(FLOWS[FLOWS["kind"] == "cost"])
    found = decide(simulate(poor, draws=200))
    assert found.verdict == STOP and found.summary().startswith(
        "Stop the programme: not even what is claimed of it pays."
    )
    ranged = simulate(claimed(), ranges={"benefits": {"low": 0.5, "high": 1.1}}, draws=200)
    assert decide(ranged).verdict == MEND and "No effect was measured" in decide(ranged).summary()


def test_an_effect_without_an_interval_is_weak_evidence():
    exact = simulate(measured(effect=Estimate(10.0, None, None, "USD", 9, no_interval="x")), draws=200)
    found = decide(exact, strength="strong")
    assert (found.verdict, found.strength, found.chance) == (MEND, "weak", None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": BUDGET}, "Extend the programme: what is still to come pays in 100.0% of simulated futures, and "),
        ({}, "Continue the programme: what is still to come pays in 100.0% of simulated futures. The evidence for its "
         "effect is strong. With what was spent already, its net present value is $"),
        ({"strength": "weak"}, "Measure the programme's effect before more is spent: what is still to come pays in "),
        ({"effect": (0.6, -0.4, 1.6)}, "Mend the programme before more is spent: what is still to come pays in "),
        ({"effect": (-1.0, -2.0, 0.0)}, "Stop the programme: what is still to come pays in only "),
    ],
)  # fmt: skip
def test_summary(options, said):
    assert decided(**options).summary().startswith(said)


def test_conditions():
    found = decided(budget=BUDGET, strength="moderate")
    assert found.conditions[0].startswith("Effect on margin must be at least $")
    assert MEASURE in found.conditions
    assert found.conditions[-2].startswith("Extend to farms, where one more customer brings $1,020 (95% interval")
    assert len(found.table()) == len(found.conditions)
    assert MEASURE not in decided().conditions
    assert decided((-1.0, -2.0, 0.0)).conditions == (
        "Check first what stopping itself would cost: it is not among the flows.",
    )


def test_all_is_translated(untranslated):
    own = {"farms", "mills", "parks", "towns"}
    cases = [{"budget": BUDGET}, {}, {"strength": "weak"}, {"effect": (0.6, -0.4, 1.6)}, {"effect": (-1.0, -2.0, 0.0)}]
    for options in cases:
        found = decided(**options)
        assert set(untranslated(found.summary() + " ".join(found.conditions))) <= own


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="`likely` must be a chance from 0.5 to less than 1, got 0.2"):
        decided(likely=0.2)
    with pytest.raises(ValueError, match="`strength` must be strong, moderate, weak or None, got 'good'"):
        decided(strength="good")
    with pytest.raises(ValueError, match="the effect was measured: `strength` must say how strong"):
        decided(strength=None)
