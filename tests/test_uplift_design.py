"""The best design that the data allow, its words, and a client whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import FitError
from crmlab.aggregate.exposure_months import NEVER, exposure_months
from crmlab.datasets.xinglin.truth import AS_OF
from crmlab.uplift import EffectsByDesign, effects_by_design, programme_effect
from tests.bench.coverage_uplift import base, covered
from tests.test_uplift_before_after import one_group
from tests.test_uplift_cells import noise, panel, waves


def rollout(seed: int = 0, *, effect: float = 30.0, n: int = 400):
    rng = np.random.default_rng([31, seed])
    start = waves(rng, n, (12, 15, NEVER, NEVER))
    return panel(noise(rng, n, 24) + effect * (np.arange(24) >= start[:, None]), start)


@pytest.mark.parametrize(
    ("made", "assignment", "design"),
    [
        (rollout(), "random", "randomised"),
        (rollout(), "unknown", "rollout"),
        (one_group(0), "unknown", "before_after"),
        (one_group(0), "random", "before_after"),
    ],
)
def test_the_design_is_the_best_that_the_data_allow(made, assignment, design):
    effect = programme_effect(made, assignment=assignment, unit="CNY")
    assert effect.design == design
    assert effect.why and effect.verdict and effect.summary()
    assert effect.strength in ("strong", "moderate", "weak")


def reached(count: int):
    rng = np.random.default_rng(41)
    return panel(noise(rng, 60, 24), np.array([12] * count + [NEVER] * (60 - count)))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (reached(0), "the programme has reached nobody for a whole month yet"),
        (reached(1), "the programme reached one customer, and it takes 10 to tell an effect from chance"),
        (reached(7), "the programme reached 7 customers, and it takes 10"),
        (
            panel(np.ones((50, 24)), 0),
            "no customer whom the programme reached was seen before it, so that nothing shows",
        ),
        (panel(np.ones((50, 24)), 12, entry=12), "no customer whom the programme reached was seen before it"),
        (panel(np.ones((50, 24)), np.where(np.arange(50) < 25, 0, NEVER)), "was seen before it"),
        (panel(np.ones((50, 24)), 12, observed=np.arange(24) >= 12), "was seen before it"),
    ],
)
def test_what_the_data_cannot_carry_is_said_in_one_sentence(made, message):
    with pytest.raises(FitError, match=message) as caught:
        programme_effect(made)
    assert "\n" not in str(caught.value) and not str(caught.value).endswith(".")


def test_margin_that_is_not_known_and_assignments_that_are_not():
    log = pd.DataFrame({"customer_id": ["a"], "date": pd.to_datetime(["2024-01-01"]), "amount": [5.0]})
    exposure = pd.DataFrame({"customer_id": ["a"], "treated": [True], "from_date": pd.to_datetime(["2024-03-01"])})
    made = exposure_months(log, exposure, until="2024-06-30")
    with pytest.raises(FitError, match="the transactions tell no margin"):
        programme_effect(made)
    for none in (exposure_months(log.head(0), exposure, until="2024-06-30"),
                 exposure_months(log, exposure.head(0), until="2024-06-30")):  # fmt: skip
        with pytest.raises(FitError, match="the programme has reached nobody"):
            programme_effect(none, outcome="revenue")
    with pytest.raises(ValueError, match="`assignment` must be among unknown, random, got 'drawn'"):
        programme_effect(rollout(), assignment="drawn")


def test_words_follow_the_interval():
    up, down, none = (programme_effect(rollout(effect=effect), unit="CNY") for effect in (30.0, -30.0, 0.0))
    assert up.summary().startswith("The programme raised margin by CN¥")
    assert "p < 0.001. To date it brought CN¥" in up.summary() and "+" in up.summary()
    assert down.summary().startswith("The programme lowered margin by CN¥")
    assert "To date that makes −CN¥" in down.summary()
    assert none.summary().startswith("No effect of the programme on margin can be told from chance")
    revenue = programme_effect(rollout(), outcome="revenue", unit="CNY")
    assert revenue.summary().startswith("The programme raised revenue by CN¥")
    assert revenue.estimate.value == pytest.approx(2 * up.estimate.value)
    assert revenue.relative.value == pytest.approx(up.relative.value)


def test_nothing_would_have_been_there_without_it():
    made = rollout()
    values = made.outcomes["margin"].toarray() * 0
    start = made.customers["start"].to_numpy()
    rng = np.random.default_rng(3)
    values = np.where(np.arange(24) >= start[:, None], rng.normal(50, 5, values.shape), rng.normal(0, 1, values.shape))
    values[start == NEVER] = rng.normal(30, 5, values[start == NEVER].shape) * -1
    effect = programme_effect(panel(values, start))
    assert effect.relative.low is None
    assert effect.relative.no_interval == "nothing would have been there without the programme"
    assert "To date" not in effect.summary()


def test_draws_are_those_of_the_estimate():
    effect = programme_effect(rollout())
    draws = effect.draws(20_000, seed=1)
    assert draws.mean() == pytest.approx(effect.estimate.value, abs=0.1 * effect.standard_error)
    assert np.quantile(draws, (0.025, 0.975)) == pytest.approx((effect.estimate.low, effect.estimate.high), rel=0.05)
    assert (effect.draws(5, seed=1) == draws[:5]).all()


def test_every_design_stands_beside_the_best():
    found = effects_by_design(rollout(), assignment="random", unit="CNY")
    assert [each.design for each in found.effects] == ["randomised", "rollout", "before_after"]
    table = found.table()
    assert table["design"].tolist() == ["randomised test", "staggered rollout", "before and after"]
    assert table["strength"].tolist() == ["strong", "moderate", "weak"]
    assert found.summary().startswith("Every design that the data allow says the same, within its interval. By before")
    opposite = EffectsByDesign((found.effects[0], programme_effect(rollout(effect=-30.0), unit="CNY")))
    assert opposite.summary().startswith(
        "The designs do not agree; the first of the table is the one to go by. By stag"
    )
    alone = effects_by_design(one_group(0))
    assert alone.summary() == "The data allow one design only: before and after."


def test_all_is_translated(untranslated):
    known = {"CN", "p", "n"}
    for made, assignment in ((rollout(), "random"), (rollout(), "unknown"), (one_group(0, late=20), "unknown")):
        effect = programme_effect(made, assignment=assignment, unit="CNY")
        for text in (effect.summary(), effect.design_summary(), effect.check_summary()):
            assert set(untranslated(text)) <= known
        compared = effects_by_design(made, assignment=assignment, unit="CNY")
        assert set(untranslated(compared.summary() + " ".join(compared.table()["strength"]))) <= known


def test_what_xinglin_s_programme_caused_is_found():
    profiles, exposure, transactions = base(7, 2_000)
    made = exposure_months(transactions, exposure, profiles, until=AS_OF)
    truth = transactions["caused"].sum() / programme_effect(made).all_customer_months
    for assignment in ("random", "unknown"):
        effect = programme_effect(made, assignment=assignment, unit="CNY")
        assert effect.estimate.low <= truth <= effect.estimate.high
        assert effect.direction == "more"
        assert programme_effect(made, assignment=assignment, outcome="revenue").direction == "none"


@pytest.mark.parametrize("design", ["randomised", "rollout", "before_after"])
def test_intervals_cover_what_was_caused_in_xinglin(design):
    """400 draws of each: `tests/bench/coverage_uplift.py`."""
    draws = pd.DataFrame([covered(design, seed, customers=800) for seed in range(6)])
    assert draws["effect"].sum() >= 4 and draws["null"].sum() >= 4
