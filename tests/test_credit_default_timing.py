import numpy as np
import pandas as pd
import pytest

from crmlab.credit.default_timing import default_timing

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def outcomes(observed, defaults):
    frame = pd.DataFrame({"months_observed": observed, "months_to_default": defaults}, dtype=float)
    return frame.assign(observed=frame["months_observed"] >= 12, default=frame["months_to_default"] <= 12)


def test_what_is_behind_cannot_come_again():
    # four customers observed throughout, two defaults: after 3 and after 9 months
    timing = default_timing(outcomes([24, 24, 24, 24], [3, 9, None, None]))
    assert timing.mean_probability == 0.5
    new, after_first, late = timing.probability([0.2, 0.2, 0.2], [0, 6, 12], horizon_months=12)
    # all of the window; the second half of it, given none in the first; the rate after it, which is zero here
    assert new == pytest.approx(0.2)
    assert after_first == pytest.approx(1 - 0.8 / 0.9)
    assert late == 0


def test_the_rate_after_the_window_goes_with_the_risk():
    # two without a default in the window: one defaults in month 18, one is watched to month 24
    timing = default_timing(outcomes([30, 24, 24], [18, None, 6]))
    assert (timing.later_defaults, timing.later_customer_months) == (1, 6 + 12)
    (p,) = timing.probability([1 / 3], [20], horizon_months=10)
    assert p == pytest.approx(1 - np.exp(-10 / 18))
    (twice,) = timing.probability([2 / 3], [20], horizon_months=10)
    assert twice == pytest.approx(1 - np.exp(-20 / 18))


def test_draws_lie_around_the_probability_and_allow_for_what_was_not_seen():
    timing = default_timing(outcomes([36] * 50, [4, 5, 10] + [None] * 47))
    rng = np.random.default_rng(0)
    draws = np.array([timing.draw([0.1, 0.1], [4.5, 20], horizon_months=12, rng=rng) for _ in range(300)])
    expected = timing.probability([0.1, 0.1], [4.5, 20], horizon_months=12)
    assert draws[:, 0].mean() == pytest.approx(expected[0], abs=0.01)
    assert expected[1] == 0 and (draws[:, 1] > 0).all() and draws[:, 1].mean() < 0.02


def test_nobody_watched_after_the_window_and_no_default_in_it():
    timing = default_timing(outcomes([12, 12], [None, None]))
    assert timing.later_rate is None
    (half, later) = timing.probability([0.1, 0.1], [6, 12], horizon_months=6)
    assert half == pytest.approx(1 - 0.9 / 0.95)
    assert later == pytest.approx(1 - 0.9**0.5)


def test_nobody_observed_for_long_enough():
    timing = default_timing(outcomes([3, 3], [None, 2]))
    assert timing.probability([0.1], [0], horizon_months=12) == pytest.approx([0.1])


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`window_months` must be above 0, got 0"):
        default_timing(outcomes([12], [None]), window_months=0)
