"""A staggered rollout: right where effects grow, where two-way fixed effects are not."""

import numpy as np
import pytest

from crmlab.absence import FitError
from crmlab.aggregate.exposure_months import NEVER
from crmlab.uplift.rollout import rollout_effect
from tests.test_uplift_cells import noise, panel, waves

MONTHS = 30


def growing(seed: int, *, n: int = 600, slope: float = 6.0, starts=(8, 14, 20, NEVER), trend: float = 0.0):
    """Waves whose effect grows by `slope` a month; their panel, and what the programme caused per customer-month."""
    rng = np.random.default_rng([7, seed])
    start = waves(rng, n, starts)
    since = np.arange(MONTHS) - start[:, None] + 1
    caused = np.where(since > 0, slope * since, 0.0)
    values = noise(rng, n, MONTHS) + caused
    values += trend * np.arange(MONTHS) * (start < NEVER)[:, None]
    return panel(values, start), float(caused.sum() / (since > 0).sum()), values, since > 0


def two_way(values: np.ndarray, reached: np.ndarray) -> float:
    """The coefficient of the treatment beside fixed effects of customers and of months."""

    def demeaned(x):
        return x - x.mean(axis=0) - x.mean(axis=1, keepdims=True) + x.mean()

    treatment = demeaned(reached.astype(float))
    return float((treatment * demeaned(values)).sum() / (treatment**2).sum())


def test_growing_effects_in_waves_do_not_bias_it_as_they_do_the_two_way_estimate():
    errors, naive, covered = [], [], []
    for seed in range(30):
        made, truth, values, reached = growing(seed)
        effect = rollout_effect(made)
        errors.append(effect.estimate.value / truth - 1)
        naive.append(two_way(values, reached) / truth - 1)
        covered.append(effect.estimate.low <= truth <= effect.estimate.high)
    assert abs(np.mean(errors)) < 0.02
    assert sum(covered) >= 26
    # forbidden comparisons with waves that are still gaining take more than a quarter of the effect away
    assert max(naive) < -0.25


def test_no_effect_is_called_none():
    calls = [rollout_effect(growing(seed, slope=0.0)[0]).p < 0.05 for seed in range(60)]
    assert sum(calls) <= 7


def test_checks_pass_where_groups_ran_alike_and_fail_where_they_did_not():
    alike = rollout_effect(growing(1)[0])
    assert alike.checks["check"].tolist() == ["course", "placebo"]
    assert alike.checks["passed"].all() and alike.strength == "moderate"
    diverging = rollout_effect(growing(1, slope=0.0, trend=3.0)[0])
    assert not diverging.checks["passed"].any() and diverging.strength == "weak"
    assert "did not run alike" in diverging.check_summary()
    assert "that the programme did it is weakly supported" in diverging.summary()
    assert "an effect that cannot be" in diverging.check_summary()
    assert diverging.verdict.startswith("The evidence is weak")


def test_waves_alone_serve_as_comparison():
    made, _truth, _values, _reached = growing(2, starts=(8, 14, 20))
    effect = rollout_effect(made)
    # nobody is left to compare with from the last start on
    assert (effect.controls, effect.months, effect.customer_months) == (0, 12, 200 * 12 + 200 * 6)
    assert effect.left_out == 200 and effect.all_customer_months == 200 * (22 + 16 + 10)


def test_those_won_too_late_are_left_out_and_counted():
    rng = np.random.default_rng(8)
    start = waves(rng, 400, (12, NEVER))
    entry = np.where(np.arange(400) < 100, rng.integers(10, 20, 400), 0)
    effect = rollout_effect(panel(noise(rng, 400, 24), start, entry=entry))
    assert effect.treated == ((start == 12) & (entry <= 9)).sum()
    assert effect.left_out == ((start == 12) & (entry > 9)).sum()
    assert f"{effect.left_out} customers whom it reached are not compared" in effect.design_summary()


def test_won_at_different_times_customers_are_compared_with_their_like():
    """Whoever is new brings more at first; more of the treated are new, and nothing is caused."""
    rng = np.random.default_rng(9)
    start = np.where(rng.random(4_000) < 0.5, 24, NEVER)
    new = rng.random(4_000) < np.where(start == 24, 0.6, 0.2)
    entry = np.where(new, 20, 0)
    since = np.maximum(np.arange(36) - entry[:, None], 0)
    values = noise(rng, 4_000, 36) + 200 * np.exp(-since / 4)
    effect = rollout_effect(panel(np.where(np.arange(36) >= entry[:, None], values, 0.0), start, entry=entry))
    assert effect.p > 0.01
    pooled = rollout_effect(panel(values, start, entry=0))
    assert pooled.p < 1e-6, "all of one band, they seem to lose by the programme"


def test_relative_effect_and_total_follow_from_the_effect():
    made, _truth, values, reached = growing(3)
    effect = rollout_effect(made)
    months = effect.customer_months
    assert effect.total.value == pytest.approx(effect.estimate.value * months)
    brought = values[reached].mean()
    assert effect.relative.value == pytest.approx(effect.estimate.value / (brought - effect.estimate.value))
    assert effect.relative.low < effect.relative.value < effect.relative.high
    assert effect.waves["customer_months"].sum() == months
    assert sum(each.value for each in effect.waves["total"]) == pytest.approx(effect.total.value)


def test_says_what_is_wrong():
    made = growing(4)[0]
    with pytest.raises(ValueError, match="`history_months` must be at least 1, got 0"):
        rollout_effect(made, history_months=0)
    everybody = panel(noise(np.random.default_rng(0), 50, 24), 12)
    with pytest.raises(FitError, match="nobody whom the programme reached can be compared"):
        rollout_effect(everybody)
    few = panel(noise(np.random.default_rng(0), 50, 24), np.array([12] * 3 + [NEVER] * 47))
    with pytest.raises(FitError, match="the programme reached 3 customers who can be compared; it takes 10"):
        rollout_effect(few)
    alone = panel(noise(np.random.default_rng(0), 50, 24), np.array([12] * 47 + [NEVER] * 3))
    with pytest.raises(FitError, match="there are 3 customers to compare with; it takes 10"):
        rollout_effect(alone)
    nothing = panel(np.zeros((50, 24)), np.array([12] * 25 + [NEVER] * 25))
    with pytest.raises(FitError, match="no customer's months differ from another's"):
        rollout_effect(nothing)
