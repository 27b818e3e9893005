"""Profile likelihood intervals against those known in closed form, and where the data set no bound."""

import numpy as np
import pytest
from scipy import optimize, stats

from crmlab.likelihood import maximise
from crmlab.profile_likelihood import parameter_table, profile_estimate
from tests.test_purchases import fitted

VALUES = np.random.default_rng(3).gamma(2.0, 4.0, 25)


def gamma():
    return maximise(
        lambda params: stats.gamma.logpdf(VALUES, params[0], scale=params[1]).sum(),
        [1.0, 1.0],
        shapes=[True, False],
        model="Gamma",
    )


def table_of(maximum, names, **options):
    return parameter_table(names, maximum.params, maximum.covariance, maximum=maximum, **options)


def test_the_exponentials_ends_are_where_its_likelihood_ratio_says():
    waits = VALUES[:10]
    found = maximise(
        lambda params: stats.expon.logpdf(waits, scale=params[0]).sum(), [1.0], shapes=[False], model="Exponential"
    )
    row = table_of(found, ["mean"]).iloc[0]
    # 2 n (ratio - 1 - log ratio) is the likelihood ratio statistic; ratio is estimate / end.
    ratio = waits.mean() / np.array([row["low"], row["high"]])
    assert 2 * 10 * (ratio - 1 - np.log(ratio)) == pytest.approx([stats.chi2.ppf(0.95, 1)] * 2, rel=1e-3)
    assert row["low"] < row["estimate"] < row["high"]


def test_a_gamma_shapes_ends_agree_with_a_search_by_hand():
    found = gamma()

    def missing(shape):
        # given the shape, the best scale is the mean over the shape
        profile = stats.gamma.logpdf(VALUES, shape, scale=VALUES.mean() / shape).sum()
        return profile - found.log_likelihood + stats.chi2.ppf(0.95, 1) / 2

    estimate = found.params[0]
    by_hand = [optimize.brentq(missing, estimate / 10, estimate), optimize.brentq(missing, estimate, estimate * 10)]
    row = table_of(found, ["shape", "scale"]).iloc[0]
    assert [row["low"], row["high"]] == pytest.approx(by_hand, rel=1e-3)


def test_a_quantity_of_several_parameters_has_the_interval_of_its_own_likelihood():
    """The mean of a gamma is shape times scale; its ends meet the cut when the shape is chosen best."""
    found = gamma()
    mean = profile_estimate(found, VALUES.mean(), np.sum, unit="days", n=25, label="mean", confidence_level=0.9)
    for end in (mean.low, mean.high):
        best = optimize.minimize_scalar(
            lambda shape, end=end: -stats.gamma.logpdf(VALUES, shape, scale=end / shape).sum(),
            bounds=(0.1, 20), method="bounded",
        )  # fmt: skip
        assert 2 * (found.log_likelihood + best.fun) == pytest.approx(stats.chi2.ppf(0.9, 1), rel=1e-3)


def test_what_the_data_do_not_bound_stays_open():
    """Counts that vary no more than Poisson ones: a negative binomial's shape has no upper end, its mean has."""
    counts = np.array([2, 3, 3, 4, 3, 3, 4, 3])
    found = maximise(
        lambda params: stats.nbinom.logpmf(counts, params[0], 1 / (1 + params[1])).sum(),
        [1.0, 1.0],
        shapes=[True, False],
        model="Negative binomial",
    )
    shape, scale = table_of(found, ["shape", "scale"]).itertuples()
    assert (shape.high, scale.low) == (np.inf, 0.0)
    assert 0 < shape.low < shape.estimate
    assert scale.estimate < scale.high < np.inf
    mean = profile_estimate(found, 3.125, np.sum, unit="purchases", n=8, label="mean", confidence_level=0.95)
    assert 1.5 < mean.low < 3.125 < mean.high < 5.0


def test_a_quantity_without_bound_has_no_interval_and_says_so():
    found = maximise(lambda params: -1 / params[0], [1.0], shapes=[True], model="Endless")
    endless = profile_estimate(found, found.params[0], np.sum, unit="days", n=1, label="endless", confidence_level=0.95)
    assert (endless.low, endless.high) == (None, None)
    assert endless.no_interval == "the customers are too few to bound it"


def test_without_a_maximum_ends_are_normal_in_logarithms():
    row = parameter_table(["r"], [2.0], np.array([[0.01]])).iloc[0]
    assert row.tolist() == ["r", 2.0, pytest.approx(0.2), pytest.approx(2 * np.exp(-0.196), rel=1e-4), row["high"]]
    assert row["low"] * row["high"] == pytest.approx(4.0)


def test_on_many_customers_both_ways_agree_nearly_and_the_likelihood_is_skewed():
    model = fitted("bg_nbd")
    normal = parameter_table(model.params, list(model.params.values()), model.covariance)
    profile = model.table()
    assert profile[["low", "high"]].to_numpy() == pytest.approx(normal[["low", "high"]].to_numpy(), rel=0.2)
    b = profile.set_index("parameter").loc["b"]
    assert b["high"] / b["estimate"] > b["estimate"] / b["low"]
