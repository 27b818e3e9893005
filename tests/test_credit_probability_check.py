import numpy as np
import pytest

from crmlab.credit.probability_check import kolmogorov_smirnov, probability_check

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def drawn(n, seed, *, slope=1.0, shift=0.0):
    """Outcomes of true probabilities, and what a forecast said of them."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-2, 1, n)
    return (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float), 1 / (1 + np.exp(-(slope * log_odds + shift)))


def test_ks_by_hand():
    # the groups part most after 0.4: both good customers lie below, one of the two others
    estimate = kolmogorov_smirnov([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    assert estimate.value == 0.5
    assert "judge by the AUC" in estimate.no_interval
    assert kolmogorov_smirnov([0, 1, 0, 1], [0.5] * 4).value == 0


def test_probabilities_that_are_right_are_found_right():
    outcomes, foretold = drawn(3000, 1)
    check = probability_check(outcomes, foretold)
    assert check.slope.low < 1 < check.slope.high
    assert check.observed_to_expected.low < 1 < check.observed_to_expected.high
    assert check.bands["customers"].sum() == check.n == 3000
    assert ((check.bands["predicted"] > check.bands["low"]) & (check.bands["predicted"] < check.bands["high"])).all()
    assert "ranks customers who came to default above those who did not" in check.summary()
    assert "Their number agrees with what happened" in check.summary()
    assert check.table()["measure"].tolist()[0] == "area under the ROC curve (AUC)"


@pytest.mark.parametrize(
    ("slope", "shift", "words"), [(1, 1.5, "probabilities were too high"), (1, -1.5, "probabilities were too low")]
)
def test_probabilities_that_are_wrong_are_found_wrong(slope, shift, words):
    check = probability_check(*drawn(2000, 2, slope=slope, shift=shift))
    assert words in check.summary()


def test_probabilities_spread_too_far_have_a_slope_below_one():
    assert probability_check(*drawn(2000, 3, slope=2, shift=2)).slope.high < 0.7


def test_equal_probabilities_stay_in_one_band():
    check = probability_check([0, 1, 0, 0], [0.2] * 4)
    assert check.bands["customers"].tolist() == [4]
    assert check.slope is None
    assert "cannot be told: its AUC is 0.500" in check.summary()


@pytest.mark.parametrize("outcomes", [[0, 0, 0], [1, 1, 1], [0], [1]])
def test_one_kind_of_outcome_shows_nothing_of_the_ranking(outcomes):
    check = probability_check(outcomes, np.linspace(0.1, 0.3, len(outcomes)))
    assert check.auc is None and check.ks is None and check.slope is None
    assert "that takes some with and some without default" in check.summary()
    assert check.table()["value"].notna().all()


@pytest.mark.parametrize(
    ("outcomes", "probabilities", "options", "message"),
    [
        ([], [], {}, "must be equally many, at least 1, got 0 and 0"),
        ([1], [0.1, 0.2], {}, "must be equally many, at least 1, got 1 and 2"),
        ([2], [0.1], {}, "`outcomes` must be 0 or 1"),
        ([1], [1.1], {}, "must lie between 0 and 1"),
        ([1], [np.nan], {}, "must lie between 0 and 1"),
        ([1], [0.1], {"bands": 0}, "`bands` must be at least 1, got 0"),
    ],
)
def test_misuse_is_named(outcomes, probabilities, options, message):
    with pytest.raises(ValueError, match=message):
        probability_check(outcomes, probabilities, **options)
