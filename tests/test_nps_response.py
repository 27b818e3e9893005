"""The response rate: of invitations, and only where it can be told."""

import dataclasses

import numpy as np
import pytest

from crmlab import intervals, tables
from crmlab.absence import FitError
from crmlab.nps.response import response
from tests.bench.coverage_nps import answers, coverage, responded


def given(values, who=None, cell=None, **options):
    return answers(values, range(len(values)) if who is None else who, cell, question="response", **options)


def test_hand_case():
    found = response(given([1, 0, 0, 1, 0]))
    wilson = intervals.wilson(2, 5)
    assert (found.rate.value, found.rate.low, found.rate.high, found.rate.n) == (0.4, wilson.low, wilson.high, 5)
    assert found.metrics() == {"response_rate": found.rate}
    assert len(tables.of(found, title="t").content["rows"]) == 1
    assert found.summary().startswith("40.0% of invitations were answered (95% interval 11.8% to 76.9%, n = 5)")


def test_people_who_always_answer_widen_the_interval():
    who = np.repeat(range(40), 5)
    assert response(given(np.repeat([1, 0], 100), who)).rate.low < response(given([1, 0] * 100, who)).rate.low


def test_answers_alone_have_no_rate():
    with pytest.raises(FitError, match="every row of the surveys holds an answer"):
        response(given([1, 1, 1]))
    nobody = given([1, 0])
    with pytest.raises(FitError, match="the surveys record no invitation"):
        response(dataclasses.replace(nobody, cells=nobody.cells.head(0)))


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`answers` must be to the question `response`, got `nps`"):
        response(answers([9], [1]))
    with pytest.raises(ValueError, match="must be those of a single cell, got some by industry"):
        response(given([1, 0], by="industry", cell=[0, 1]))


def test_intervals_hold():
    assert coverage(responded, 40).between(0.8, 1).all()


def test_all_is_translated(untranslated):
    assert untranslated(response(given([1, 0])).summary()) == []
