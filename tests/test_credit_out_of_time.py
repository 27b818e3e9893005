"""Later customers foretold from earlier ones: by a known law, and on Xinglin."""

import pytest

from crmlab.absence import FitError
from crmlab.credit.behaviour import default_outcomes
from crmlab.credit.out_of_time import out_of_time_check
from crmlab.credit.scorecard import default_model
from tests.test_credit_scorecard import FEATURES, XINGLIN, sample, xinglin  # noqa: F401 (a fixture)

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def test_later_customers_are_foretold_from_earlier_ones():
    outcomes, customers = sample(1500)
    check = out_of_time_check(outcomes, customers, features=FEATURES)
    assert check.n == 450
    earlier = outcomes[outcomes["first_due_on"] < outcomes["first_due_on"].iloc[1050]]
    model = default_model(earlier, customers, features=FEATURES)
    later = customers.iloc[1050:]
    assert check.bands["predicted"].mean() == pytest.approx(model.probabilities(later).mean(), rel=1e-6)
    assert check.auc.low > 0.5
    assert check.observed_to_expected.low < 1 < check.observed_to_expected.high


def test_customers_of_one_day_cannot_be_parted():
    outcomes, customers = sample(50)
    with pytest.raises(FitError, match="too few customers have been observed"):
        out_of_time_check(outcomes.assign(first_due_on="2024-01-01"), customers, features=FEATURES)


def test_nobody_observed_for_long_enough():
    outcomes, customers = sample(40)
    with pytest.raises(FitError, match="too few customers have been observed"):
        out_of_time_check(outcomes.assign(observed=False), customers, features=FEATURES)


def test_too_few_defaults_leave_a_forecast_that_is_the_same_for_all():
    check = out_of_time_check(*sample(200, intercept=-5), features=FEATURES)
    assert len(check.bands) == 1 and check.slope is None


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`held_out_share` must lie between 0 and 1, got 1"):
        out_of_time_check(*sample(50), features=FEATURES, held_out_share=1)


def test_xinglin_is_foretold_out_of_time(xinglin):  # noqa: F811
    payments, customers, _truth = xinglin
    check = out_of_time_check(default_outcomes(payments), customers, features=XINGLIN)
    assert check.auc.low > 0.6
    assert check.slope.low < 1 < check.slope.high
