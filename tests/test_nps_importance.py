"""Importance and performance: shares by hand, what to mend first, and figures that hold the truth."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from crmlab.nps.drivers import driver_model
from crmlab.nps.importance import MEND, THEN, driver_importance
from crmlab.nps.shapley import ClusterSums, orders_of_entry, shapley_variance
from crmlab.tables import of
from tests.bench.coverage_nps_drivers import coverage, draw_answers, drivers_covered

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def answers(customers=400, seed=0) -> pd.DataFrame:
    return draw_answers(customers, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def found():
    return driver_importance(driver_model(answers()), draws=80)


def test_drivers_that_are_independent_bring_their_own_variance():
    slopes, covariance = np.array([[1.0, -2.0, 0.5]]), np.eye(3)[None]
    orders = [np.array(order) for order in permutations(range(3))]
    value = shapley_variance(slopes, covariance, np.zeros((3, 3)), orders, np.arange(3), times=1)
    assert value[0] == pytest.approx([1, 4, 0.25], abs=1e-6)


def test_shapley_of_two_correlated_drivers():
    # first in, each brings the square of its covariance with the score; last in, what the other leaves of it
    slopes, covariance = np.array([[1.0, 0.0]]), np.array([[[1.0, 0.6], [0.6, 1.0]]])
    orders = [np.array([0, 1]), np.array([1, 0])]
    value = shapley_variance(slopes, covariance, np.zeros((2, 2)), orders, np.arange(2), times=1)
    assert value[0] == pytest.approx([(1 + 0.64) / 2, (0.36 + 0) / 2], abs=1e-6)


def test_columns_of_one_driver_count_together():
    slopes, covariance = np.array([[1.0, 1.0, 2.0]]), np.eye(3)[None]
    orders = [np.array([0, 1]), np.array([1, 0])]
    value = shapley_variance(slopes, covariance, np.zeros((3, 3)), orders, np.array([0, 0, 1]), times=1)
    assert value[0] == pytest.approx([2, 4], abs=1e-6)


def test_squares_of_noise_are_taken_off():
    slopes, covariance = np.zeros((1, 2)), np.eye(2)[None]
    value = shapley_variance(slopes, covariance, 0.1 * np.eye(2), [np.array([0, 1])], np.arange(2), times=1)
    assert value[0] == pytest.approx([-0.1, -0.1])


def test_orders_of_entry():
    assert len(orders_of_entry(3, np.random.default_rng(0))) == 6
    many = orders_of_entry(7, np.random.default_rng(0))
    assert all(sorted(order) == list(range(7)) for order in many)
    assert sum(list(order).index(0) for order in many) == pytest.approx(3 * len(many))


def test_weighted_covariance_is_that_of_rows_repeated():
    rng = np.random.default_rng(0)
    x, who = rng.normal(size=(8, 2)), np.array([2, 0, 1, 1, 0, 2, 3, 3])
    weights = np.array([[1.0, 0.0, 2.0, 1.0]])
    repeated = np.repeat(x, weights[0][who].astype(int), axis=0)
    expected = np.cov(repeated.T, bias=True)
    assert ClusterSums(x, who).covariance(weights)[0] == pytest.approx(expected)


def test_shares_add_up_and_intervals_hold_them(found):
    shares = [share.value for share in found.drivers["importance"]]
    assert sum(shares) == pytest.approx(1)
    assert all(0 <= share.low <= share.value <= share.high <= 1 for share in found.drivers["importance"])


def test_what_has_no_effect_matters_least(found):
    assert found.drivers.iloc[-1]["driver"] == "cases_per_year"
    assert found.drivers.iloc[-1]["verdict"] == ""
    assert found.drivers.iloc[-1]["importance"].value < 0.05


def test_pain_points_are_named(found):
    pains = found.drivers[found.drivers["verdict"] == MEND]
    assert len(pains) and set(found.drivers["verdict"]) <= {MEND, THEN, ""}
    first = found.drivers.iloc[0]
    assert first["driver"] == pains["driver"].iloc[0]
    assert found.pains().startswith("Mend first: ")
    assert first["gain"].text() in found.summary()
    gains = [gain.value for gain in pains["gain"]]
    assert gains == sorted(gains, reverse=True)


def test_performance_is_near_one_where_nearly_all_are_served_best():
    known = answers()
    rng = np.random.default_rng(1)
    known["queue"] = np.where(rng.random(len(known)) < 0.1, 10.0, rng.random(len(known)))
    line = known["nps"] - 3 * (known["queue"] > 5)
    known["nps"] = line.clip(0, 10)
    rows = driver_importance(driver_model(known), draws=40).drivers.set_index("driver")
    assert rows.loc["queue", "performance"].value > 0.8


def test_a_lever_that_is_not_better_by_what_is_known_of_it_is_no_pain_point():
    known = answers()
    # who waits longer answers better: nobody mends that by letting customers wait
    known["resolution_hours"] = 10 + 4 * known["nps"] + 20 * np.random.default_rng(2).random(len(known))
    rows = driver_importance(driver_model(known), draws=40).drivers.set_index("driver")
    assert rows.loc["resolution_hours", "gain"].value < 0
    assert rows.loc["resolution_hours", "verdict"] == ""


def test_what_describes_the_customer_has_no_performance():
    known = answers()
    rng = np.random.default_rng(3)
    known["tenure_months"], known["touchpoint"] = rng.gamma(2, 12, len(known)), rng.choice(["a", "b"], len(known))
    rows = driver_importance(driver_model(known), draws=40).drivers.set_index("driver")
    assert rows.loc["tenure_months", ["performance", "gain"]].isna().all()
    assert rows.loc["touchpoint", "verdict"] == "" and not rows.loc["touchpoint", "lever"]


def test_no_lever_at_all():
    rng = np.random.default_rng(3)
    known = pd.DataFrame({"customer_id": range(200), "nps": rng.integers(0, 11, 200), "spend": rng.gamma(2, 9, 200)})
    found = driver_importance(driver_model(known), draws=40)
    assert MEND not in set(found.drivers["verdict"])
    assert found.pains().startswith("No pain point can be named")


def test_gain_of_another_score_is_in_its_own_points():
    known = answers()
    known["csat"] = 1.0 + np.digitize(known["nps"], [3, 6, 8, 10])
    found = driver_importance(driver_model(known.drop(columns="nps"), score="csat"), draws=40)
    assert 0 < found.drivers.iloc[0]["gain"].value < 2


def test_same_seed_same_figures():
    model = driver_model(answers(200))
    one, other = (driver_importance(model, draws=40, seed=7) for _time in range(2))
    assert [str(share) for share in one.drivers["importance"]] == [str(share) for share in other.drivers["importance"]]


def test_too_few_draws():
    with pytest.raises(ValueError, match="`draws` must be at least 39 for a 95% interval, got 10"):
        driver_importance(driver_model(answers(200)), draws=10)


def test_intervals_hold_the_truth():
    shares = coverage(drivers_covered, 15, 300)
    # of 15, 95% leaves fewer than 11 once in two thousand
    assert shares.min() >= 0.73
    assert shares.mean() >= 0.9


def test_table_is_shown(found):
    shown = of(found, title="What to mend first").content
    assert [column["label"] for column in shown["columns"]][1:3] == ["Importance, %", "Performance, %"]


def test_every_word_can_be_translated(untranslated, found):
    again = driver_importance(driver_model(answers(200)), draws=40)
    assert set(
        untranslated(again.summary() + " ".join(again.table()["name"]) + " ".join(again.table()["verdict"]))
    ) <= {"n"}
