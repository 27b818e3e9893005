"""Figures for a lender: their words, and what they draw."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from crmlab.diagnosis.debt_capacity import debt_capacity
from crmlab.diagnosis.debt_service import debt_service
from crmlab.diagnosis.loan import Loan
from crmlab.plots import figure
from crmlab.plots.debt_service import capacity_under_stress, cover_under_stress, retained_revenue
from crmlab.plots.svg import LIGHT
from tests.test_diagnosis_retained_revenue import projected

BOOK = projected(*np.random.default_rng(4).lognormal(8, 1, 200), monthly=0.02, months=36)
LOAN = Loan(term_months=36, margin=0.5, fixed_costs_a_year=50_000.0)
SERVICE = debt_service(BOOK, LOAN, 250_000.0)
NO_CASH = Loan(term_months=36, fixed_costs_a_year=1e9)
ONE = projected(12_000.0, months=1)

FIGURES = [
    (retained_revenue, (BOOK,), "The second year should bring", "Only contracts are counted"),
    (retained_revenue, (BOOK, SERVICE), "times debt service in the year where it is least", "simulated futures"),
    (cover_under_stress, (SERVICE,), "The covenant is kept in", "Without top 10"),
    (capacity_under_stress, (debt_capacity(BOOK, LOAN),), "At worst, the customers carry a loan of €", "Churn × 2 €"),
]


@pytest.mark.parametrize(("function", "results", "finding", "words"), FIGURES)
def test_title_is_the_finding_and_label_says_it_in_words(function, results, finding, words):
    content = figure(function, *results).content
    assert finding in content["title"] and content["title"] in content["label"] and words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in ElementTree.fromstring(content[kind]).iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text


@pytest.mark.parametrize(("function", "results", "finding", "words"), FIGURES)
def test_all_is_translated(function, results, finding, words, untranslated):
    content = figure(function, *results).content
    assert set(untranslated(content["title"])) <= {"EUR"}
    # the names of stresses were made before
    named = {word for row in SERVICE.stressed["stress"] for word in row.split()}
    assert set(untranslated(content["label"])) <= {"EUR", *named}


@pytest.mark.parametrize(
    ("function", "results", "finding"),
    [
        (cover_under_stress, (debt_service(BOOK, LOAN, 10_000.0),), "The covenant is kept in every case"),
        (cover_under_stress, (debt_service(BOOK, NO_CASH, 10_000.0),), "The covenant is kept in no case"),
        (capacity_under_stress, (debt_capacity(BOOK, NO_CASH),), "The customers carry no loan"),
        (retained_revenue, (BOOK, debt_service(BOOK, NO_CASH, 10_000.0)), "times debt service in the year"),
        (retained_revenue, (ONE, debt_service(ONE, Loan(term_months=1), 500.0)), "Cash is"),
        (retained_revenue, (BOOK, debt_service(BOOK, Loan(repayment="bullet"), 9e5)), "Cash is"),
    ],
)
def test_little_to_draw(function, results, finding):
    content = figure(function, *results).content
    assert finding in content["title"]
    assert not re.search(r"\b(nan|inf)\b", content["label"] + content["wide"], re.IGNORECASE)


def test_what_breaks_the_covenant_stands_left_of_the_line():
    axes = cover_under_stress(SERVICE)
    dots = [part.get_offsets()[0][0] for part in axes.collections if isinstance(part, PathCollection)]
    assert len(dots) == 9
    kept = sum(dot >= LOAN.covenant for dot in dots)
    assert f"in {kept} of 9 cases" in axes.get_title(loc="left") and 0 < kept < 9


def test_the_last_payment_of_a_bullet_loan_does_not_squeeze_the_rest():
    axes = retained_revenue(BOOK, debt_service(BOOK, Loan(repayment="bullet"), 9e6))
    assert axes.get_ylim()[1] < 2 * BOOK.path["high"].max()
