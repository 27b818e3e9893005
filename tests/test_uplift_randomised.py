"""A randomised test: unbiased, narrower for what is known from before, and only as good as its draw."""

import numpy as np
import pytest

from crmlab.absence import FitError
from crmlab.aggregate.exposure_months import NEVER
from crmlab.uplift.randomised import randomised_effect
from tests.test_uplift_cells import noise, panel, waves

EFFECT = 12.0


def drawn(seed: int, *, effect: float = EFFECT, n: int = 300, starts=(10, 13, NEVER)):
    rng = np.random.default_rng([11, seed])
    start = waves(rng, n, starts)
    return panel(noise(rng, n, 20) + effect * (np.arange(20) >= start[:, None]), start)


def test_intervals_cover_and_no_effect_is_called_none():
    found = [(randomised_effect(drawn(seed)), randomised_effect(drawn(seed, effect=0.0))) for seed in range(60)]
    covered = [effect.estimate.low <= EFFECT <= effect.estimate.high for effect, _none in found]
    assert sum(covered) >= 53
    assert sum(none.p < 0.05 for _effect, none in found) <= 7
    assert np.mean([effect.estimate.value for effect, _none in found]) == pytest.approx(EFFECT, abs=1.5)


def test_what_is_known_from_before_narrows_the_interval():
    widths = []
    for adjusted in (True, False):
        found = [randomised_effect(drawn(seed, effect=0.0), adjusted=adjusted).standard_error for seed in range(5)]
        widths.append(np.mean(found))
    assert widths[0] < 0.5 * widths[1]


def test_everybody_is_compared_however_new():
    rng = np.random.default_rng(12)
    entry = rng.integers(0, 11, 600)
    start = waves(rng, 600, (10, NEVER))
    values = np.where(np.arange(20) >= entry[:, None], noise(rng, 600, 20), 0.0)
    effect = randomised_effect(panel(values, start, entry=entry))
    assert effect.treated == 300 and effect.left_out == 0 and effect.estimate.n == 600


def test_a_draw_that_was_none_is_found_out():
    fair = randomised_effect(drawn(1))
    assert fair.strength == "strong" and fair.checks["passed"].all()
    assert "chance decided" in fair.design_summary()
    made = drawn(1)
    order = np.argsort(made.outcomes["margin"].toarray()[:, :10].sum(axis=1))
    start = np.empty(300, dtype=int)
    start[order] = np.repeat([NEVER, 10], 150)
    unfair = randomised_effect(panel(made.outcomes["margin"].toarray(), start))
    assert unfair.strength == "moderate" and not unfair.checks["passed"].any()
    assert "the groups differed by more than chance explains" in unfair.check_summary()
    assert "the draw itself is in doubt" in unfair.verdict


def test_balance_is_shown_with_its_interval():
    check = randomised_effect(drawn(2), unit="CNY").checks.iloc[0]
    assert check["check"] == "balance" and check["estimate"].low < 0 < check["estimate"].high
    assert check["estimate"].unit == "CNY"


def test_a_draw_without_months_before_is_a_difference_in_means():
    rng = np.random.default_rng(13)
    values, start = noise(rng, 200, 6), waves(rng, 200, (0, NEVER))
    effect = randomised_effect(panel(values, start))
    mean = values.mean(axis=1)
    assert effect.estimate.value == pytest.approx(mean[start == 0].mean() - mean[start == NEVER].mean())
    assert effect.checks.empty and effect.strength == "moderate"


def test_says_what_is_wrong():
    with pytest.raises(FitError, match="nobody whom the programme reached can be compared"):
        randomised_effect(panel(noise(np.random.default_rng(0), 50, 24), 12))
    with pytest.raises(FitError, match="the transactions tell no profit"):
        randomised_effect(drawn(0), outcome="profit")
