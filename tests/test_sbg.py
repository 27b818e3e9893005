"""The shifted beta-geometric model of renewals against its published figures."""

from dataclasses import replace

import numpy as np
import pytest

from crmlab.likelihood import FitError
from crmlab.sbg import fit_sbg

# Fader and Hardie (2007), table 1: survivors of 1000 over seven renewals, and after twelve
HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)
REGULAR = (1000, 631, 468, 382, 326, 289, 262, 241)


def fitted(survivors):
    return fit_sbg(-np.diff(survivors), survivors[-1])


@pytest.fixture(scope="module")
def regular():
    return fitted(REGULAR)


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "log_likelihood", "year_12"),
    [(REGULAR, 0.704, 1.182, -1680.27, 0.170), (HIGH_END, 0.668, 3.806, -1611.16, 0.378)],
    ids=["regular", "high end"],
)
def test_fader_and_hardie_2007_table_1(survivors, alpha, beta, log_likelihood, year_12):
    model = fitted(survivors)
    assert list(model.params.values()) == pytest.approx([alpha, beta], abs=5e-4)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=5e-3)
    assert model.survival(12) == pytest.approx(year_12, abs=5e-4)
    assert model.n == 1000


def test_fader_and_hardie_2010_table_3(regular):
    model = replace(regular, params={"alpha": 3.80, "beta": 15.20})
    found = model.residual_lifetime([1, 2, 3, 4, 5], discount_rate=0.1)
    assert found == pytest.approx([3.31, 3.45, 3.59, 3.72, 3.84], abs=5e-3)


def test_residual_lifetime_is_the_sum_of_discounted_survival(regular):
    later = np.arange(1, 2000)
    for survived in (1, 4):
        chance = regular.survival(later + survived - 1) / regular.survival(survived - 1)
        summed = (chance / 1.1 ** (later - 1)).sum()
        assert regular.residual_lifetime(survived, discount_rate=0.1) == pytest.approx(summed, rel=1e-9)


def test_survival_is_the_product_of_retention_rates(regular):
    steps = np.arange(1, 9)
    assert regular.survival(8) == pytest.approx(np.prod(regular.retention_rate(steps)))
    assert (np.diff(regular.retention_rate(steps)) > 0).all()


def test_contracts_seen_for_different_lengths_count_as_they_are_known():
    """A cohort of a thousand seen for two periods, and one seen for one: the likelihood is that of both."""
    both = fit_sbg([369 + 300, 163], [700, 468])
    assert both.n == 2000
    assert both.first_retention.value == pytest.approx((631 + 700) / 2000, abs=2e-3)


def test_summary_and_table(regular):
    assert regular.summary() == (
        "62.7% (95% interval 59.7% to 65.5%, n = 1,000) of contracts outlast their first period; of those that reach "
        "the fifth, the model expects 88.0% to outlast it."
    )
    table = regular.table()
    assert list(table["parameter"]) == ["alpha", "beta"]
    assert (table["low"] < table["estimate"]).all() and (table["estimate"] < table["high"]).all()
    assert regular.to_dict()["n"] == 1000


def test_a_projection_widens_for_smaller_cohorts(regular):
    large, small = (regular.projection(6, cohort=size) for size in (10_000, 50))
    assert (large["survival"] == small["survival"]).all() and large["survival"].iloc[0] == 1
    width = {name: (frame["high"] - frame["low"]).iloc[6] for name, frame in (("large", large), ("small", small))}
    assert width["small"] > 3 * width["large"]
    assert ((large["low"] <= large["survival"]) & (large["survival"] <= large["high"])).all()


def test_what_a_holdout_then_did_lies_in_the_projection():
    model = fit_sbg(-np.diff(HIGH_END[:5]), HIGH_END[4])
    later = model.projection(7, cohort=1000).set_index("period")
    for period, survivors in enumerate(HIGH_END):
        assert later.loc[period, "low"] <= survivors / 1000 <= later.loc[period, "high"]


@pytest.mark.parametrize(
    ("left", "running", "message"),
    [
        ([0, 0], 10, "needs contracts that ended, none of 10 did"),
        ([10], None, "needs contracts that outlasted a period, none of 10 did"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_one_sentence(left, running, message):
    with pytest.raises(FitError, match=message):
        fit_sbg(left, running)


@pytest.mark.parametrize("left", [[], [-1], [np.nan], [[1, 2]]])
def test_counts_are_checked(left):
    with pytest.raises(ValueError, match="`left` must be counts of contracts by period"):
        fit_sbg(left)


def test_a_life_without_end_and_without_discount_is_refused(regular):
    with pytest.raises(ValueError, match="`discount_rate` must be above 0 where alpha is 0.704, got 0"):
        regular.residual_lifetime(1)
    with pytest.raises(ValueError, match="`periods` and `cohort` must be positive integers, got 3 and 0"):
        regular.projection(3, cohort=0)


@pytest.mark.parametrize("survivors", [REGULAR, HIGH_END], ids=["regular", "high end"])
@pytest.mark.parametrize("times", [2, 50])
def test_the_fit_depends_on_shares_alone(survivors, times):
    once, many = fitted(survivors), fitted(np.array(survivors) * times)
    assert many.survival(12) == pytest.approx(once.survival(12), abs=1e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 3.8), (2.0, 8.0)])
def test_the_interval_of_first_retention_covers(alpha, beta):
    rng, inside = np.random.default_rng(7), 0
    for _draw in range(60):
        theta = rng.beta(alpha, beta, 300)
        life = rng.geometric(theta)
        left = np.bincount(life[life <= 6], minlength=7)[1:]
        estimate = fit_sbg(left, int((life > 6).sum())).first_retention
        inside += estimate.low <= beta / (alpha + beta) <= estimate.high
    assert inside >= 53
