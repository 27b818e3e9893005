"""Top share, customers needed and Gini index, against distributions whose values are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from crmlab import lorenz


def truth(name: str, parameter: float) -> dict[str, float]:
    """Of the gamma and the lognormal distribution (Kleiber and Kotz 2003)."""
    if name == "gamma":
        own, weighted = stats.gamma(parameter), stats.gamma(parameter + 1)
        gini = special.gamma(parameter + 0.5) / (np.sqrt(np.pi) * special.gamma(parameter + 1))
    else:
        own, weighted = stats.lognorm(parameter), stats.lognorm(parameter, scale=np.exp(parameter**2))
        gini = 2 * stats.norm.cdf(parameter / np.sqrt(2)) - 1
    top, half, eighty = weighted.sf(own.isf(0.2)), own.sf(weighted.isf(0.5)), own.sf(weighted.isf(0.8))
    return {"top": top, "gini": gini, "half": half, "eighty": eighty}


def estimates(values: np.ndarray) -> dict:
    return {
        "top": lorenz.top_share(values, top=0.2),
        "gini": lorenz.gini_index(values),
        "half": lorenz.customers_needed(values, share=0.5),
        "eighty": lorenz.customers_needed(values, share=0.8),
    }


@pytest.mark.parametrize(("name", "parameter"), [("gamma", 0.5), ("gamma", 2.0), ("lognorm", 0.5), ("lognorm", 1.0)])
def test_intervals_cover_the_truth(name, parameter):
    draws = getattr(stats, name)(parameter).rvs((2_000, 500), random_state=np.random.default_rng(20260930))
    found = [estimates(values) for values in -np.sort(-draws, axis=1)]
    for measure, true in truth(name, parameter).items():
        ours = [each[measure] for each in found]
        assert np.mean([estimate.value for estimate in ours]) == pytest.approx(true, abs=0.004)
        covered = np.mean([estimate.low <= true <= estimate.high for estimate in ours])
        assert 0.93 <= covered <= 0.97, measure


def test_long_tails_widen_the_interval_beyond_the_normal_one():
    values = -np.sort(-stats.lognorm(1.5).rvs(500, random_state=np.random.default_rng(1)))
    estimate = lorenz.gini_index(values)
    jackknife = np.array([lorenz.gini_index(np.delete(values, place)).value for place in range(500)])
    error = np.sqrt(499 * jackknife.var())
    normal = lorenz.intervals.from_standard_error(estimate.value, error, unit="index", n=500, within=(0, 1))
    assert estimate.low < normal.low and estimate.high > normal.high


def test_standard_errors_match_the_jackknife():
    values = -np.sort(-stats.gamma(2).rvs(400, random_state=np.random.default_rng(2)))
    for name, estimate in estimates(values).items():
        left_out = np.array([estimates(np.delete(values, place))[name].value for place in range(0, 400, 1)])
        error = np.sqrt(399 * left_out.var())
        slope = 1 / (estimate.value * (1 - estimate.value))
        half_width = (special.logit(estimate.high) - special.logit(estimate.low)) / 2 / slope
        assert half_width / error == pytest.approx(1.97, rel=0.06), name


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any), st.floats(0.02, 0.98))
@settings(deadline=None, max_examples=60)
def test_customers_needed_is_the_inverse_of_the_top_share(values, share):
    largest_first = np.sort(np.array(values, dtype=float))[::-1]
    needed = lorenz.customers_needed(largest_first, share=share).value
    assert lorenz.top_share(largest_first, top=needed).value == pytest.approx(share, abs=1e-6)
    assert needed <= share + 1e-9


def test_cumulative_share():
    assert lorenz.cumulative_share(np.array([3.0, 1, 0])).tolist() == [0, 0.75, 1, 1]
