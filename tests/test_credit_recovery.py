import numpy as np
import pandas as pd
import pytest

from crmlab.credit.recovery import loss_given_default

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def payments(open_then, recovered, months):
    n = len(open_then)
    columns = {"exposure_at_default": open_then, "recovered": recovered, "months_since_default": months}
    return pd.DataFrame({"customer_id": [f"C{place}" for place in range(n)], **columns}).astype(
        dict.fromkeys(columns, float)
    )


def worked_out(n=20):
    return payments([100, 300] * (n // 2), [100, 150] * (n // 2), [24] * n)


def test_the_ratio_of_what_was_lost():
    found = loss_given_default(worked_out())
    assert found.estimate.value == pytest.approx(150 / 400)
    assert found.estimate.low < 150 / 400 < found.estimate.high
    assert found.summary().startswith("Of what was open at default, 37.5% was lost (95% interval ")


def test_young_defaults_and_good_customers_do_not_count():
    young = payments([100, 1e6, np.nan], [100, 0, np.nan], [24, 11, np.nan])
    assert loss_given_default(pd.concat([worked_out(), young])).estimate.n == 21


@pytest.mark.parametrize(("paid", "value"), [(0, 1), (100, 0)])
def test_nothing_or_all_recovered_has_an_interval(paid, value):
    estimate = loss_given_default(payments([100] * 20, [paid] * 20, [24] * 20)).estimate
    assert estimate.value == value
    assert 0.1 < estimate.high - estimate.low < 0.2


def test_stated_and_assumed_shares():
    stated = loss_given_default(worked_out(), given=0.3)
    assert stated.summary() == "Of what is open at default, 30.0% counts as lost, stated in the parameters."
    assert stated.given([0, 6, 99]).tolist() == [0.3, 0.3, 0.3]
    few = loss_given_default(worked_out(8))
    assert few.estimate.value == 0.45
    assert few.summary().endswith("assumed: too few defaults have been followed for long enough.")
    assert loss_given_default(worked_out().head(1)).estimate.value == 0.45


def test_the_longer_in_default_the_more_is_lost():
    found = loss_given_default(worked_out(), workout_months=10)
    lost = 150 / 400
    # half-way through the work-out, half of those who would pay have paid
    assert found.given([0, 5, 10, 30]) == pytest.approx([lost, lost / (lost + (1 - lost) / 2), 1, 1])


def test_draws_have_the_mean_of_what_is_given():
    found = loss_given_default(worked_out(200), workout_months=12)
    months = np.repeat([0.0, 6.0, 24.0], 200)
    rng = np.random.default_rng(0)
    drawn = np.array([found.draw(months, rng=rng) for _ in range(200)])
    means = drawn.reshape(200, 3, 200).mean(axis=(0, 2))
    assert means == pytest.approx(found.given([0, 6, 24]), abs=0.02)
    assert found.draw([], rng=rng).shape == (0,)


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`given` must be a share from 0 to 1, got 45"):
        loss_given_default(worked_out(), given=45)
    with pytest.raises(ValueError, match="`assumed` must be a share"):
        loss_given_default(worked_out(), assumed=-1)
