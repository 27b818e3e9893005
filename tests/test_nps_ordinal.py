"""Ordinal logit: against statsmodels, and where it has no maximum."""

import numpy as np
import pytest

from crmlab.absence import FitError
from crmlab.nps.ordinal import fit_ordinal


def sample(n=400, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2))
    return np.searchsorted([-1.0, 0.5, 2.0], x @ [0.8, -0.4] + rng.logistic(size=n)), x


def test_agrees_with_statsmodels():
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    y, x = sample()
    oracle = OrderedModel(y, x, distr="logit").fit(method="bfgs", disp=0, maxiter=500, gtol=1e-8)
    fit = fit_ordinal(y, x)
    assert fit.coefficients == pytest.approx(oracle.params[:2], abs=1e-4)
    assert np.sqrt(np.diag(fit.bread))[-2:] == pytest.approx(oracle.bse[:2], rel=1e-3)
    assert fit.log_likelihood == pytest.approx(oracle.llf, abs=1e-6)
    thresholds = oracle.model.transform_threshold_params(oracle.params[2:])[1:-1]
    assert fit.thresholds == pytest.approx(thresholds, abs=1e-4)


def test_two_answers_are_a_logistic_regression():
    from statsmodels.discrete.discrete_model import Logit

    y, x = sample()
    y = (y > 1).astype(float)
    oracle = Logit(y, np.column_stack([np.ones(len(y)), x])).fit(disp=0)
    fit = fit_ordinal(y, x)
    assert [-fit.thresholds[0], *fit.coefficients] == pytest.approx(oracle.params, abs=1e-6)


def test_answers_said_twice_by_one_customer_are_no_more_evidence():
    y, x = sample()
    once = fit_ordinal(y, x, np.arange(len(y)))
    twice = fit_ordinal(np.repeat(y, 2), np.repeat(x, 2, axis=0), np.repeat(np.arange(len(y)), 2))
    assert twice.params == pytest.approx(once.params, abs=1e-6)
    assert np.sqrt(np.diag(twice.covariance)) == pytest.approx(np.sqrt(np.diag(once.covariance)), rel=0.001)
    assert twice.clusters == 400
    assert np.diag(fit_ordinal(np.repeat(y, 2), np.repeat(x, 2, axis=0)).covariance) == pytest.approx(
        np.diag(once.covariance) / 2, rel=0.05
    )


def test_order_and_spacing_of_answers_do_not_matter():
    y, x = sample()
    fit = fit_ordinal(y, x)
    turned = np.random.default_rng(0).permutation(len(y))
    again = fit_ordinal(np.array([0, 7, 8, 10])[y][turned], x[turned])
    assert again.params == pytest.approx(fit.params, abs=1e-6)
    assert again.levels.tolist() == [0, 7, 8, 10]


def test_no_column_leaves_the_shares_themselves():
    y, _x = sample()
    fit = fit_ordinal(y, np.empty((len(y), 0)))
    assert 1 / (1 + np.exp(-fit.thresholds)) == pytest.approx(np.cumsum(np.bincount(y))[:-1] / len(y))
    counts = np.bincount(y)
    assert fit.log_likelihood == pytest.approx(counts @ np.log(counts / len(y)))


def test_far_out_values_do_not_break_it():
    y, x = sample()
    x[0] = [60.0, 0.0]
    y[0] = 0
    assert np.isfinite(fit_ordinal(y, x).covariance).all()


def test_answers_all_the_same():
    with pytest.raises(FitError, match="all answers are the same"):
        fit_ordinal(np.full(9, 10), np.arange(9.0)[:, None])


def test_a_column_that_tells_answers_apart_without_fault_grows_for_ever():
    x = np.linspace(-1, 1, 60)[:, None]
    try:
        largest = np.abs(fit_ordinal((x[:, 0] > 0) * 1 + (x[:, 0] > 0.5), x).coefficients).max()
    except FitError as error:
        assert "told apart without fault" in str(error)
    else:
        assert largest > 10
