"""Rates of groups drawn towards one another."""

import numpy as np
import pytest
from scipy import stats

from crmlab.shrinkage import _grid, _quantiles, shrunken_rates
from tests.bench.coverage_contribution import coverage

SUCCESSES, TRIALS = np.array([3, 0, 10, 5, 1]), np.array([10, 5, 20, 6, 30])


def test_small_groups_are_drawn_further():
    found = shrunken_rates([1, 10, 40, 41, 39], [1, 10, 100, 100, 100])
    pooled = 131 / 311
    assert pooled < found[0].value < found[1].value < 1
    assert abs(found[2].value - 0.4) < 0.03
    assert [each.n for each in found] == [1, 10, 100, 100, 100]


def test_alike_groups_come_close_together_and_unlike_ones_stay_apart():
    alike, unlike = shrunken_rates([30, 31, 29], [100] * 3), shrunken_rates([5, 50, 95], [100] * 3)
    assert max(each.value for each in alike) - min(each.value for each in alike) < 0.01
    assert [each.value for each in unlike] == pytest.approx([0.05, 0.5, 0.95], abs=0.02)


def test_quantiles_are_those_of_the_mixture():
    a, b, weights = _grid(SUCCESSES.astype(float), TRIALS.astype(float))
    for levels in ((0.025, 0.975), (0.5,)):
        found = _quantiles(a + 3, b + 7, weights, levels)
        reached = [weights @ stats.beta.cdf(each, a + 3, b + 7) for each in found]
        assert reached == pytest.approx(levels, abs=1e-3)


def test_the_grid_is_fine_enough():
    """A grid of another size, made by hand over the whole range, gives the same mean."""
    mean, root = np.meshgrid(np.linspace(0.0025, 0.9975, 200), np.linspace(0.0025, 0.9975, 200))
    size = root**-2 - 1
    fit = sum(
        stats.betabinom.logpmf(s, n, mean * size, (1 - mean) * size) for s, n in zip(SUCCESSES, TRIALS, strict=True)
    )
    weights = np.exp(fit - fit.max())
    expected = (weights * (mean * size + 3) / (size + 10)).sum() / weights.sum()
    assert shrunken_rates(SUCCESSES, TRIALS)[0].value == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("successes", "trials"), [([0, 0, 0], [5, 1, 30]), ([5, 1, 30], [5, 1, 30]), ([0, 30, 0], [30, 30, 30]),
                              ([1e4, 2e4, 1.5e4], [1e5] * 3), ([0.3, 0.2, 0.9], [0.5, 1.5, 1.0])]
)  # fmt: skip
def test_extreme_rates_have_intervals(successes, trials):
    for each, own in zip(shrunken_rates(successes, trials), np.divide(successes, trials), strict=True):
        assert 0 <= each.low <= each.value <= each.high <= 1
        assert each.high - each.low > 0
        assert abs(each.value - own) < 0.4


def test_two_groups_say_nothing_of_what_is_common():
    assert shrunken_rates([1, 2], [5, 5]) is None


def test_intervals_cover():
    assert coverage("shrinkage", draws=25)["groups"] == pytest.approx(0.95, abs=0.04)


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="`successes` must lie between 0 and `trials`"):
        shrunken_rates([1, 2, 9], [5, 5, 5])
