"""Satisfaction: the share in the top of the scale, and the mean."""

import dataclasses

import numpy as np
import pytest

from crmlab import intervals, tables
from crmlab.absence import FitError
from crmlab.nps.satisfaction import level_mean, satisfaction
from tests.bench.coverage_nps import answers, coverage, satisfied


def given(values, who=None, outside=0):
    found = answers(values, range(len(values)) if who is None else who, question="csat")
    return dataclasses.replace(found, left_out={"repeated": 0, "outside": outside})


def test_hand_case():
    found = satisfaction(given([1.0, 0.75, 0.5, 0.0]))
    wilson = intervals.wilson(2, 4)
    assert (found.csat.value, found.csat.low, found.csat.high) == (0.5, wilson.low, wilson.high)
    assert (found.mean.value, found.mean.unit, found.mean.n) == (56.25, "points", 4)
    assert found.metrics() == {"csat": found.csat}
    assert found.summary().startswith("50.0% of answers are satisfied (95% interval 15.0% to 85.0%, n = 4); on a scale")
    assert [row[1]["text"] for row in tables.of(found, title="t").content["rows"]] == ["50.0%", "56 points"]


def test_the_mean_of_answers_at_the_ends_has_the_interval_of_the_score():
    from crmlab.nps.score import net_promoter_score

    mean, nps = level_mean(7, 7, 10), net_promoter_score(7, 0, 3)
    assert [2 * end - 100 for end in (mean.value, mean.low, mean.high)] == pytest.approx([nps.value, nps.low, nps.high])


def test_answers_that_are_all_the_same_have_an_interval():
    found = satisfaction(given([1.0] * 10))
    assert (found.csat.value, found.mean.value, found.mean.high) == (1, 100, 100)
    assert 60 < found.mean.low < 90 and found.csat.low < 0.75


def test_people_who_answer_often_widen_the_intervals():
    rng = np.random.default_rng(0)
    values = rng.choice([0.0, 0.75, 1.0], 20)
    once, often = given(values), given(np.repeat(values, 5), np.repeat(range(20), 5))
    for name in ("csat", "mean"):
        one, other = (getattr(satisfaction(found), name) for found in (once, often))
        assert one.value == pytest.approx(other.value) and other.high - other.low > 0.95 * (one.high - one.low)


def test_a_few_answers_outside_the_scale_are_told_and_many_are_too_many():
    assert "One answer lies outside the scale from 1 to 5, and is left out." in (
        satisfaction(given([1.0] * 19, outside=1)).summary()
    )
    with pytest.raises(
        FitError, match="10 of 29 answers on satisfaction lie outside the scale from 1 to 5; `csat_scale`"
    ):
        satisfaction(given([1.0] * 19, outside=10))
    with pytest.raises(FitError, match="5 of 5 answers on satisfaction"):
        satisfaction(dataclasses.replace(given([1.0], outside=5), cells=given([1.0]).cells.head(0)))


def test_nobody_answered():
    with pytest.raises(FitError, match="nobody has answered how satisfied they are"):
        satisfaction(dataclasses.replace(given([1.0]), cells=given([1.0]).cells.head(0)))
    with pytest.raises(ValueError, match="single cell"):
        satisfaction(answers([1, 0], [1, 2], [0, 1], question="csat", by="touchpoint"))


def test_intervals_hold():
    assert coverage(satisfied, 40).between(0.8, 1).all()


def test_all_is_translated(untranslated):
    assert untranslated(satisfaction(given([1.0] * 40, outside=1)).summary()) == []
