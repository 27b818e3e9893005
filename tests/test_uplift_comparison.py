"""Comparisons of customers reached and not reached: against Welch's test, and against sums by hand."""

import numpy as np
import pytest
from scipy import stats

from crmlab.aggregate.exposure_months import NEVER
from crmlab.uplift.cells import cells
from crmlab.uplift.comparison import contrasts
from tests.test_uplift_cells import noise, panel, waves


def estimate(found) -> tuple[float, float]:
    n = found.months["total"]
    return found.values(["total"])[0] / n, float(np.sqrt(found.covariance(["total"])[0, 0])) / n


def one_wave(seed: int = 0, n: int = 300):
    rng = np.random.default_rng(seed)
    values, start = noise(rng, n, 24), waves(rng, n, (12, NEVER, NEVER))
    values[start == 12, 12:] += 30
    return values, start, panel(values, start)


@pytest.mark.parametrize("method", ["difference", "difference_in_differences", "cuped"])
def test_one_wave_is_welch_s_test(method):
    values, start, made = one_wave()
    found = contrasts(cells(made, "margin", history_months=3), method, history_months=3)
    base, after = values[:, :12].mean(axis=1), values[:, 12:].mean(axis=1)
    reached = start == 12
    theta = {"difference": 0.0, "difference_in_differences": 1.0}.get(method)
    if theta is None:
        within = [
            (base[group] - base[group].mean(), after[group] - after[group].mean()) for group in (reached, ~reached)
        ]
        theta = sum(b @ a for b, a in within) / sum(b @ b for b, _a in within)
    outcome = after - theta * base
    oracle = stats.ttest_ind(outcome[reached], outcome[~reached], equal_var=False)
    value, error = estimate(found)
    assert value / error == pytest.approx(oracle.statistic)
    assert found.degrees_of_freedom("total") == pytest.approx(oracle.df)
    assert value == pytest.approx(outcome[reached].mean() - outcome[~reached].mean())
    assert (found.treated, found.controls, found.n) == (100, 200, 300)


def test_later_waves_serve_until_they_are_reached():
    rng = np.random.default_rng(1)
    values, start = noise(rng, 300, 20), waves(rng, 300, (12, 15, 18))
    found = contrasts(cells(panel(values, start), "margin", history_months=3), "difference", history_months=3)
    first, second, third = (values[start == wave] for wave in (12, 15, 18))
    effects = [first[:, month].mean() - np.vstack([second, third])[:, month].mean() for month in (12, 13, 14)]
    effects += [group[:, month].mean() - third[:, month].mean() for month in (15, 16, 17) for group in (first, second)]
    # from month 18 on nobody is left to compare with
    assert found.months["total"] == 100 * 9 and found.last == 17
    assert estimate(found)[0] == pytest.approx(np.mean(effects))
    assert found.controls == 0 and found.n == 300


def test_covariance_of_events_is_that_of_customers():
    values, start, made = one_wave(2)
    found = contrasts(cells(made, "margin", history_months=3), "difference", history_months=3)
    reached = start == 12
    names = ["event 0", "event 5"]
    by_hand = sum(np.cov(values[group][:, [12, 17]].T) / group.sum() for group in (reached, ~reached))
    assert found.covariance(names) / 100**2 == pytest.approx(by_hand)
    events = found.events()
    assert events["event"].tolist() == list(range(-12, 12))
    assert (events["low"] < events["effect"]).all() and (events["customers"] == 100).all()
    assert events.loc[events["event"] < 0, "effect"].sum() == pytest.approx(0, abs=1e-9)


def test_effects_weigh_by_customers():
    rng = np.random.default_rng(3)
    start = np.array([12] * 50 + [15] * 150 + [NEVER] * 100)
    values = noise(rng, 300, 18)
    found = contrasts(cells(panel(values, start), "margin", history_months=3), "difference", history_months=3)
    assert found.months["total"] == 50 * 6 + 150 * 3
    assert found.values(["wave 12"])[0] + found.values(["wave 15"])[0] == pytest.approx(found.values(["total"])[0])


def test_a_month_missing_from_the_data_is_left_out():
    values, start, _made = one_wave(4)
    holes = values.copy()
    holes[:, [5, 14]] = 0
    observed = ~np.isin(np.arange(24), (5, 14))
    groups = cells(panel(holes, start, observed=observed), "margin", history_months=3)
    found = contrasts(groups, "difference_in_differences", history_months=3)
    kept = [month for month in range(24) if observed[month]]
    base, after = (values[:, [m for m in kept if (m >= 12) == later]].mean(axis=1) for later in (False, True))
    change = after - base
    assert estimate(found)[0] == pytest.approx(change[start == 12].mean() - change[start != 12].mean())
    assert groups.treated_months == 11 * 100


def test_joint_test_holds_its_level_and_sees_a_trend():
    rejected = []
    for seed in range(60):
        rng = np.random.default_rng([5, seed])
        values, start = noise(rng, 200, 20), waves(rng, 200, (12, NEVER))
        found = contrasts(cells(panel(values, start), "margin", history_months=3), "difference", history_months=3)
        rejected.append(found.joint_test([name for name in found.weights if name.startswith("event -")]) < 0.05)
    assert sum(rejected) <= 8
    values[start == 12] += 4.0 * np.arange(20)
    found = contrasts(cells(panel(values, start), "margin", history_months=3), "difference", history_months=3)
    assert found.joint_test([name for name in found.weights if name.startswith("event -")]) < 1e-4


def test_joint_test_of_nothing():
    _values, _start, made = one_wave()
    found = contrasts(cells(made, "margin", history_months=3), "difference", history_months=3)
    assert found.joint_test([]) is None


def test_says_what_is_wrong():
    _values, _start, made = one_wave()
    with pytest.raises(ValueError, match="`method` must be among difference, cuped, difference_in_differences"):
        contrasts(cells(made, "margin", history_months=3), "two_way", history_months=3)
