"""Scenarios side by side, and what must be true to break even: against programmes made anew."""

import pandas as pd
import pytest

from crmlab.intervals import Estimate
from crmlab.roi.cash_flows import programme
from crmlab.roi.returns import returns
from crmlab.roi.scenarios import BASE, OPTIMISTIC, PESSIMISTIC, break_even, scenarios
from crmlab.roi.terms import lines_of
from tests.test_roi_cash_flows import AS_OF, EFFECT, FLOWS, REACHED, claimed, measured, table

TERMS = {"as_of": AS_OF, "effect": EFFECT, "reached": REACHED, "effect_persistence": 0.8, "unit": "USD"}
RANGES = {"licence": {"low": 0.9, "high": 1.4}, "effect_persistence": {"low": 0.4, "high": 1.0}}
PLANS = pd.concat(
    [
        FLOWS,
        table(
            ("pessimistic", "2026-01-01", "cost", "licence", 500.0),
            ("pessimistic", "2026-06-30", "benefit", "margin", 100.0),
        ),
    ]
)


def exact(value):
    return Estimate(value, None, None, "USD", 500, no_interval="x")


def rows(found):
    return found.cases.set_index("scenario")


def test_as_expected_is_the_programme():
    found, expected = rows(scenarios(FLOWS, **TERMS)), returns(programme(FLOWS, **TERMS))
    row = found.loc[BASE]
    assert (row.benefits_pv, row.costs_pv, row.npv, row.roi) == pytest.approx(
        (expected.benefits_pv, expected.costs_pv, expected.npv, expected.roi)
    )
    assert row.payback == pytest.approx(expected.payback) and row.effect == 10 and row.plan == "base"


def test_pessimistic_has_every_term_at_its_worse_end_and_takes_the_client_s_plan():
    found = rows(scenarios(PLANS, ranges=RANGES, **TERMS))
    planned = (PLANS["scenario"] == "pessimistic") & (PLANS["kind"] == "cost")
    dear = PLANS.assign(amount=PLANS["amount"].where(~planned, PLANS["amount"] * 1.4))
    worst = returns(
        programme(dear, **(TERMS | {"effect": exact(6.0), "effect_persistence": 0.4, "plan": "pessimistic"}))
    )
    assert found.loc[PESSIMISTIC, "npv"] == pytest.approx(worst.npv)
    assert found.loc[PESSIMISTIC, ["plan", "effect"]].tolist() == ["pessimistic", 6.0]
    assert found.loc[OPTIMISTIC, ["plan", "effect"]].tolist() == ["base", 14.0]
    assert found.loc[PESSIMISTIC, "npv"] < found.loc[BASE, "npv"] < found.loc[OPTIMISTIC, "npv"]


def test_other_plans_and_the_analyst_s_own_scenarios_stand_beside():
    found = rows(scenarios(FLOWS, own={"slow start": {"effect": 5.0, "costs": 1.5}}, **TERMS))
    assert list(found.index) == [PESSIMISTIC, BASE, OPTIMISTIC, "bold", "slow start"]
    benefits, costs = lines_of(programme(FLOWS, **TERMS)).present_values({"effect": 5.0, "costs": 1.5})
    assert found.loc["slow start", "npv"] == pytest.approx(float(benefits - costs))


def test_claims_alone():
    found = scenarios(PLANS, ranges={"benefits": {"low": 0.5, "high": 1.2}}, as_of=AS_OF, unit="USD")
    assert "effect" not in found.table() and rows(found).loc[PESSIMISTIC, "npv"] < rows(found).loc[BASE, "npv"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "The programme pays in all 4 scenarios. Net present value goes from $"),
        ({"effect": Estimate(0.1, 0.0, 0.2, "USD", 5)}, "The programme pays in none of 4 scenarios."),
        (
            {"effect": Estimate(1.5, 1.0, 9.0, "USD", 5)},
            "The programme pays in 2 of 4 scenarios. Net present value goes ",
        ),
    ],
)
def test_summary(options, said):
    assert scenarios(FLOWS, **(TERMS | options)).summary().startswith(said)


def test_at_the_break_even_nothing_is_gained():
    found = break_even(measured(effect_persistence=0.8, claims_kept=["labour"])).conditions.set_index("term")
    effect = found.loc["effect", "needed"]
    options = {"effect_persistence": 0.8, "claims_kept": ["labour"]}
    assert returns(measured(effect=exact(effect), **options)).npv == pytest.approx(0, abs=1e-6)
    lines = lines_of(measured(**options))
    for term in ("costs", "discount_rate"):
        benefits, costs = lines.present_values({term: found.loc[term, "needed"]})
        assert float(benefits - costs) == pytest.approx(0, abs=1e-5)
    assert found["holds"].all() and not found.loc["costs", "at_least"] and found.loc["effect", "at_least"]
    assert found.loc["benefits", "any"] and found.loc["effect_persistence", "any"]


def test_what_does_not_hold_and_what_no_value_would_mend():
    found = break_even(measured(effect=exact(1.0), effect_persistence=0.8)).conditions.set_index("term")
    assert not found["holds"].any() and found.loc["effect", "needed"] > 1
    assert found.loc["effect_persistence", "needed"] is None and not found.loc["effect_persistence", "any"]
    nobody = break_even(measured(reached=REACHED.head(0))).conditions.set_index("term")
    assert nobody.loc["effect", "needed"] is None and not nobody.loc["effect", "any"]


def test_break_even_in_words():
    text = break_even(measured(effect_persistence=0.8)).summary()
    assert text.startswith("Effect on margin must be at least $") and "$10.00 is expected." in text
    assert "Sum of planned costs must be at most " in text and "% of plan; 100% of plan is expected." in text
    poor = break_even(measured(effect=exact(1.0), effect_persistence=0.8))
    assert "Effect left after a year: no value would do." in poor.summary()
    shown = poor.table().set_index("term")
    assert shown["needed"].to_dict()["Effect left after a year"] == "no value would do" and set(shown["holds"]) == {
        "no"
    }
    assert "any value" in set(break_even(measured(effect_persistence=0.8)).table()["needed"])


def test_costs_alone_cannot_break_even():
    found = break_even(claimed(FLOWS[FLOWS["kind"] == "cost"]))
    assert found.summary() == "Discount rate: no value would do. Sum of planned costs: no value would do."


def test_all_is_translated(untranslated):
    found = scenarios(PLANS, own={"slow": {"effect": 5.0}}, **TERMS)
    own = {"base", "bold", "slow", "pessimistic"}
    assert set(untranslated(found.summary() + " ".join(found.table()["scenario"]))) <= own
    for found in (break_even(measured()), break_even(measured(effect=exact(1.0)))):
        assert untranslated(found.summary() + " ".join(found.table().to_numpy().ravel())) == []


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"As expected": {}}, "`own` must have names of their own, got 'As expected'"),
        ({"bold": {}}, "`own` must have names of their own, got 'bold'"),
        ({"slow": {"staff": 2}}, "the programme has no term 'staff'; it has effect, effect_persistence, discount_rate"),
    ],
)
def test_says_what_is_wrong(own, message):
    with pytest.raises(ValueError, match=message):
        scenarios(FLOWS, own=own, **TERMS)
