"""Who gains: effects by group, and what all groups share."""

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import FitError
from crmlab.aggregate.exposure_months import NEVER
from crmlab.roi.budget import budget
from crmlab.uplift import programme_effect
from crmlab.uplift.segments_of_effect import effect_by_group
from tests.test_uplift_cells import noise, panel, waves

GAINS = {"large": 90.0, "middle": 30.0, "small": 30.0, "tiny": 30.0}


def grouped(seed: int = 0, gains=GAINS, *, n: int = 800, cost: float | None = 100.0):
    """A panel, the profiles of its customers, and the effect on all."""
    rng = np.random.default_rng([51, seed])
    group = rng.permutation(np.resize(np.array(list(gains)), n))
    start = waves(rng, n, (12, 15, NEVER, NEVER))
    caused = np.array([gains[name] for name in group])[:, None] * (np.arange(24) >= start[:, None])
    made = panel(noise(rng, n, 24) + caused, start, cost=cost)
    profiles = pd.DataFrame({"customer_id": made.customers["customer_id"], "segment": group})
    return made, profiles, programme_effect(made, assignment="random", unit="CNY")


def test_each_group_s_effect_is_found_and_drawn_to_the_rest():
    made, profiles, effect = grouped()
    found = effect_by_group(made, profiles, effect, by="segment")
    groups = found.groups.set_index("group")
    assert set(groups.index) == set(GAINS) and found.best_known == "shrunken"
    for name, gain in GAINS.items():
        assert groups.loc[name, "shrunken"].low <= gain <= groups.loc[name, "shrunken"].high
        own, drawn = groups.loc[name, "effect"].value, groups.loc[name, "shrunken"].value
        assert abs(drawn - effect.estimate.value) <= abs(own - effect.estimate.value) + 2
    assert found.p < 0.001
    assert groups["treated"].sum() == effect.treated
    assert found.summary().startswith("By segment, the effect differs (p < 0.001): it is largest for large, CN¥")


def test_no_difference_is_called_none():
    calls = [
        effect_by_group(*grouped(seed, dict.fromkeys(GAINS, 30.0), n=400), by="segment").p < 0.05 for seed in range(40)
    ]
    assert sum(calls) <= 6
    told = effect_by_group(*grouped(1, dict.fromkeys(GAINS, 30.0), n=400), by="segment").summary()
    assert told.startswith("By segment, no difference in the effect can be told from chance (p = 0.")


def test_drawn_intervals_cover_the_groups():
    held = []
    for seed in range(20):
        rng = np.random.default_rng([52, seed])
        gains = {name: 30.0 + 15.0 * rng.standard_normal() for name in "abcde"}
        found = effect_by_group(*grouped(seed, gains, n=500), by="segment").groups
        held += [row.shrunken.low <= gains[row.group] <= row.shrunken.high for row in found.itertuples()]
    assert np.mean(held) >= 0.9


def test_the_design_is_that_of_all():
    made, profiles, _effect = grouped()
    for assignment, design in (("random", "randomised"), ("unknown", "rollout")):
        effect = programme_effect(made, assignment=assignment)
        assert effect_by_group(made, profiles, effect, by="segment").design == design


def test_groups_that_cannot_be_told_are_counted():
    made, profiles, effect = grouped()
    start = made.customers["start"].to_numpy()
    odd = profiles.assign(segment=np.where(start == 12, "all reached", np.where(start == 15, "b", "c")))
    odd.loc[::2, "segment"] = "mixed"
    found = effect_by_group(made, odd, effect, by="segment")
    assert found.groups["group"].tolist() == ["mixed"] and found.left_out == 3
    assert found.summary() == (
        "By segment, there is one group only whose effect can be told. 3 groups are left out, for their effects cannot "
        "be told."
    )
    assert found.best_known == "effect" and found.p is None
    with pytest.raises(FitError, match="there is no group by segment whose effect can be told"):
        effect_by_group(made, odd.assign(segment=start.astype(str)), effect, by="segment")


def test_small_groups_are_taken_together_and_unknown_ones_named():
    made, profiles, effect = grouped()
    few = profiles["segment"].where(np.arange(800) >= 30, "rare")
    found = effect_by_group(made, profiles.assign(segment=few), effect, by="segment")
    assert "rare" not in set(found.groups["group"])
    unknown = effect_by_group(made, profiles.head(400), effect, by="segment")
    assert unknown.table()["group"].iloc[-1] == "Not known"


def test_table_and_what_a_budget_takes():
    found = effect_by_group(*grouped(), by="segment")
    table = found.table()
    assert list(table) == ["group", "treated", "effect", "cost_per_customer", "shrunken"]
    assert table["cost_per_customer"].tolist() == [100.0] * 4
    free = effect_by_group(*grouped(cost=None), by="segment")
    assert "cost_per_customer" not in free.table()
    segments = found.for_budget().assign(size=100, cost_per_customer=200.0)
    told = budget(segments, unit="CNY")
    assert told.segments["group"].iloc[0] == "large"


def test_all_is_translated(untranslated):
    made, profiles, effect = grouped()
    own = set(GAINS) | {"CN", "p", "n", "mixed"}
    assert set(untranslated(effect_by_group(made, profiles, effect, by="segment").summary())) <= own
    assert (
        set(untranslated(effect_by_group(made, profiles.assign(segment="mixed"), effect, by="segment").summary()))
        <= own
    )
