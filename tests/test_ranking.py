"""How well probabilities rank and how high they are: by hand, against DeLong, and with several rows of one customer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from sklearn.metrics import roc_auc_score

from crmlab import ranking


def foretold(n=400, seed=0):
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(-1, 1, n)))
    return (rng.random(n) < p).astype(int), p, np.arange(n)


def test_area_is_delong_s_where_everyone_has_one_row():
    y, p, who = foretold()
    found = ranking.area_under_curve(y, p, who)
    assert found.value == pytest.approx(roc_auc_score(y, p))
    wins = (p[y == 1][:, None] > p[y == 0][None, :]) + 0.5 * (p[y == 1][:, None] == p[y == 0][None, :])
    variance = sum(wins.mean(axis=axis).var(ddof=1) / wins.shape[1 - axis] for axis in (0, 1))
    odds, slope = np.log(found.value / (1 - found.value)), 1 / (found.value * (1 - found.value))
    ends = 1 / (1 + np.exp(-(odds + np.array([-1, 1]) * norm.ppf(0.975) * slope * np.sqrt(variance))))
    assert (found.low, found.high) == pytest.approx(tuple(ends))


def test_auc_of_the_textbook_case():
    estimate = ranking.area_under_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    assert estimate.value == 0.75
    # V1 = (0.5, 1), V0 = (1, 0.5): each has variance 0.125 over 2, so 0.125 in all
    slope = 1 / (0.75 * 0.25)
    ends = 1 / (1 + np.exp(-(np.log(3) + np.array([-1, 1]) * norm.ppf(0.975) * slope * np.sqrt(0.125))))
    assert (estimate.low, estimate.high) == pytest.approx(tuple(ends))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=4, max_size=30))
def test_auc_is_mann_whitney_s_u(pairs):
    y, p = np.array([pair[0] for pair in pairs]), np.array([pair[1] / 5 for pair in pairs])
    if y.all() or not y.any():
        return
    u = mannwhitneyu(p[y], p[~y]).statistic / (y.sum() * (~y).sum())
    assert ranking.area_under_curve(y, p).value == pytest.approx(u)
    assert ranking.area_under_curve(y, 1 - p).value == pytest.approx(1 - u)


def test_an_area_without_an_interval_says_why():
    assert "fewer than two" in ranking.area_under_curve([0, 0, 1], [0.1, 0.2, 0.9]).no_interval
    perfect = ranking.area_under_curve([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert perfect.value == 1 and "ranks above everybody" in perfect.no_interval
    with pytest.raises(ValueError, match="must have both 0 and 1"):
        ranking.area_under_curve([1, 1], [0.1, 0.2])


def test_auc_intervals_cover():
    truth = norm.cdf(0.8 / np.sqrt(2))
    held = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        y = np.repeat([1, 0], [25, 200])
        estimate = ranking.area_under_curve(y, norm.cdf(rng.normal(size=225) + 0.8 * y))
        held += estimate.low <= truth <= estimate.high
    assert 108 <= held <= 120


def test_rows_of_one_customer_count_as_one():
    y, p, who = foretold()
    twice = [np.tile(each, 2) for each in (y, p, who)]
    once, again = ranking.area_under_curve(y, p, who), ranking.area_under_curve(*twice)
    assert (again.value, again.low, again.high) == pytest.approx((once.value, once.low, once.high))
    assert ranking.mean_of_rows(twice[1], twice[2], label="x").high == pytest.approx(
        ranking.mean_of_rows(p, who, label="x").high
    )


def test_a_difference_of_areas_is_paired():
    y, p, who = foretold()
    none = ranking.area_difference(y, p, p**3, who, label="x")
    assert (none.value, none.low, none.high) == (0, 0, 0)
    noisy = p + np.random.default_rng(1).normal(0, 0.3, len(p))
    assert ranking.area_difference(y, p, noisy, who, label="x").low > 0


def test_calibration_finds_what_was_done_to_probabilities():
    y, p, who = foretold(20_000)
    log_odds = np.log(p / (1 - p))
    slope, intercept = ranking.calibration(y, p, who)
    assert slope.low < 1 < slope.high and intercept.low < 0 < intercept.high
    slope, _rest = ranking.calibration(y, 1 / (1 + np.exp(-2 * log_odds)), who)
    assert slope.value == pytest.approx(0.5, abs=0.03)
    _rest, intercept = ranking.calibration(y, 1 / (1 + np.exp(-(log_odds + 0.7))), who)
    assert intercept.value == pytest.approx(-0.7, abs=0.05)
    assert ranking.calibration(np.zeros(5), np.full(5, 0.2), np.arange(5)) == (None, None)
    slope, intercept = ranking.calibration(y, np.full(len(y), 0.3), who)
    assert slope is None and intercept.value == pytest.approx(np.log(y.mean() / (1 - y.mean())) - np.log(0.3 / 0.7))


def test_lift_by_hand():
    y, chosen = np.array([1, 1, 0, 0, 0, 0, 0, 1]), np.array([True, True, False, False, False, False, False, False])
    found = ranking.lift(y, chosen, np.arange(8), label="x")
    assert found.value == pytest.approx(1 / (3 / 8)) and found.low < found.value < found.high
    assert ranking.lift(y, ~y.astype(bool), np.arange(8), label="x") is None
