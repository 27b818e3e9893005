"""Estimates, and the intervals that several analyses share."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab import intervals
from crmlab.intervals import Estimate


def share(value=0.6783, low=0.669, high=0.686, **options) -> Estimate:
    return Estimate(value, low, high, "share", 23_570, **options)


def test_estimate_reads_as_prose():
    assert str(share()) == "67.8% (95% interval 66.9% to 68.6%, n = 23,570)"
    assert share().text() == "67.8%"
    assert share().evidence() == "(95% interval 66.9% to 68.6%, n = 23,570)"
    assert share(confidence_level=0.995).evidence().startswith("(99.5% interval ")
    assert share().bounds() == "[66.9, 68.6]"
    assert "(90% interval" in str(share(confidence_level=0.9))


def test_money_is_rounded_as_its_interval_allows():
    money = Estimate(767_123.4, 745_321.0, 789_012.0, "USD", 2_357)
    assert str(money) == "$767,000 (95% interval $745,000 to $789,000, n = 2,357)"
    assert money.bounds() == "[745,000, 789,000]"
    small = Estimate(35.0783, 33.91, 36.28, "USD", 946)
    assert (small.text(), small.bounds()) == ("$35.08", "[33.91, 36.28]")


def test_money_without_width_keeps_its_own_decimals():
    assert Estimate(12.5, 12.5, 12.5, "USD", 2).bounds() == "[12.50, 12.50]"
    assert Estimate(12_500.4, 12_500.4, 12_500.4, "USD", 2).bounds() == "[12,500, 12,500]"


def test_index_and_plain_numbers():
    assert Estimate(0.6309, 0.601, 0.66, "index", 50).bounds() == "[0.601, 0.660]"
    assert Estimate(14.26, 12.0, 17.0, "months", 50).bounds() == "[12.0, 17.0]"


def test_estimate_without_an_interval_says_why():
    estimate = intervals.count(np.int64(23_570), "customers", "customers")
    assert (estimate.bounds(), str(estimate)) == ("", "23,570 customers (n = 23,570)")
    assert estimate.no_interval == "a full count, not a sample"
    with pytest.raises(ValueError, match="`no_interval` must say why churn rate has no interval"):
        Estimate(1, None, None, "share", 3, "churn rate")


def test_half_an_interval_is_refused():
    with pytest.raises(ValueError, match="`low` and `high` are given together or not at all"):
        Estimate(1, 0, None, "share", 3)


@pytest.mark.parametrize(("value", "low", "high"), [(0.5, 0.6, 0.7), (0.8, 0.6, 0.7), (math.nan, 0.6, 0.7)])
def test_value_lies_within_its_interval(value, low, high):
    with pytest.raises(ValueError, match="`value` must lie within its interval"):
        Estimate(value, low, high, "share", 3)


def test_dictionary_is_plain_json():
    estimate = Estimate(np.float64(0.5), np.float64(0.25), np.float64(0.75), "share", np.int64(4), "a share")
    entry = json.loads(json.dumps(estimate.to_dict(), allow_nan=False))
    assert entry == {
        "value": 0.5,
        "low": 0.25,
        "high": 0.75,
        "unit": "share",
        "n": 4,
        "label": "a share",
        "confidence_level": 0.95,
    }
    unknown = Estimate(math.nan, None, None, "share", 0, no_interval="no data").to_dict()
    assert unknown["value"] is None and unknown["no_interval"] == "no data"


def test_z_score():
    assert intervals.z_score(0.95) == pytest.approx(1.959964)
    for level in (0, 1, 95, math.nan):
        with pytest.raises(ValueError, match=f"`confidence_level` must lie between 0 and 1, got {level}"):
            intervals.z_score(level)


def test_wilson_matches_scipy():
    for successes, n in ((8, 10), (0, 10), (10, 10), (1, 3), (37, 1_000)):
        estimate = intervals.wilson(successes, n)
        expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
        assert [estimate.low, estimate.high] == pytest.approx([expected.low, expected.high], abs=1e-12)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
@settings(deadline=None)
def test_wilson_stays_within_zero_and_one(counts, level):
    estimate = intervals.wilson(*counts, confidence_level=level)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_wilson_refuses_impossible_counts():
    with pytest.raises(ValueError, match="`n` must be at least 1, got 0"):
        intervals.wilson(0, 0)
    with pytest.raises(ValueError, match="`successes` must lie between 0 and n = 3, got 4"):
        intervals.wilson(4, 3)


def test_wilson_covers():
    """Averaged over true shares; for one share alone, coverage jumps with the discreteness of the count."""
    covered = []
    for truth in np.linspace(0.05, 0.95, 19):
        counts = np.arange(101)
        estimates = [intervals.wilson(count, 100) for count in counts.tolist()]
        inside = np.array([estimate.low <= truth <= estimate.high for estimate in estimates])
        covered.append((stats.binom.pmf(counts, 100, truth) * inside).sum())
    assert 0.93 <= np.mean(covered) <= 0.97


def test_mean_matches_scipy():
    values = [3.0, 5, 8, 1, 9, 4]
    estimate = intervals.mean(values, unit="USD")
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert [estimate.low, estimate.high] == pytest.approx([expected.low, expected.high])
    assert estimate.value == 5 and estimate.n == 6


def test_mean_of_few_values():
    assert intervals.mean([4.0], unit="USD").no_interval == "one observation"
    assert intervals.mean([4.0, 4.0], unit="USD").bounds() == "[4.00, 4.00]"
    with pytest.raises(ValueError, match="`values` must hold at least one number"):
        intervals.mean([], unit="USD")


def test_normal_interval():
    estimate = intervals.from_standard_error(10, 2, unit="months", n=50)
    assert [estimate.low, estimate.high] == pytest.approx([10 - 3.919928, 10 + 3.919928])


def test_students_interval():
    estimate = intervals.from_standard_error(10, 2, unit="months", n=5, degrees_of_freedom=4)
    assert estimate.high - 10 == pytest.approx(2 * 2.776445)
    with pytest.raises(ValueError, match="`degrees_of_freedom` must be at least 1, got 0"):
        intervals.from_standard_error(10, 2, unit="months", n=5, degrees_of_freedom=0)


def test_log_odds_interval_by_hand():
    estimate = intervals.from_standard_error(0.8, 0.04, unit="share", n=100, within=(0, 1))
    odds, half = math.log(4), 1.959964 * 0.04 / 0.16
    assert estimate.low == pytest.approx(1 / (1 + math.exp(half - odds)), abs=1e-6)
    assert estimate.high == pytest.approx(1 / (1 + math.exp(-half - odds)), abs=1e-6)


@given(st.floats(-99.999, 99.999), st.floats(0, 1e6))
@settings(deadline=None)
def test_interval_stays_within_its_range(value, standard_error):
    estimate = intervals.from_standard_error(value, standard_error, unit="points", n=9, within=(-100, 100))
    assert -100 <= estimate.low <= estimate.value <= estimate.high <= 100


@pytest.mark.parametrize("value", [0, 1])
def test_end_of_the_range_has_no_interval(value):
    estimate = intervals.from_standard_error(value, 0.1, unit="share", n=9, within=(0, 1))
    assert estimate.low is None and estimate.no_interval == "at the end of its range"


def test_a_rate_of_events_has_the_exact_interval():
    none = intervals.poisson_rate(0, 12, unit="customers")
    assert (none.value, none.low) == (0, 0) and none.high == pytest.approx(-math.log(0.025) / 12)
    with pytest.raises(ValueError, match="`exposure` above 0, got 3 and 0"):
        intervals.poisson_rate(3, 0, unit="customers")
    rng = np.random.default_rng(5)
    found = [intervals.poisson_rate(int(k), 6, unit="customers") for k in rng.poisson(2.5 * 6, 400)]
    assert np.mean([each.low <= 2.5 <= each.high for each in found]) >= 0.94
