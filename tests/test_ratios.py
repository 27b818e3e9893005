"""Ratios of sums, by hand and at their limits."""

import numpy as np
import pytest
from scipy import special, stats

from crmlab.ratios import ratio_of_sums

OVER = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 15])
UNDER = np.full(10, 10.0)


def by_hand(over, under):
    ratio = over.sum() / under.sum()
    influence = (over - ratio * under) / under.mean()
    excess = (influence**4).mean() / (influence**2).mean() ** 2 - 1
    return ratio, np.sqrt((influence**2).sum() / 90), stats.t.ppf(0.975, min(20 / excess, 9))


def test_plain_interval_by_hand():
    ratio, error, t = by_hand(OVER, UNDER)
    found = ratio_of_sums(OVER, UNDER)
    assert [found.value, found.low, found.high] == pytest.approx([ratio, ratio - t * error, ratio + t * error])
    assert found.n == 10


def test_log_and_log_odds_intervals_by_hand():
    ratio, error, t = by_hand(OVER, UNDER)
    found = ratio_of_sums(OVER, UNDER, scale="log", less=1.0)
    ends = [ratio * np.exp(sign * t * error / ratio) - 1 for sign in (-1, 1)]
    assert [found.value, found.low, found.high] == pytest.approx([ratio - 1, *ends])
    found = ratio_of_sums(OVER, UNDER, scale="log_odds")
    slope = error / (ratio * (1 - ratio))
    assert [found.low, found.high] == pytest.approx(
        [special.expit(special.logit(ratio) + s * t * slope) for s in (-1, 1)]
    )


def test_standard_error_is_the_jackknife_s():
    rng = np.random.default_rng(0)
    under = rng.gamma(1, 10, 40)
    over = under * rng.uniform(0.2, 0.6, 40)
    without = (over.sum() - over) / (under.sum() - under)
    error = np.sqrt(39 / 40 * ((without - over.sum() / under.sum()) ** 2).sum())
    found = ratio_of_sums(over, under)
    assert 1.9 < (found.high - found.low) / 2 / error < 2.6


@pytest.mark.parametrize(
    ("over", "scale", "reason"),
    [
        (OVER[:9], "plain", "fewer than 10 observations"),
        (UNDER / 2, "plain", "no difference between the observations"),
        (-OVER, "log", "at the end of its range"),
        (OVER * 2, "log_odds", "at the end of its range"),
    ],
)
def test_no_interval_where_none_can_be_made(over, scale, reason):
    found = ratio_of_sums(over, UNDER[: len(over)], scale=scale)
    assert found.low is None and found.no_interval == reason


def test_says_what_is_wrong():
    with pytest.raises(ValueError, match="`under` must have a sum above zero, got 0"):
        ratio_of_sums([1.0], [0.0])
    with pytest.raises(ValueError, match="`scale` must be among plain, log, log_odds, got 'cubic'"):
        ratio_of_sums(OVER, UNDER, scale="cubic")
