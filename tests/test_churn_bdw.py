"""The beta-discrete-Weibull model: published figures of the sBG it contains, another implementation, made customers."""

import numpy as np
import pytest

from crmlab.absence import FitError
from crmlab.churn.bdw import fit_bdw, log_survival
from tests.bench.coverage_retention import lives

# Fader and Hardie (2007), table 1: survivors of 1000 over seven renewals, and after twelve
HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)
REGULAR = (1000, 631, 468, 382, 326, 289, 262, 241)


def fitted(survivors, **options):
    return fit_bdw(-np.diff(survivors), survivors[-1], **options)


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "log_likelihood", "year_12"),
    [(REGULAR, 0.704, 1.182, -1680.27, 0.170), (HIGH_END, 0.668, 3.806, -1611.16, 0.378)],
    ids=["regular", "high end"],
)
def test_with_c_at_one_it_is_the_sbg_of_fader_and_hardie_2007_table_1(survivors, alpha, beta, log_likelihood, year_12):
    model = fitted(survivors, model="sbg")
    assert list(model.params.values()) == pytest.approx([alpha, beta], abs=5e-4)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=5e-3)
    assert model.survival(12) == pytest.approx(year_12, abs=5e-4)
    assert model.n == 1000 and model.duration_dependence() == (1, 1)


def test_survival_is_the_product_of_retention_rates():
    model, steps = fitted(REGULAR, model="sbg"), np.arange(1, 9)
    assert model.survival(8) == pytest.approx(np.prod(model.retention_rate(steps)))
    # Eq. 8 of Fader and Hardie (2007)
    alpha, beta = model.params.values()
    assert model.retention_rate(steps) == pytest.approx((beta + steps - 1) / (alpha + beta + steps - 1))


def test_customers_seen_for_different_lengths_count_as_they_are_known():
    """A cohort of a thousand seen for two periods, and one seen for one: the likelihood is that of both."""
    both = fit_bdw([369 + 300, 163], [700, 468], model="sbg")
    assert both.n == 2000
    assert both.first_retention.value == pytest.approx((631 + 700) / 2000, abs=2e-3)


@pytest.mark.parametrize("times", [2, 50])
def test_the_fit_depends_on_shares_alone(times):
    once, many = fitted(HIGH_END, model="sbg"), fitted(np.array(HIGH_END) * times, model="sbg")
    assert many.survival(12) == pytest.approx(once.survival(12), abs=1e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 3.8), (2.0, 8.0)])
def test_the_interval_of_first_retention_covers(alpha, beta):
    rng, inside = np.random.default_rng(7), 0
    for _draw in range(60):
        life = rng.geometric(rng.beta(alpha, beta, 300))
        left = np.bincount(life[life <= 6], minlength=7)[1:]
        estimate = fit_bdw(left, int((life > 6).sum()), model="sbg").first_retention
        # the data of a draw may be too few to bound it
        inside += estimate.low is None or estimate.low <= beta / (alpha + beta) <= estimate.high
    assert inside >= 53


def test_as_the_foretell_package_projects():
    """Four periods of a subscription: fitted and projected shares of its `BdW`, in per cent, where its search ended."""
    want = [92.194, 90.312, 89.023, 88.014, 87.174, 86.449, 85.807, 85.229, 84.702, 84.217, 83.766, 83.345]
    model = fit_bdw([80, 10, 10, 20], 880)
    assert 100 * model.survival(np.arange(1, 13)) == pytest.approx(want, abs=0.05)


def test_the_high_end_customers_come_to_leave_more_readily():
    """On four renewals, the model foresees the share after twelve, where the sBG foresees too few (49.1 actual)."""
    short = HIGH_END[:5]
    bdw, sbg = fitted(short), fitted(short, model="sbg")
    assert bdw.params["c"] > 1 and bdw.log_likelihood > sbg.log_likelihood
    assert abs(bdw.survival(7) - 0.491) < abs(sbg.survival(7) - 0.491)
    assert fitted(HIGH_END).summary().endswith("A customer’s own chance to leave rises with age.")
    assert fitted(REGULAR).summary().endswith("own chance to leave changes with age cannot be told.")


@pytest.mark.parametrize(("c", "words"), [(0.7, "falls"), (1.5, "rises")])
def test_parameters_are_found_again(c, words):
    life = lives(np.random.default_rng(5), 40_000, alpha=1.0, beta=9.0, c=c)
    model = fit_bdw(np.bincount(life[life <= 24], minlength=25)[1:], int((life > 24).sum()))
    table = model.table().set_index("parameter")
    for name, true in {"alpha": 1.0, "beta": 9.0, "c": c}.items():
        assert table.loc[name, "low"] < true < table.loc[name, "high"]
    assert model.params["c"] == pytest.approx(c, abs=0.08)
    assert model.survival(36) == pytest.approx(np.exp(log_survival([1.0, 9.0, c], 36)), abs=0.01)
    assert f"own chance to leave {words} with age" in model.summary()


def test_intervals_have_the_level_of_the_model():
    usual, narrow = fitted(REGULAR), fitted(REGULAR, confidence_level=0.5)
    wide, close = (model.table().set_index("parameter") for model in (usual, narrow))
    assert (wide["low"] < close["low"]).all() and (close["high"] < wide["high"]).all()
    assert narrow.duration_dependence() == pytest.approx(tuple(close.loc["c", ["low", "high"]]))
    # at 95% nothing can be told
    assert "cannot be told" in usual.summary() and "cannot be told" not in narrow.summary()


def test_who_came_under_observation_later_counts_from_then_on():
    life = lives(np.random.default_rng(6), 60_000, alpha=1.0, beta=9.0, c=1.0)
    entered = np.random.default_rng(7).integers(0, 6, len(life))
    known = life > entered
    left = np.bincount(life[known & (life <= 18)], minlength=19)[1:]
    model = fit_bdw(left, int((known & (life > 18)).sum()), entered=np.bincount(entered[known], minlength=7)[1:])
    assert model.survival([6, 18]) == pytest.approx(np.exp(log_survival([1, 9, 1], [6, 18])), abs=0.01)
    wrong = fit_bdw(left, int((known & (life > 18)).sum()))
    assert wrong.survival(6) > model.survival(6) + 0.02


def test_without_anybody_from_the_start_there_is_no_first_retention():
    model = fit_bdw([0, 5, 5], 90, entered=[100])
    assert model.first_retention is None and model.summary().startswith("Whether a customer’s own chance")
    assert fit_bdw([0, 5, 5], 90, entered=[100], model="sbg").summary() == ""


def test_customers_who_are_all_alike_are_fitted_too():
    """Two in a hundred leave every month, whoever they are: the retention rate must not seem to rise."""
    left = 10_000 * 0.98 ** np.arange(48) * 0.02
    model = fit_bdw(left, 10_000 * 0.98**48, model="sbg")
    assert model.retention_rate([1, 48]) == pytest.approx([0.98, 0.98], abs=5e-4)


def test_drawn_curves_lie_around_the_fitted_one():
    model = fitted(REGULAR)
    drawn = model.draw_survival(np.arange(8), draws=200, seed=1)
    assert drawn.shape == (200, 8) and (np.diff(drawn, axis=1) <= 0).all()
    assert drawn.mean(axis=0) == pytest.approx(model.survival(np.arange(8)), abs=0.02)
    assert (drawn == model.draw_survival(np.arange(8), draws=200, seed=1)).all()


def test_an_entry_for_the_report():
    entry = fitted(REGULAR).to_dict()
    assert set(entry["params"]) == {"alpha", "beta", "c"} and entry["n"] == 1000


@pytest.mark.parametrize(
    ("left", "running", "message"),
    [
        ([0, 0], 10, "the BdW model needs customers who left, none of 10 did"),
        ([10], None, "the BdW model needs customers who outlasted a period, none of 10 did"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_one_sentence(left, running, message):
    with pytest.raises(FitError, match=message):
        fit_bdw(left, running)


def test_misuse_is_said():
    with pytest.raises(ValueError, match="`model` must be among sbg, bdw, got 'weibull'"):
        fit_bdw([1], 5, model="weibull")
    for name in ("left", "running", "entered"):
        with pytest.raises(ValueError, match=f"`{name}` must be counts of customers by period"):
            fit_bdw(**({"left": [1], "running": [5]} | {name: [-1]}))
