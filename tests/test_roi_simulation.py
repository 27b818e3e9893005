"""The simulation of returns: against closed forms and single computations, its coverage, its speed, its words."""

import time

import numpy as np
import pandas as pd
import pytest

from crmlab.intervals import Estimate
from crmlab.roi.cash_flows import programme
from crmlab.roi.returns import internal_rates, months_to_payback, net_present_value, returns
from crmlab.roi.simulation import NO_RATE_IN_SOME, NOT_PAID_BACK, NOTHING_DRAWN, SAME, simulate
from crmlab.roi.terms import lines_of
from tests.bench.coverage_roi import coverage
from tests.test_roi_cash_flows import AS_OF, FLOWS, REACHED, claimed, measured, table

RANGES = {"licence": {"low": 0.9, "high": 1.4}, "effect_persistence": {"low": 0.4, "high": 1.0}}
RANGES |= {"discount_rate": {"low": 0.05, "high": 0.2, "shape": "triangular"}, "labour": {"low": 0.2, "high": 1.1}}


def kept(**options):
    return measured(**({"claims_kept": ["labour"], "effect_persistence": 0.8} | options))


@pytest.fixture(scope="module")
def found():
    return simulate(kept(), ranges=RANGES, correlations=[["effect", "licence", -0.5]], draws=4000, seed=3)


def test_of_the_effect_alone_the_interval_is_the_effect_s():
    """The net present value is linear in the effect: its interval is that at the ends of the effect's."""
    result = simulate(measured(), draws=200_000)
    ends = [returns(measured(effect=Estimate(end, None, None, "USD", 1, no_interval="x"))).npv for end in (6.0, 14.0)]
    width = ends[1] - ends[0]
    assert (result.npv.low, result.npv.high) == pytest.approx(tuple(ends), abs=0.01 * width)
    assert result.npv.value == pytest.approx(returns(measured()).npv)
    error = width / (2 * 1.96)
    from scipy import stats

    assert result.probability.value == pytest.approx(stats.norm.sf(-result.npv.value / error), abs=0.002)
    assert result.tornado[["from_term", "to_term"]].to_numpy()[0] == pytest.approx([6, 14])


def test_draws_of_the_effect_are_taken_as_they_are():
    sample = np.random.default_rng(5).gamma(4.0, 2.5, 5000)
    result = simulate(measured(), effect_draws=sample, draws=50_000)
    low, high = np.quantile(sample, [0.025, 0.975])
    assert result.tornado[["from_term", "to_term"]].to_numpy()[0] == pytest.approx([low, high])
    without, one = (
        returns(measured(effect=Estimate(effect, None, None, "USD", 1, no_interval="x"))).npv for effect in (0.0, 1.0)
    )
    slope = one - without
    assert (result.npv.low, result.npv.high) == pytest.approx((without + slope * low, without + slope * high), rel=0.02)


def test_every_draw_is_what_it_would_be_by_itself():
    """Present values and flows of many sets of terms at once, against one programme made anew from each."""
    lines = lines_of(kept())
    rng = np.random.default_rng(0)
    terms = {"effect": rng.normal(10, 3, 20), "licence": rng.uniform(0.5, 2, 20), "labour": rng.uniform(0, 2, 20)}
    terms |= {"effect_persistence": rng.uniform(0, 1, 20), "discount_rate": rng.uniform(0, 0.5, 20)}
    benefits, costs = lines.present_values(terms)
    flows = lines.net_flows(terms)
    for place in range(20):
        own = {name: values[place] for name, values in terms.items()}
        planned = (FLOWS["scenario"] == "base") & (FLOWS["kind"] == "cost") & (FLOWS["category"] == "licence")
        factor = np.where(planned, own["licence"], np.where(FLOWS["category"] == "labour", own["labour"], 1.0))
        anew = kept(
            flows=FLOWS.assign(amount=FLOWS["amount"] * factor),
            effect=Estimate(own["effect"], None, None, "USD", 1, no_interval="x"),
            effect_persistence=own["effect_persistence"],
            annual_discount_rate=own["discount_rate"],
        )
        result = returns(anew)
        assert (benefits[place], costs[place]) == pytest.approx((result.benefits_pv, result.costs_pv))
        assert flows[place] == pytest.approx(result.curve["net"].to_numpy())
        npv = net_present_value(lines.days, flows[place], annual_rate=own["discount_rate"])
        assert benefits[place] - costs[place] == pytest.approx(npv)


def test_rates_and_paybacks_of_many_draws_are_those_of_each():
    from crmlab.roi.simulation import _internal_rates, _paybacks

    lines = lines_of(measured())
    flows = lines.net_flows({"effect": np.linspace(-2, 14, 30)})
    rates, months = _internal_rates(flows, lines.years), _paybacks(flows, lines.years)
    for flow, rate, month in zip(flows, rates, months, strict=True):
        alone = internal_rates(lines.days, flow)
        assert (len(alone) == 1 and alone[0] == pytest.approx(rate, abs=1e-6)) or rate == -np.inf
        expected = months_to_payback(lines.days, flow)
        assert month == (np.inf if expected is None else pytest.approx(expected))
    assert np.isfinite(rates).any() and np.isinf(rates).any() and np.isinf(months).any()


def test_factors_for_all_move_every_category():
    lines = lines_of(claimed())
    apart = dict.fromkeys(("licence", "audit"), 1.3) | dict.fromkeys(("margin", "labour"), 0.5)
    for found, expected in zip(
        lines.present_values({"costs": 1.3, "benefits": 0.5}), lines.present_values(apart), strict=True
    ):
        assert float(found) == pytest.approx(float(expected))
    # set-up was paid
    assert "set-up" not in lines.known and "effect" not in lines.known


def test_intervals_hold_their_values_and_metrics_have_their_names(found):
    metrics = found.metrics()
    assert set(metrics) == {"roi", "npv", "irr", "payback_months", "benefits_pv", "costs_pv"}
    assert all(each.low <= each.value <= each.high for each in metrics.values() if each.low is not None)
    assert metrics["npv"].value == pytest.approx(metrics["benefits_pv"].value - metrics["costs_pv"].value)
    assert metrics["npv"].n == 500 and len(found.table()) == 7


def test_the_curve_ends_at_the_net_present_value(found):
    last = found.curve.iloc[-1]
    assert last["value"] == pytest.approx(found.npv.value)
    assert (last["low"], last["high"]) == pytest.approx((found.npv.low, found.npv.high), rel=0.02)
    paid = found.curve[found.curve["date"] < "2025-07-01"]
    assert paid["value"].tolist() == [-1000] == paid["cumulative"].tolist()


def test_the_tornado_has_the_widest_first(found):
    assert set(found.tornado["parameter"]) == {"effect", *RANGES}
    assert found.tornado["width"].is_monotonic_decreasing and found.tornado["parameter"][0] == "effect"


def test_the_same_seed_gives_the_same_result(found):
    again = simulate(kept(), ranges=RANGES, correlations=[["effect", "licence", -0.5]], draws=4000, seed=3)
    assert (again.draws == found.draws).all() and again.npv == found.npv


def test_simulation_error_of_the_probability():
    """Over seeds, the probability varies as its interval says."""
    runs = [simulate(kept(effect=Estimate(3.0, -3.0, 9.0, "USD", 9)), draws=400, seed=seed) for seed in range(40)]
    exact = simulate(kept(effect=Estimate(3.0, -3.0, 9.0, "USD", 9)), draws=200_000).probability.value
    held = np.mean([run.probability.low <= exact <= run.probability.high for run in runs])
    assert held >= 0.85


def test_the_interval_covers():
    """A small draw of `tests/bench/coverage_roi.py`."""
    assert coverage(100, draws=400)["npv"] >= 0.89


def test_nothing_uncertain():
    result = simulate(claimed(), draws=1000)
    assert result.npv.low is None and result.npv.no_interval == NOTHING_DRAWN
    assert result.probability is None and result.tornado.empty and not len(result.draws)
    assert "No uncertainty is in this figure: nothing uncertain was measured or stated." in result.summary()
    constant = simulate(claimed(), ranges={"costs": {"low": 1, "high": 1}}, draws=1000)
    assert constant.probability is None


def test_parts_pass_over_what_they_do_not_hold():
    stated = {"licence": RANGES["licence"], "margin": {"low": 0.5, "high": 1.0}}
    options = {"ranges": stated, "correlations": [["licence", "margin", 0.5]], "draws": 1000}
    past, whole = simulate(claimed().to_date(), **options), simulate(claimed(), **options)
    assert past.tornado["parameter"].tolist() == ["margin"] and len(whole.tornado) == 2


def test_key_figures():
    assert list(simulate(kept(), draws=200).key_figures()) == ["roi", "npv", "payback_months"]
    assert list(simulate(claimed(FLOWS[FLOWS["kind"] == "cost"]), draws=200).key_figures()) == ["roi", "npv"]


def test_what_was_paid_is_not_drawn():
    result = simulate(measured().to_date(), draws=1000)
    assert result.costs_pv.low is None and result.costs_pv.no_interval == SAME
    assert result.benefits_pv.low < result.benefits_pv.high


@pytest.mark.parametrize(
    ("flows", "options", "said"),
    [
        (measured(), {}, "The programme pays: net present value $7,"),
        (measured(effect=Estimate(1.0, 0.5, 1.5, "USD", 50)), {}, "The programme does not pay: net present value −$"),
        (
            measured(effect=Estimate(2.0, -8.0, 12.0, "USD", 50)),
            {},
            "The programme may or may not pay: net present value",
        ),
        (claimed(), {}, "a year. This rests on the client's claims, for no effect was measured. No uncertainty"),
        (measured(effect=Estimate(2.0, 1.999, 2.001, "USD", 50)), {}, "above zero in all of 1,000 simulated futures"),
        (measured(effect=Estimate(0.1, 0.09, 0.11, "USD", 50)), {}, "above zero in none of 1,000 simulated futures"),
        (measured(effect=Estimate(2.0, -8.0, 12.0, "USD", 50)), {}, "percentage points for the simulation."),
        (programme(FLOWS[FLOWS["kind"] == "benefit"], as_of=AS_OF), {}, "no return on investment: there are no costs."),
        (claimed(FLOWS[FLOWS["kind"] == "cost"]), {}, "The programme does not pay: net present value −$1,6"),
    ],
)
def test_summary(flows, options, said):
    assert said in simulate(flows, draws=1000, **options).summary()


def test_almost_all_draws_is_not_all():
    result = simulate(measured(effect=Estimate(8.7, 4.6, 12.8, "USD", 50)), draws=20_000)
    assert 0.999 < result.probability.value < 1
    assert "above zero in all but " in result.summary()


def test_rate_and_payback_that_some_draws_lack():
    result = simulate(measured(effect=Estimate(2.0, -8.0, 12.0, "USD", 50)), draws=1000)
    assert result.payback.no_interval == NOT_PAID_BACK and result.irr.no_interval == NO_RATE_IN_SOME


def test_one_flow_zero_amounts_and_a_hundred_thousand_draws_of_them():
    one = simulate(programme(table(("actual", "2025-01-01", "cost", "x", 5.0)), as_of=AS_OF, unit="USD"))
    assert one.npv.value == -5 and one.roi.value == -1 and one.irr is None and one.payback is None
    none = simulate(programme(table(("actual", "2025-01-01", "cost", "x", 0.0)), as_of=AS_OF, unit="USD"))
    assert none.npv.value == 0 and none.roi is None
    nobody = simulate(measured(reached=REACHED.head(0)), draws=1000)
    assert nobody.benefits_pv.value == 0 and nobody.npv.value < 0


def test_a_hundred_thousand_draws_take_less_than_two_seconds():
    flows = kept()
    simulate(flows, ranges=RANGES, draws=1000)
    start = time.process_time()
    simulate(flows, ranges=RANGES, correlations=[["effect", "licence", -0.5]], draws=100_000)
    # processor time of all threads; a test beside others has not the whole machine
    assert time.process_time() - start < 4


def test_all_is_translated(untranslated):
    own = {"licence", "labour", "margin"}
    for result in (simulate(kept(), ranges=RANGES, draws=1000), simulate(claimed(), draws=1000)):
        assert set(untranslated(result.summary())) <= own
        assert set(untranslated(" ".join(result.table()["measure"]))) <= own


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 10}, "`draws` must be a whole number of at least 100, got 10"),
        ({"ranges": {"effect": {"low": 1, "high": 2}}}, "`ranges` must not name the effect"),
        (
            {"ranges": {"staff": {"low": 1, "high": 2}}},
            "the programme has no term 'staff'; it has effect",
        ),
        (
            {"ranges": {"effect_persistence": {"low": 0.5, "high": 1.1}}},
            "effect_persistence must be from 0 to 1, got 0.5",
        ),
        ({"ranges": {"discount_rate": {"low": -1, "high": 1}}}, "discount_rate must be of at least -0.99, got -1"),
        ({"ranges": {"licence": {"low": -1, "high": 1}}}, "licence must be of at least 0, got -1 to 1"),
        ({"effect_draws": [1.0]}, "`effect_draws` must be at least 100 finite numbers"),
        ({"confidence_level": 2}, "`confidence_level` must lie between 0 and 1"),
    ],
)
def test_says_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        simulate(measured(), **options)
    with pytest.raises(ValueError, match="`effect_draws` need an effect"):
        simulate(claimed(), effect_draws=np.ones(200))
    with pytest.raises(ValueError, match="the programme has no term 'x'; it has discount_rate"):
        lines_of(claimed()).present_values({"x": 1})


def test_planned_amounts_are_not_changed():
    before = FLOWS.copy()
    simulate(kept(), ranges=RANGES, draws=200)
    pd.testing.assert_frame_equal(FLOWS, before)
