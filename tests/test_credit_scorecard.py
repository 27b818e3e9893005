"""Default model: the points' definition, recovery of Xinglin's truth, and what too few defaults give."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import datasets
from crmlab.aggregate import payment_summary
from crmlab.credit.behaviour import default_outcomes
from crmlab.credit.scorecard import FACTOR, OFFSET, default_model

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
FEATURES = {"grade": ["A", "B", "C"], "capital": "log10"}
XINGLIN = {"credit_rating": list("ABCDE"), "registered_capital": "log10", "aggressive": "plain"}


def sample(n=600, seed=1, intercept=-2.5):
    """Outcomes by a known law, and the customers' features."""
    rng = np.random.default_rng(seed)
    step, capital = rng.integers(0, 3, n), 10 ** rng.normal(0, 0.5, n)
    chance = 1 / (1 + np.exp(-(intercept + 0.7 * step - 0.8 * np.log10(capital))))
    ids = [f"C{number}" for number in range(n)]
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(np.arange(n), unit="D")
    default = rng.random(n) < chance
    outcomes = pd.DataFrame({"customer_id": ids, "first_due_on": days, "observed": True, "default": default})
    return outcomes, pd.DataFrame({"customer_id": ids, "grade": np.array(list("ABC"))[step], "capital": capital})


def test_points_are_600_at_50_to_1_and_20_double_the_odds():
    assert (round(FACTOR, 4), round(OFFSET, 3)) == (28.8539, 487.123)
    model = default_model(*sample(), features=FEATURES)
    scored = model.scored(sample()[1])
    odds = (1 - scored["probability"]) / scored["probability"]
    assert scored["points"].to_numpy() == pytest.approx(600 + 20 * np.log2(odds / 50), abs=0.501)


def test_odds_ratios_and_summary():
    model = default_model(*sample(), features=FEATURES)
    table = model.table()
    assert table["effect"].tolist() == ["grade: each step from A towards C", "capital: ten times as much"]
    for odds, truth, points in zip(table["odds_ratio"], (0.7, -0.8), table["points"], strict=True):
        assert odds.low < math.exp(truth) < odds.high
        assert points == pytest.approx(-FACTOR * math.log(odds.value))
    assert model.probabilities(sample()[1]).sum() == pytest.approx(model.defaults)
    assert "came to default" in model.summary() and "strongest effect on the odds of default is" in model.summary()
    json.dumps(model.entry(), allow_nan=False)


def test_draws_of_coefficients_have_their_standard_errors():
    model = default_model(*sample(), features=FEATURES)
    draws = model.draw_coefficients(draws=4000, rng=np.random.default_rng(0))
    assert draws.mean(axis=0) == pytest.approx(model.fit.coefficients, abs=0.02)
    assert draws.std(axis=0) == pytest.approx(model.fit.standard_errors, rel=0.05)


def test_too_few_defaults_give_everyone_the_same_chance():
    outcomes, customers = sample(200, intercept=-5)
    model = default_model(outcomes, customers, features=FEATURES)
    assert model.fit is None and model.reason == "too few defaults for a model with features"
    assert np.unique(model.probabilities(customers)) == pytest.approx([(model.defaults + 0.5) / 201])
    assert len(model.scored(customers)) == len(model.table()) == 0
    assert "Everyone is given this share as the probability of default: too few defaults" in model.summary()
    share = 1 / (1 + np.exp(-model.draw_coefficients(draws=2000, rng=np.random.default_rng(0))[:, 0]))
    assert np.quantile(share, [0.025, 0.975]) == pytest.approx(
        stats.beta(model.defaults + 0.5, 200 - model.defaults + 0.5).ppf([0.025, 0.975]), rel=0.1
    )


@pytest.mark.parametrize("intercept", [-2.5, -5])
def test_the_share_in_default_has_the_level_that_was_asked_for(intercept):
    """With features and, of too few defaults, without."""
    outcomes, customers = sample(600, intercept=intercept)
    narrow, usual = (default_model(outcomes, customers, features=FEATURES, **level).rate
                     for level in ({"confidence_level": 0.8}, {}))  # fmt: skip
    assert (narrow.confidence_level, usual.confidence_level) == (0.8, 0.95)
    assert usual.low < narrow.low < narrow.high < usual.high


@pytest.mark.parametrize("happened", [False, True])
def test_one_kind_of_outcome_only(happened):
    outcomes, customers = sample(40)
    model = default_model(outcomes.assign(default=happened), customers, features=FEATURES)
    assert model.fit is None and 0 < model.probabilities(customers)[0] < 1


def test_nobody_observed_for_long_enough():
    outcomes, customers = sample(40)
    model = default_model(outcomes.assign(observed=False), customers, features=FEATURES)
    assert model.rate is None
    assert model.summary() == (
        "Probabilities of default cannot be estimated: no customer has been observed for the whole window."
    )
    with pytest.raises(ValueError, match="gives no probability: no customer has been observed"):
        model.probabilities(customers)


def test_customers_all_alike():
    outcomes, customers = sample()
    model = default_model(outcomes, customers.assign(grade="A", capital=1.0), features=FEATURES)
    assert model.reason == "no feature tells these customers apart"


def test_a_column_that_follows_from_others_is_left_out():
    outcomes, customers = sample()
    again = customers.assign(euros=customers["capital"] * 7.8, country="CN")
    model = default_model(
        outcomes, again, features={**FEATURES, "euros": "log10", "country": "levels", "size": "plain"}
    )
    assert model.left_out == ("euros", "country", "size")
    assert model.fit.coefficients == pytest.approx(
        default_model(outcomes, customers, features=FEATURES).fit.coefficients
    )
    assert model.summary().endswith("or they tell nothing that others do not: euros, country, size.")


def test_a_grade_without_default_is_fitted_all_the_same():
    outcomes, customers = sample()
    spared = outcomes.assign(default=outcomes["default"] & (customers["grade"] != "A"))
    model = default_model(spared, customers, features={"grade": "levels"})
    assert model.fit.separated
    rates = pd.Series(model.probabilities(customers)).groupby(customers["grade"]).first()
    assert 0 < rates["A"] < 0.02 < rates["B"]


def test_misuse_is_named():
    outcomes, customers = sample(50)
    with pytest.raises(ValueError, match="missing: observed"):
        default_model(outcomes.drop(columns="observed"), customers, features=FEATURES)
    with pytest.raises(ValueError, match="`customers` must have one row per customer"):
        default_model(outcomes, pd.concat([customers, customers]), features=FEATURES)
    with pytest.raises(ValueError, match="`confidence_level` must lie between 0 and 1, got 95"):
        default_model(outcomes, customers, features=FEATURES, confidence_level=95)
    with pytest.raises(ValueError, match="missing: capital"):
        default_model(*sample(), features=FEATURES).probabilities(customers.drop(columns="capital"))


@pytest.fixture(scope="module")
def xinglin(tmp_path_factory):
    """Outcomes, customers and truth of the simulated client, without the rows that are known to be bad."""
    folder = tmp_path_factory.mktemp("xinglin")
    datasets.write("xinglin", folder)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    bad = pd.DataFrame(truth["dirty_rows"]).groupby("table")["row"].agg(list)
    days = {"payments": ["due_on", "paid_on"], "customers": ["acquired_on"]}
    tables = {
        name: pd.read_csv(folder / f"{name}.csv", skiprows=[row - 1 for row in bad[name]], parse_dates=dates)
        for name, dates in days.items()
    }
    payments = payment_summary(tables["payments"], until=truth["dates"]["as_of"])
    customers = tables["customers"].assign(
        registered_capital=lambda frame: frame["registered_capital"] / 1e6,
        aggressive=lambda frame: (frame["risk_tolerance"] == "进取").astype(float),
    )
    return payments, customers, truth["default"]


def test_xinglin_s_defaults_are_all_found(xinglin):
    payments, _customers, truth = xinglin
    assert payments["in_default"].sum() == truth["realised"]["customers"]
    assert default_outcomes(payments)["default"].sum() == truth["realised"]["customers"]


def test_xinglin_s_coefficients_are_recovered(xinglin):
    payments, customers, truth = xinglin
    outcomes = default_outcomes(payments)
    known = [truth[name] for name in ("intercept", "rating_grade", "log10_registered_capital_in_millions")]
    known = np.array([*known, truth["risk_tolerance_进取"]])
    fit = default_model(outcomes, customers, features=XINGLIN).fit
    # together at 95%: single intervals of four coefficients all hold in about 82% of draws only
    apart = known - fit.coefficients
    assert apart @ np.linalg.solve(fit.covariance, apart) < stats.chi2(len(known)).ppf(0.95)
    fit = default_model(outcomes, customers, features=XINGLIN, confidence_level=1 - 0.05 / len(known)).fit
    assert ((fit.low < known) & (known < fit.high)).all()
