"""The score: published numbers, hand cases, laws, and how often its interval holds."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import tables
from crmlab.absence import Absent, FitError
from crmlab.nps import score
from crmlab.nps.moments import NPS, moments, weighted_variance
from crmlab.nps.score import net_promoter_score, scores
from tests.bench.coverage_nps import answers, coverage, once, repeated


@pytest.mark.parametrize(
    ("detractors", "passives", "promoters", "value", "variance"),
    [(1, 2, 3, 1 / 3, 5 / 9), (1, 0, 1, 0, 1), (1, 1, 1, 0, 2 / 3)],
)
def test_score_and_variance_as_the_r_package_nps_gives_them(detractors, passives, promoters, value, variance):
    values = [10] * promoters + [7] * passives + [0] * detractors
    found = moments(answers(values, np.arange(len(values))))
    n = len(values)
    assert found.means(NPS)[0] == pytest.approx(value)
    assert found.covariance(NPS)[0, 0] == pytest.approx(variance / n)
    assert math.sqrt(found.covariance(NPS)[0, 0]) == pytest.approx(math.sqrt(variance / n))
    assert net_promoter_score(promoters, passives, detractors).value == pytest.approx(100 * value)


def test_all_promoters_have_rocks_s_interval_cut_at_the_end_of_the_scale():
    # Rocks (2016): adjusted Wald of (0, 0, 10) is [.475, 1.063]
    found = net_promoter_score(10, 0, 0)
    assert (found.value, found.high, found.unit, found.n) == (100, 100, "points", 10)
    assert found.low == pytest.approx(47.5, abs=0.05)
    worst = net_promoter_score(0, 0, 10)
    assert (worst.value, worst.low, worst.high) == (-100, -100, pytest.approx(-47.5, abs=0.05))


def test_adjusted_wald_adds_three_answers():
    p, d, n = (5 + 0.75) / 13, (2 + 0.75) / 13, 13
    half = 1.959964 * math.sqrt((p + d - (p - d) ** 2) / n)
    found = net_promoter_score(5, 3, 2)
    assert [found.low, found.high] == pytest.approx([100 * (p - d - half), 100 * (p - d + half)], abs=1e-4)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.floats(1, 20))
def test_the_interval_lies_on_the_scale_holds_the_score_and_widens(promoters, passives, detractors, effect):
    if promoters + passives + detractors == 0:
        return
    found = net_promoter_score(promoters, passives, detractors)
    assert -100 <= found.low <= found.value <= found.high <= 100 and found.low < found.high
    turned = net_promoter_score(detractors, passives, promoters)
    assert [turned.low, turned.high] == pytest.approx([-found.high, -found.low])
    wider = net_promoter_score(promoters, passives, detractors, design_effect=effect)
    assert wider.low <= found.low + 1e-9 or wider.low == -100 or wider.high >= found.high


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 3)])
def test_counts_are_checked(counts):
    with pytest.raises(ValueError, match="must be counts of one answer at least"):
        net_promoter_score(*counts)


def test_result_by_hand():
    found = scores(answers([10, 9, 8, 6, 0], range(5)))
    assert [share.value for share in (found.promoters, found.passives, found.detractors)] == [0.4, 0.2, 0.4]
    assert (found.nps.value, found.people, found.design_effect, found.responses.value) == (0, 5, 1.0, 5)
    rows = found.table()
    assert rows["score"].tolist() == list(range(10, -1, -1)) and rows["answers"].sum() == 5
    assert set(found.metrics()) == {"nps", "responses", "promoter_share", "passive_share", "detractor_share"}
    assert found.summary().startswith("The net promoter score is 0 points (95% interval −57 to 57, n = 5): 40.0% promo")
    assert len(tables.of(found, title="t").content["rows"]) == 11


def test_answers_of_one_person_that_are_alike_count_once():
    # ten people, each of whom says the same eight times
    values = np.repeat([10, 10, 10, 10, 10, 8, 8, 8, 3, 3], 8)
    found, single = (scores(answers(values[::step], np.repeat(range(10), 8)[::step])) for step in (1, 8))
    assert found.nps.value == single.nps.value and found.design_effect == pytest.approx(8 * 10 / 9)
    assert found.nps.high - found.nps.low > single.nps.high - single.nps.low
    assert "those of 10 people, some of whom answered more than once" in found.summary()


def test_where_nobody_differs_only_people_count():
    found = scores(answers([10] * 20, np.repeat(range(5), 4)))
    assert (found.design_effect, found.nps.value) == (4.0, 100)
    assert found.nps.low < net_promoter_score(5, 0, 0).low


def test_one_answer():
    found = scores(answers([3], [1]))
    assert (found.nps.value, found.nps.n) == (-100, 1) and found.nps.high > 0


def test_nothing_to_tell():
    nobody = answers([1], [1])
    object.__setattr__(nobody, "cells", nobody.cells.head(0))
    with pytest.raises(FitError, match="nobody has answered how likely they are to recommend the client"):
        scores(nobody)
    object.__setattr__(nobody, "missing", ("nps",))
    with pytest.raises(FitError, match="the client's tables lack nps"):
        scores(nobody)
    with pytest.raises(ValueError, match="must be those of a single cell, got some by touchpoint"):
        scores(answers([1, 2], [1, 2], [0, 1], by="touchpoint"))


@pytest.mark.parametrize(
    ("values", "told"), [([1, 2, 3, 4, 5] * 4, True), ([1, 2, 3, 4] * 4, False), ([1, 2, 3, 4, 5] * 4 + [6], False)]
)
def test_answers_that_look_like_another_scale_are_warned_of(values, told):
    caution = scores(answers(values, range(len(values)))).scale_caution
    assert isinstance(caution, Absent) != told
    if told:
        assert caution.startswith("None of 20 answers is above 5: they look like answers on a scale up to 5")


def test_weighted_variance_agrees_with_that_of_the_matrix():
    rng = np.random.default_rng(0)
    told = answers(rng.integers(0, 11, 300), rng.integers(0, 80, 300), rng.integers(0, 4, 300), by="touchpoint")
    weights, at = rng.random(4), rng.random(4) - 0.5
    expected = weights @ moments(told).residuals(NPS, at) @ weights
    assert weighted_variance(told, NPS, weights, at) == pytest.approx(expected)


def test_groups_pooled_are_as_if_they_had_been_one():
    rng = np.random.default_rng(1)
    values, who, cell = rng.integers(0, 11, 300), rng.integers(0, 80, 300), rng.integers(0, 4, 300)
    pooled = moments(answers(values, who, cell, by="touchpoint"), [0, 1, 1, 0])
    whole = moments(answers(values, who, np.array([0, 1, 1, 0])[cell], by="touchpoint"))
    assert np.allclose(pooled.covariance(NPS), whole.covariance(NPS)) and np.allclose(pooled.answers, whole.answers)


def test_intervals_hold():
    for simulation in (once, repeated):
        found = coverage(simulation, 25)
        assert found.min() >= 0.75 and 0.92 < found.mean() < 0.98


def test_all_is_translated(untranslated):
    found = scores(answers([1, 2, 3, 4, 5] * 4, np.repeat(range(10), 2)))
    assert untranslated(found.summary()) == [] and untranslated(found.scale_caution) == []


def test_examples():
    assert doctest.testmod(score).failed == 0
