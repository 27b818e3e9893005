"""Purchase models against published fits of CDNOW, against lifetimes, and against simulated customers."""

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from crmlab.aggregate import calibration_holdout_summary
from crmlab.hypergeometric import gauss_fraction
from crmlab.likelihood import FitError
from crmlab.purchase_laws import LAWS, Histories, log_likelihood
from crmlab.purchases import PurchaseModel, fit_bg_nbd, fit_mbg_nbd, fit_pareto_nbd
from tests.bench.coverage_clv import TRUTHS, simulate_purchases
from tests.test_aggregate_transactions import cdnow_sample

FITS = {"bg_nbd": fit_bg_nbd, "mbg_nbd": fit_mbg_nbd, "pareto_nbd": fit_pareto_nbd}


@functools.cache
def sample() -> pd.DataFrame:
    return calibration_holdout_summary(cdnow_sample(), calibration_end="1997-09-30", holdout_end="1998-06-30")


@functools.cache
def fitted(name: str) -> PurchaseModel:
    return FITS[name](sample())


def known(name: str, *, covariance=None, time_unit="week", **params) -> PurchaseModel:
    """A model whose parameters are given, not fitted."""
    covariance = np.zeros((4, 4)) if covariance is None else covariance
    return PurchaseModel(name, params or TRUTHS[name], {}, covariance, 0.0, 100, time_unit)


def history(x, t_x, T) -> pd.DataFrame:
    return pd.DataFrame({"frequency": np.atleast_1d(x), "recency": np.atleast_1d(t_x), "T": np.atleast_1d(T)})


def assert_fit(model, params, log_likelihood, tolerance):
    assert list(model.params.values()) == pytest.approx(params, abs=tolerance)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=1e-3)
    assert model.n == 2357


def test_bg_nbd_matches_fader_hardie_lee_2005():
    assert_fit(fitted("bg_nbd"), [0.2426, 4.4136, 0.7929, 2.4259], -9582.4292, 1e-4)


def test_bg_nbd_standard_errors_match_lifetimes():
    found = list(fitted("bg_nbd").standard_errors.values())
    assert found == pytest.approx([0.01256, 0.3782, 0.1857, 0.7053], rel=5e-4)


def test_pareto_nbd_matches_fader_hardie_lee_2005():
    assert_fit(fitted("pareto_nbd"), [0.5533, 10.5777, 0.6062, 11.6687], -9594.976, 1.5e-3)
    assert list(fitted("pareto_nbd").params.values()) == pytest.approx([0.553, 10.578, 0.606, 11.669], abs=1.5e-3)


def test_pareto_nbd_standard_errors_match_clvtools():
    found = list(fitted("pareto_nbd").standard_errors.values())
    assert found == pytest.approx([0.04763, 0.8427, 0.18726, 6.2105], rel=5e-4)


def test_mbg_nbd_matches_lifetimes_tests():
    assert_fit(fitted("mbg_nbd"), [0.525, 6.183, 0.891, 1.614], -9582.1357, 5e-4)


def test_bg_nbd_conditional_expectation_matches_fader_hardie_lee_2005():
    found = fitted("bg_nbd").conditional_expected_purchases(39, history(2, 30.43, 38.86))
    assert found == pytest.approx(1.226, abs=5e-4)


def test_bg_nbd_expectation_matches_fader_hardie_lee_spreadsheet():
    found = fitted("bg_nbd").expected_purchases(np.array([0.1429, 1, 3, 31.8571, 32, 78]))
    assert found == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576], abs=5e-4)


@pytest.mark.parametrize(
    "name, means, tolerance",
    [
        ("bg_nbd", [0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570], 5e-4),
        ("pareto_nbd", [0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403], 1e-3),
    ],
)
def test_holdout_prediction_by_frequency_matches_the_recomputed_table(name, means, tolerance):
    customers = sample()
    predicted = pd.Series(fitted(name).conditional_expected_purchases(39, customers))
    assert predicted.groupby(customers["frequency"].clip(upper=7)).mean().tolist() == pytest.approx(
        means, abs=tolerance
    )


@pytest.mark.parametrize("x, expected", [(132, 6.2060518), (133, 6.2528722)])
def test_pareto_nbd_of_heavy_buyers_matches_mpmath(x, expected):
    model = known("pareto_nbd", r=0.55, alpha=10.58, s=0.61, beta=11.67)
    customer = history(x, 200.0, 200.0)
    assert model.conditional_expected_purchases(10, customer) == pytest.approx(expected, abs=5e-8)
    assert model.p_alive(customer).tolist() == [1.0]


@pytest.mark.parametrize(
    "b, c, z, expected",
    [
        (336.85175201536225, 338.4237243589447, 0.9980006785860209, 195.1892350897),
        (3014.983851316639, 3016.0591251760134, 0.9969925653438015, 300.0351898498),
    ],
)
def test_the_series_where_scipy_overflows_matches_mpmath(b, c, z, expected):
    assert not np.isfinite(special.hyp2f1(1.0, b, c, z))
    assert gauss_fraction(b, c, z) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", FITS)
def test_a_likelihood_sums_what_is_of_those_who_stayed_and_of_those_who_left(name):
    """Whatever the odds: of nobody who left, of even ones, and of ones whose exponential overflows."""
    x, t_x, T = (
        np.array(column, dtype=float) for column in ([0, 0, 3, 3, 900], [0, 0, 9, 1, 1], [0, 50, 9, 900, 9000])
    )
    law, histories = LAWS[name], Histories(x, t_x, T, of=np.arange(5))
    params = dict(zip(law.names, (0.5, 10.0, 0.8, 2.0), strict=True)).values()
    stayed = [
        law.alive_log_likelihood(params, Histories(*one, of=np.zeros(1, int))) for one in np.c_[x, t_x, T][:, :, None]
    ]
    gone = law.log_odds_gone(params, histories)
    assert gone.max() > 710
    expected = np.concatenate(stayed) + np.logaddexp(0.0, gone)
    assert log_likelihood(law, params, histories) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", ["bg_nbd", "mbg_nbd"])
@pytest.mark.parametrize("params", [(0.5, 10.0, 0.8, 2.0), (0.02, 300.0, 5.0, 0.3), (8.0, 0.5, 0.05, 40.0)])
def test_derivatives_by_hand_are_those_of_the_likelihood(name, params):
    law, customers = LAWS[name], sample().head(300)
    histories = Histories.among(*(customers[column].to_numpy(float) for column in ("frequency", "recency", "T")))
    sizes = np.bincount(histories.of) + np.arange(len(histories.x)) % 3

    def total(values):
        return (sizes * log_likelihood(law, values, histories)).sum()

    gradient, hessian = law.derivatives(params, histories, sizes)
    for i, value in enumerate(params):
        step = 1e-3 * value * np.eye(4)[i]
        at = {k: total(params + k * step) for k in (-2, -1, 1, 2)}
        slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * 1e-3 * value)
        assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-6 * abs(gradient).max())
        ahead, behind = (law.derivatives(params + sign * step, histories, sizes)[0] for sign in (1, -1))
        curve = (ahead - behind) / (2e-3 * value)
        assert hessian[i] == pytest.approx(curve, rel=1e-4, abs=1e-5 * abs(hessian[i]).max())
    assert hessian == pytest.approx(hessian.T)


def test_a_fit_that_starts_from_a_sample_ends_where_all_customers_say(monkeypatch):
    monkeypatch.setattr("crmlab.purchases._ENOUGH", 50)
    for name in FITS:
        found = FITS[name](sample())
        assert list(found.params.values()) == pytest.approx(list(fitted(name).params.values()), rel=1e-4)
        assert found.log_likelihood == pytest.approx(fitted(name).log_likelihood, abs=1e-6)


BAD_BASES = {
    "time in seconds": {"recency": 604800.0, "T": 604800.0},
    "time in centuries": {"recency": 1 / 5218, "T": 1 / 5218},
    "a thousand times as many purchases": {"frequency": 1000},
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("base", BAD_BASES)
def test_fits_of_badly_scaled_inputs_converge(name, base):
    scaled = sample()[["frequency", "recency", "T"]].mul(pd.Series(BAD_BASES[base]), fill_value=1)
    found = FITS[name](scaled)
    assert np.isfinite([*found.params.values(), *found.standard_errors.values(), found.log_likelihood]).all()
    if base.startswith("time"):  # a change of units moves alpha and beta alone
        scale = BAD_BASES[base]["T"]
        units = [1, scale, 1, scale if name == "pareto_nbd" else 1]
        expected = np.array(list(fitted(name).params.values())) * units
        assert list(found.params.values()) == pytest.approx(expected, rel=1e-3)


def test_millions_of_customers_are_fitted_as_the_thousands_they_repeat():
    repeated = sample()[["frequency", "recency", "T"]]
    repeated = repeated.loc[np.tile(np.arange(len(repeated)), 1104)]
    assert len(repeated) > 2_600_000
    found = fit_bg_nbd(repeated)
    assert list(found.params.values()) == pytest.approx(list(fitted("bg_nbd").params.values()), rel=1e-4)
    errors = np.array(list(fitted("bg_nbd").standard_errors.values())) / np.sqrt(1104)
    assert list(found.standard_errors.values()) == pytest.approx(errors, rel=0.02)


@pytest.mark.parametrize("name", FITS)
def test_a_repeat_rate_near_nought_gives_an_answer(name):
    """One repeat purchase among many thousand customers says little, yet something finite."""
    rng = np.random.default_rng(5)
    age = rng.integers(10, 60, 20_000).astype(float)
    customers = history(np.zeros(20_000), np.zeros(20_000), age)
    customers.loc[0, ["frequency", "recency"]] = 1, 4.0
    found = FITS[name](customers)
    assert np.isfinite(list(found.params.values())).all()
    assert 0 <= found.expected_purchases(52) < 0.01
    assert found.conditional_expected_purchases(52, customers).sum() < 20


@pytest.mark.parametrize("name", FITS)
def test_the_lifetimes_fitter_agrees(name):
    customers = sample().head(200)
    fitter = fitted(name).lifetimes
    columns = [customers[column].to_numpy() for column in ("frequency", "recency", "T")]
    assert fitter.predict(20, *columns) == pytest.approx(
        fitted(name).conditional_expected_purchases(20, customers), rel=1e-6
    )
    assert fitter.expected_number_of_purchases_up_to_time(20) == pytest.approx(fitted(name).expected_purchases(20))


@pytest.mark.parametrize("name", FITS)
@pytest.mark.filterwarnings("ignore")  # of its own search
def test_lifetimes_finds_the_same_maximum(name):
    groups = sample().groupby(["frequency", "recency", "T"], as_index=False).size()
    fitter = fitted(name).lifetimes
    fitter.fit(groups["frequency"], groups["recency"], groups["T"], weights=groups["size"], initial_params=np.ones(4))
    assert fitter.params_.tolist() == pytest.approx(list(fitted(name).params.values()), rel=5e-3)


shape = st.floats(0.05, 50)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(list(FITS)),
    st.tuples(shape, st.floats(0.1, 500), shape, shape),
    st.integers(0, 2000),
    st.floats(0, 1),
    st.floats(0.1, 1000),
    st.floats(0.1, 500),
)
def test_expectations_are_finite_ordered_and_bounded_for_any_customer(name, values, x, share, T, t):
    model = known(name, **dict(zip(TRUTHS[name], values, strict=True)))
    customer = history(x, share * T if x else 0.0, T)
    alive = model.p_alive(customer)[0]
    near, far = (model.conditional_expected_purchases(time, customer)[0] for time in (t, 2 * t))
    assert 0 <= alive <= 1
    # As many as one would buy who never leaves.
    ceiling = (values[0] + x) / (values[1] + T) * t
    assert -1e-9 <= near <= ceiling * (1 + 1e-6)
    assert near <= far * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize("name", FITS)
def test_simulated_purchases_have_the_expected_mean(name):
    customers = history([0, 1, 4, 30], [0.0, 5.0, 30.0, 38.0], [38.0, 30.0, 35.0, 39.0])
    many = pd.concat([customers] * 20_000)
    bought = next(known(name).simulate_purchases(26, many, draws=1, seed=3)).reshape(-1, 4)
    expected = known(name).conditional_expected_purchases(26, customers)
    error = bought.std(axis=0) / np.sqrt(len(bought))
    assert (np.abs(bought.mean(axis=0) - expected) < 4.5 * error).all()


def plain_simulation(name, x, T, t, alive, n, rng) -> np.ndarray:
    """Purchases of `n` customers with one history, step by step as the model tells its story."""
    r, alpha, *leaving = TRUTHS[name].values()
    rate = rng.gamma(r + x, 1 / (alpha + T), n)
    if name == "pareto_nbd":
        s, beta = leaving
        left = rng.exponential(size=n) / rng.gamma(s, 1 / (beta + T), n)
        bought = rng.poisson(rate * np.minimum(t, left))
    else:
        a, b = leaving
        bought = np.minimum(rng.poisson(rate * t), rng.geometric(rng.beta(a, b + x + (name == "mbg_nbd"), n)))
    return np.where(rng.random(n) < alive, bought, 0)


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("x, t_x, T", [(0, 0.0, 38.0), (1, 5.0, 30.0), (6, 30.0, 35.0)])
def test_simulated_purchases_are_distributed_as_the_models_story_says(name, x, t_x, T):
    n = 40_000
    customers = history(np.full(n, x), np.full(n, t_x), np.full(n, T))
    bought = next(known(name).simulate_purchases(26, customers, draws=1, seed=3))
    plain = plain_simulation(name, x, T, 26, known(name).p_alive(customers)[0], n, np.random.default_rng(4))
    for count in range(5):
        share, expected = (np.mean(np.minimum(each, 4) == count) for each in (bought, plain))
        assert share == pytest.approx(expected, abs=4.5 * np.sqrt(2 * expected / n) + 1e-4)


@pytest.mark.parametrize("name", FITS)
def test_forecasts_are_of_the_customers_in_their_order(name):
    customers = sample().head(300)
    single = pd.concat([customers.iloc[[place]] for place in (3, 3, 250, 0)])
    together = fitted(name).conditional_expected_purchases(26, customers)
    assert fitted(name).conditional_expected_purchases(26, single) == pytest.approx(together[[3, 3, 250, 0]], rel=1e-12)
    assert fitted(name).p_alive(single) == pytest.approx(fitted(name).p_alive(customers)[[3, 3, 250, 0]], rel=1e-12)


def test_several_times_give_a_row_each():
    customers = sample().head(50)
    rows = fitted("bg_nbd").conditional_expected_purchases(np.array([4.0, 26.0]), customers)
    for row, t in zip(rows, (4.0, 26.0), strict=True):
        assert row.tolist() == fitted("bg_nbd").conditional_expected_purchases(t, customers).tolist()


@pytest.mark.parametrize("name", FITS)
def test_expected_purchases_agree_with_simulated_customers(name):
    log = simulate_purchases(name, 40_000, np.random.default_rng(5))
    first = log.groupby("customer_id")["week"].transform("min")
    repeats = log[(log["week"] > first) & (log["week"] <= first + 39)].groupby("customer_id").size()
    repeats = repeats.reindex(range(40_000), fill_value=0)
    error = repeats.std() / np.sqrt(len(repeats))
    assert repeats.mean() == pytest.approx(known(name).expected_purchases(39.0), abs=4.5 * error)


def test_rows_may_come_in_any_order_and_are_not_changed():
    customers = sample()
    before = customers.copy()
    shuffled = customers.sample(frac=1, random_state=0)
    assert fit_bg_nbd(shuffled).params == pytest.approx(fitted("bg_nbd").params, rel=1e-6)
    pd.testing.assert_frame_equal(customers, before)


@pytest.mark.parametrize("name, time", [("bg_nbd", ("alpha",)), ("pareto_nbd", ("alpha", "beta"))])
def test_the_time_unit_scales_the_time_parameters_alone(name, time):
    daily = sample().assign(recency=lambda frame: frame["recency"] * 7, T=lambda frame: frame["T"] * 7)
    found = FITS[name](daily, time_unit="day").params
    for parameter, value in fitted(name).params.items():
        assert found[parameter] == pytest.approx(value * (7 if parameter in time else 1), rel=2e-3)


@pytest.mark.parametrize("name", FITS)
def test_customers_who_never_leave_are_fitted_all_the_same(name):
    rng = np.random.default_rng(2)
    gaps = rng.exponential(1 / rng.gamma(2.0, 0.2, (300, 1)), (300, 400))
    times = gaps.cumsum(axis=1)
    x = (times <= 39).sum(axis=1)
    customers = history(x, np.where(x > 0, np.where(times <= 39, times, 0).max(axis=1), 0.0), np.full(300, 39.0))
    model = FITS[name](customers)
    assert np.isfinite(list(model.standard_errors.values())).all()
    assert model.conditional_expected_purchases(39, customers).sum() == pytest.approx(x.sum(), rel=0.05)


@pytest.mark.parametrize("fit", FITS.values())
@pytest.mark.parametrize(
    "customers, message",
    [
        (history([], [], []), "needs at least two customers, got 0"),
        (history(3, 5.0, 9.0), "needs at least two customers, got 1"),
        (history([0, 0], [0.0, 0.0], [9.0, 5.0]), "needs repeat purchases: none of the 2 customers"),
        (history([1, 2], [0.0, 0.0], [0.0, 0.0]), "needs customers observed for some time: T is 0 for all 2"),
        (history([1, 2], [3.0, 9.5], [9.0, 9.0]), "1 of 2 customers break this, the first in row 1"),
        (history([1, 2], [3.0, 2.0], [9.0, np.nan]), "1 of 2 customers break this, the first in row 1"),
    ],
)
def test_data_that_cannot_carry_a_purchase_model_are_refused(fit, customers, message):
    with pytest.raises(FitError, match=message):
        fit(customers)


def test_an_unknown_time_unit_is_refused():
    with pytest.raises(ValueError, match="`time_unit` must be one of day, week, month, got 'W'"):
        fit_bg_nbd(sample(), time_unit="W")


@pytest.mark.parametrize("name", FITS)
def test_all_that_a_purchase_model_says_is_translated(name, untranslated):
    model = fitted(name)
    assert untranslated(f"{model.summary()} {model.expected_in_first_year().label}") == [model.title]


def test_purchase_model_table_and_summary():
    table = fitted("bg_nbd").table()
    assert table["parameter"].tolist() == ["r", "alpha", "a", "b"]
    assert ((table["low"] < table["estimate"]) & (table["estimate"] < table["high"])).all()
    assert "BG/NBD model, fitted to 2,357 customers, a new customer makes on average 1.4" in fitted("bg_nbd").summary()
