"""Whom to reach: rankings that are worth something, and rankings that are not."""

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import FitError
from crmlab.aggregate.exposure_months import NEVER
from crmlab.uplift.targeting import targeting
from tests.test_uplift_cells import noise, panel, waves


def campaign(seed: int = 0, *, n: int = 1_200, unequal: bool = True, cost: float = 120.0):
    """Customers who brought much gain 40 a month, the others nothing; or all gain 20. Gains of each customer too."""
    rng = np.random.default_rng([61, seed])
    values, start = noise(rng, n, 20), waves(rng, n, (12, 14, NEVER, NEVER))
    level = values[:, :12].mean(axis=1)
    gain = np.where(level > np.median(level), 40.0, 0.0) if unequal else np.full(n, 20.0)
    return panel(values + gain[:, None] * (np.arange(20) >= start[:, None]), start, cost=cost), gain


def ranked(made, **options):
    return targeting(made, assignment="random", unit="CNY", **options)


def test_those_who_gain_are_ranked_first():
    made, gain = campaign()
    found = ranked(made)
    assert found.qini.low > 0
    top = found.customers["uplift_rank"].to_numpy() < 0.5
    assert gain[top].mean() > 30 > 10 > gain[~top].mean()
    effects = [each.value for each in found.groups["effect"]]
    assert effects[0] > 25 and effects[-1] < 15
    assert found.summary().startswith("Who gains most can be told in advance: the Qini coefficient is CN¥")


def test_equal_gains_give_no_ranking():
    calls = [ranked(campaign(seed, unequal=False)[0]).qini.low > 0 for seed in range(30)]
    assert sum(calls) <= 3
    told = ranked(campaign(0, unequal=False)[0]).summary()
    assert told.startswith("Who gains most cannot be told in advance")


def test_intervals_hold_what_the_ranking_is_worth():
    held = {"difference": [], "qini": []}
    for seed in range(40):
        made, gain = campaign(seed, n=800)
        found = ranked(made, horizon_months=6)
        each = 6 * gain - found.cost
        reached = found.customers["expected_uplift"].to_numpy() * 6 > found.cost
        truth = {"difference": np.where(reached, 0, -each).mean()}
        truth["qini"] = (gain * (0.5 - found.customers["uplift_rank"].to_numpy())).mean()
        for name, value in truth.items():
            held[name].append(getattr(found, name).low <= value <= getattr(found, name).high)
    assert all(sum(each) >= 34 for each in held.values()), {name: sum(each) for name, each in held.items()}


def test_the_curve_ends_where_all_are_reached():
    found = ranked(campaign()[0])
    curve = found.curve
    assert curve["share"].tolist() == pytest.approx(np.linspace(0, 1, 21))
    assert curve["gain"].iloc[0] == 0 and curve["gain"].iloc[-1] == pytest.approx(curve["by_chance"].iloc[-1])
    assert (curve["low"] <= curve["gain"]).all() and (curve["gain"] <= curve["high"]).all()


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (0.0, "whether reaching only"),
        (250.0, "customers with whom it should pay returns CN¥"),
        (-1e6, "it should pay with nearly every customer over 12 months."),
    ],
)
def test_what_it_costs_decides_whom_to_reach(cost, words):
    found = ranked(campaign(2, n=2_000)[0], cost=cost)
    assert words in found.summary()
    assert found.cost == cost
    assert ranked(campaign()[0]).cost == 120


def test_columns_of_profiles_help_where_they_say_more():
    made, _gain = campaign(3)
    rng = np.random.default_rng(0)
    kind = np.resize(np.array(["p", "q"]), 1_200)
    start = made.customers["start"].to_numpy()
    values = noise(rng, 1_200, 20) + 40.0 * ((kind == "p")[:, None] & (np.arange(20) >= start[:, None]))
    profiles = pd.DataFrame({"customer_id": made.customers["customer_id"], "kind": kind})
    found = targeting(panel(values, start), profiles, assignment="random", features=("kind",))
    assert found.qini.low > 0
    assert (kind[found.customers["uplift_rank"].to_numpy() < 0.4] == "p").mean() > 0.95
    with pytest.raises(FitError, match="`profiles` must have the columns customer_id and colour; missing: colour"):
        targeting(made, profiles, assignment="random", features=("colour",))


def test_the_same_seed_gives_the_same_ranking():
    made, _gain = campaign()
    first, second = ranked(made), ranked(made)
    pd.testing.assert_frame_equal(first.customer_list(), second.customer_list())
    assert ranked(made, seed=1).customers["expected_uplift"].tolist() != first.customers["expected_uplift"].tolist()


def test_table_names_fifths(untranslated):
    found = ranked(campaign()[0])
    assert set(untranslated(found.summary())) <= {"CN", "n"}
    assert found.table()["customers"].sum() == 1_200 and len(found.table()) == 5


def test_says_what_is_wrong():
    made, _gain = campaign()
    with pytest.raises(FitError, match="only where chance decided whom the programme reached"):
        targeting(made, assignment="unknown")
    with pytest.raises(FitError, match="takes 100 customers whom the programme reached and as many whom it did not"):
        ranked(campaign(0, n=150)[0])
    rng = np.random.default_rng(0)
    with pytest.raises(FitError, match="there are 0 of one kind"):
        ranked(panel(noise(rng, 300, 20), 12))
    with pytest.raises(FitError, match="reached nobody"):
        ranked(panel(noise(rng, 300, 20), NEVER))
