"""One group before and after: right where the course before goes on, and always called weak."""

import numpy as np
import pytest

from crmlab.absence import FitError
from crmlab.aggregate.exposure_months import NEVER
from crmlab.uplift.before_after import before_after_effect
from tests.test_uplift_cells import noise, panel

START, MONTHS = 30, 42


def one_group(
    seed: int, *, effect: float = 20.0, n: int = 200, shared: float = 6.0, slope: float = -0.5, late: int = 0
):
    """Customers with a trend, a season, and months that all share with the ones before them."""
    rng = np.random.default_rng([21, seed])
    month = np.arange(MONTHS)
    common = np.zeros(MONTHS)
    for at in month[1:]:
        common[at] = 0.4 * common[at - 1] + rng.normal(0, shared)
    values = (
        noise(rng, n, MONTHS) - 10 * np.sin(month / 2) + slope * month + 8 * np.sin(2 * np.pi * month / 12) + common
    )
    entry = np.where(np.arange(n) < late, 20, 0)
    values = np.where(month >= entry[:, None], values + effect * (month >= START), 0.0)
    return panel(values, START, entry=entry)


def test_intervals_cover_and_no_effect_is_called_none():
    effects = [before_after_effect(one_group(seed)) for seed in range(60)]
    covered = [each.estimate.low <= 20 <= each.estimate.high for each in effects]
    assert sum(covered) >= 52
    none = [before_after_effect(one_group(seed, effect=0.0)).p < 0.05 for seed in range(60)]
    assert sum(none) <= 8


def test_it_is_told_as_weak_and_without_checks():
    effect = before_after_effect(one_group(1, effect=60.0, late=50))
    assert (effect.design, effect.strength, effect.controls) == ("before_after", "weak", 0)
    assert effect.checks.empty
    assert effect.check_summary() == "No check is possible, for there is no group to compare with."
    assert "There is nobody to compare with" in effect.design_summary()
    assert effect.summary().startswith("Margin seems higher by ")
    assert effect.summary().endswith("; that the programme did it is weakly supported.")
    assert effect.treated == 200 and effect.months == MONTHS - START
    assert effect.customer_months == 200 * (MONTHS - START)


def test_a_fall_after_customers_are_won_is_not_taken_for_an_effect():
    rng = np.random.default_rng(5)
    entry = rng.integers(0, 28, 1_500)
    since = np.arange(MONTHS) - entry[:, None]
    values = noise(rng, 1_500, MONTHS) + 60 - 25 * np.log1p(np.maximum(since, 0))
    made = panel(np.where(since >= 0, values, 0.0), START, entry=entry)
    assert before_after_effect(made).p > 0.01


def test_events_are_the_months_less_the_course_of_before():
    effect = before_after_effect(one_group(2, shared=0.1))
    events = effect.events
    after = events["event"] >= 0
    assert events["event"].tolist() == list(range(-START, MONTHS - START))
    assert events.loc[after, "effect"].mean() == pytest.approx(effect.estimate.value)
    assert abs(events.loc[~after, "effect"].mean()) < 1e-6
    assert (events["low"] < events["effect"]).all()


def test_only_the_largest_wave_counts():
    rng = np.random.default_rng(6)
    start = np.array([START] * 100 + [33] * 60)
    effect = before_after_effect(panel(noise(rng, 160, MONTHS), start))
    assert effect.treated == 100 and effect.left_out == 60
    assert effect.all_customer_months == 100 * 12 + 60 * 9
    assert "60 customers whom it reached at other times" in effect.design_summary()


def test_few_months_before_tell_less_of_the_course():
    rng = np.random.default_rng(7)
    values = noise(rng, 100, 16)
    short = before_after_effect(panel(values, 12))
    assert short.estimate.low < short.estimate.value < short.estimate.high
    # a month that is missing is passed over
    observed = np.arange(16) != 5
    assert before_after_effect(panel(values, 12, observed=observed)).months == 4


@pytest.mark.parametrize(
    ("values", "start", "message"),
    [
        (np.ones((50, 20)), NEVER, "the programme has reached nobody for a whole month yet"),
        (np.ones((5, 20)), 12, "5 customers whom the programme reached at one time were there 3 months before"),
        (np.ones((50, 20)), 6, "there are 6 months before the start, with nobody to compare with; it takes 9"),
        (np.ones((50, 20)), 18, "there are 2 months after the start, with nobody to compare with; it takes 3"),
        (np.ones((50, 20)), 12, "the months do not differ from one another"),
        (np.zeros((50, 20)), 12, "the months do not differ from one another"),
    ],
)
def test_says_what_is_wrong(values, start, message):
    with pytest.raises(FitError, match=message):
        before_after_effect(panel(values, start))
