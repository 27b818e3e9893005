"""Effects of groups drawn towards one another."""

import numpy as np
import pytest
from scipy import stats

from crmlab.normal_shrinkage import _posterior, _quantile, heterogeneity_p, shrunken_effects

SCHOOLS = ([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])


def shrunken(values, errors):
    return shrunken_effects(values, errors, unit="CNY", counts=[100] * len(values))


def test_the_eight_schools():
    """Rubin's coaching experiments; posterior means as in Gelman and others, Bayesian Data Analysis, 5.5."""
    found = shrunken(*SCHOOLS)
    assert [each.estimate.value for each in found] == pytest.approx([11.4, 7.9, 6.3, 7.7, 5.1, 6.1, 10.6, 8.4], abs=0.5)
    assert found[0].standard_error == pytest.approx(8.3, abs=0.6)
    assert found[0].estimate.low == pytest.approx(-2, abs=1) and found[0].estimate.high == pytest.approx(31, abs=2)


def test_uncertain_groups_are_drawn_further():
    found = shrunken([100, 100, 10, 20, 30], [60, 5, 5, 5, 5])
    assert found[0].estimate.value < 80 < 95 < found[1].estimate.value
    assert found[0].standard_error < 60


def test_alike_groups_come_together_and_unlike_ones_stay_apart():
    alike, unlike = shrunken([10, 11, 9], [10] * 3), shrunken([-500, 0, 500], [1] * 3)
    assert max(each.estimate.value for each in alike) - min(each.estimate.value for each in alike) < 1.5
    assert [each.estimate.value for each in unlike] == pytest.approx([-500, 0, 500], abs=1)


def test_quantiles_are_those_of_the_mixture():
    means, deviations, weights = _posterior(np.array(SCHOOLS[0], dtype=float), np.array(SCHOOLS[1], dtype=float))
    assert weights.sum() == pytest.approx(1)
    for level in (0.025, 0.5, 0.975):
        at = _quantile(means[:, 0], deviations[:, 0], weights, level)
        assert weights @ stats.norm.cdf((at - means[:, 0]) / deviations[:, 0]) == pytest.approx(level, abs=1e-6)


@pytest.mark.parametrize("spread", [0.0, 5.0, 30.0])
def test_intervals_cover_over_groups(spread):
    rng, held = np.random.default_rng(1), []
    for _draw in range(60):
        errors = rng.uniform(4, 20, 6)
        truth = 40 + spread * rng.standard_normal(6)
        found = shrunken(truth + errors * rng.standard_normal(6), errors)
        held += [each.estimate.low <= own <= each.estimate.high for each, own in zip(found, truth, strict=True)]
    assert 0.92 <= np.mean(held) <= 1.0


def test_heterogeneity():
    assert heterogeneity_p([5], [1]) is None
    assert heterogeneity_p([5, 5, 5], [1, 2, 3]) == pytest.approx(1)
    assert heterogeneity_p([0, 10], [1, 1]) == pytest.approx(stats.chi2.sf(50, 1))


def test_two_groups_say_nothing_of_what_is_common():
    assert shrunken([1, 2], [5, 5]) is None


def test_equal_groups_have_intervals():
    for each in shrunken([5, 5, 5], [1e-9, 1e-9, 1e-9]) + shrunken([0, 0, 0], [1e6, 1, 1]):
        assert each.estimate.low <= each.estimate.value <= each.estimate.high


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="`standard_errors` above zero"):
        shrunken([1, 2, 3], [1, 0, 1])
    with pytest.raises(ValueError, match="`values` must be finite"):
        shrunken([1, 2, np.nan], [1, 1, 1])
