"""Groups against the rest: differences, their chances, small groups."""

import doctest
import math

import numpy as np
import pytest
from scipy import stats

from crmlab import tables
from crmlab.absence import FitError
from crmlab.many_tests import holm
from crmlab.nps import comparison
from crmlab.nps.comparison import ABOVE, ALIKE, BELOW, NOT_TESTED, compared, difference, score_test
from crmlab.nps.moments import moments
from crmlab.nps.score import net_promoter_score
from tests.bench.coverage_nps import answers, coverage, false_news, groups

# by group: promoters, passives, detractors
COUNTS = {"x": (70, 20, 10), "y": (30, 40, 30), "z": (31, 40, 29), None: (5, 0, 0), "w": (3, 1, 1), "v": (2, 1, 1)}


def given(counts=COUNTS, by="industry"):
    values = np.concatenate([np.repeat([10, 7, 0], split) for split in counts.values()])
    cell = np.repeat(range(len(counts)), [sum(split) for split in counts.values()])
    return answers(values, range(len(values)), cell, by=by, names=list(counts))


def test_hand_case():
    found = compared(given(), fewest=20)
    rows = found.groups.set_index("group")
    assert list(rows.index) == ["x", "y", "z", "Others", "Not known"] and found.pooled == 2
    assert rows["answers"].tolist() == [100, 100, 100, 9, 5]
    assert rows.loc["x", "nps"] == net_promoter_score(70, 20, 10, label="net promoter score")
    assert rows["verdict"].tolist() == [ABOVE, BELOW, BELOW, ALIKE, NOT_TESTED]
    # x less y, z and the others; those whose group is not known are none of them
    rest = net_promoter_score(66, 82, 61)
    assert rows.loc["x", "difference"].value == pytest.approx(60 - rest.value)
    assert np.isnan(rows.loc["Not known", "p_value"]) and rows.loc["Not known", "difference"] is None
    assert (found.whole.n, found.whole.value) == (314, pytest.approx(100 * (141 - 71) / 314))


def test_chances_are_those_of_a_score_test_adjusted_by_holm():
    counts = {"x": (50, 30, 20), "y": (35, 40, 25), "z": (40, 30, 30)}
    found = compared(given(counts), fewest=1).groups.set_index("group")["p_value"]
    chances = []
    for name in counts:
        own = np.array(counts[name])
        rest = np.sum([counts[other] for other in counts if other != name], axis=0)
        scores = [(part[0] - part[2]) / part.sum() for part in (own, rest)]
        common = (own[0] + rest[0] - own[2] - rest[2]) / (own.sum() + rest.sum())
        steps = np.array([1, 0, -1]) - common
        apart = sum(part @ steps**2 / part.sum() ** 2 for part in (own, rest))
        together = (own + rest) @ steps**2 / (own + rest).sum() * (1 / own.sum() + 1 / rest.sum())
        variance = max(apart, together)
        people = own.sum() + rest.sum()
        chances.append(2 * stats.norm.sf(abs(scores[0] - scores[1]) / math.sqrt(variance * people / (people - 1))))
    assert found[list(counts)].tolist() == pytest.approx(holm(np.array(chances)).tolist())


def test_a_run_of_promoters_in_a_small_group_is_no_difference_and_a_group_of_two_minds_none():
    alike = compared(given({"x": (15, 0, 0), "y": (85, 10, 5)}), fewest=1)
    assert alike.told_apart().empty
    split = score_test(moments(given({"x": (20, 0, 20), "y": (20, 360, 0)})))
    assert split > score_test(moments(given({"x": (2, 36, 2), "y": (20, 360, 0)})))


def test_two_groups_are_one_test():
    counts = {"x": (50, 30, 20), "y": (35, 40, 25)}
    found = compared(given(counts), fewest=1).groups
    chance = score_test(moments(given(counts)))
    assert found["p_value"].tolist() == pytest.approx([chance, chance])
    assert found.loc[0, "difference"].value == -found.loc[1, "difference"].value


def test_difference_of_estimates_far_from_the_ends_is_that_of_normal_ones():
    one, other = net_promoter_score(3000, 4000, 3000), net_promoter_score(3500, 3000, 3500)
    found = difference(one, other)
    half = math.hypot(one.high - one.value, other.high - other.value)
    assert [found.value, found.low, found.high] == pytest.approx([0, -half, half], abs=1e-3)
    narrower = difference(one, other, correlation=0.5)
    assert narrower.high - narrower.low < found.high - found.low and found.n == 20_000


def test_people_in_both_groups_make_the_difference_surer():
    rng = np.random.default_rng(0)
    own = rng.choice([10, 7, 0], 200)
    values, cell = np.concatenate([own, own]), np.repeat([0, 1], 200)
    same, others = (
        compared(answers(values, who, cell, by="touchpoint", names=["x", "y"]), fewest=1).groups["difference"][0]
        for who in (np.tile(range(200), 2), range(400))
    )
    assert same.value == others.value == 0 and same.high - same.low < 0.2 * (others.high - others.low)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (COUNTS, "By industry, 3 of 4 groups differ from the rest: y lies below with 0 points"),
        ({"x": (70, 20, 10), "y": (30, 40, 30)}, "By industry, 2 of 2 groups differ"),
        ({"x": (5, 3, 2), "y": (5, 3, 2)}, "By industry, none of 2 groups can be told apart from the rest."),
        ({"x": (5, 3, 2), None: (5, 3, 2)}, "By industry, there is but one group, and nothing to compare it with."),
        ({"x": (9, 0, 0), "y": (8, 0, 0)}, "By industry, none of 2 groups"),
    ],
)
def test_summary(counts, told):
    found = compared(given(counts), fewest=1 if counts is not COUNTS else 20)
    assert found.summary().startswith(told)
    assert "nan" not in found.summary()
    assert len(tables.of(found, title="t").content["rows"]) == len(found.groups)


@pytest.mark.usefixtures("any_size")
def test_groups_too_small_are_told():
    assert "2 groups have too few answers to stand alone" in compared(given(), fewest=20).summary()
    one = compared(given({"x": (70, 20, 10), "y": (30, 40, 30), "v": (2, 0, 0)}), fewest=20)
    assert (one.pooled, "v" in set(one.groups["group"])) == (0, True)


def test_misuse_and_nothing_known():
    with pytest.raises(ValueError, match="`answers` must be by one column, got none"):
        compared(answers([1], [1]))
    with pytest.raises(ValueError, match="`fewest` must be at least 1, got 0"):
        compared(given(), fewest=0)
    with pytest.raises(FitError, match="of nobody who answered the industry is known"):
        compared(given({None: (5, 3, 2)}))


def test_intervals_hold_and_chance_is_seldom_called_a_difference():
    assert coverage(groups, 15).between(0.66, 1).all()
    assert coverage(false_news, 8).max() <= 0.25


def test_all_is_translated(untranslated):
    found = compared(given(), fewest=20)
    assert set(untranslated(found.summary())) <= {"x", "y", "z"}
    assert set(untranslated(" ".join(found.table()["group"]))) == {"x", "y", "z"}
    assert untranslated(" ".join(found.table()["verdict"])) == []


def test_examples():
    assert doctest.testmod(comparison).failed == 0


def test_groups_of_few_people_stand_with_others_however_few_answers_are_asked_for():
    found = compared(given({"x": (30, 10, 10), "y": (20, 10, 10), "z": (1, 1, 1)}), fewest=1)
    assert found.groups["group"].tolist() == ["x", "Others"] and found.pooled == 2
    assert "z" not in found.summary()
