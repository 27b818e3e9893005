"""Figures of retention: their words, and what they draw."""

from datetime import date
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab.aggregate.contracts import contract_months
from crmlab.churn.cohorts import cohort_retention as cohorts
from crmlab.churn.projection import projection_check
from crmlab.churn.projection import retention_projection as projected
from crmlab.churn.retention import contract_retention
from crmlab.churn.silence import purchase_retention
from crmlab.churn.survival import lifetimes
from crmlab.plots import figure
from crmlab.plots.churn import cohort_triangle, retention_by_period, retention_projection, survival_curves
from crmlab.plots.svg import LIGHT
from tests.bench.coverage_retention import age_counts, base
from tests.test_aggregate_contracts import contracts
from tests.test_churn_cohorts import many, months
from tests.test_churn_retention import silent
from tests.test_churn_survival import AML

HOSTILE = '<script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'
BOOK = base(np.random.default_rng(8), 1500)


def groups(*scales, names="abcdefgh", customers=150):
    rng = np.random.default_rng(2)
    parts = [
        age_counts(np.ceil(rng.exponential(scale, customers)).clip(1, 48), rng.random(customers) < 0.9).assign(
            group=name
        )
        for scale, name in zip(scales, names, strict=False)
    ]
    return lifetimes(pd.concat(parts), by="plan")


FIGURES = [
    (
        retention_by_period,
        contract_retention(BOOK),
        "% of customers were kept over the last 12 months",
        "By the end of the period: ",
    ),
    (
        retention_by_period,
        purchase_retention(silent([6, 4])),
        "40.0% of active customers bought again within 6 months",
        "31 January 2025 40.0% (95% interval",
    ),
    (
        cohort_triangle,
        cohorts(months(many(60, 90)), length_months=1),
        "Later cohorts stay longer",
        "30 November 2023: 60.0% after 19 months",
    ),
    (survival_curves, groups(10, 30), "b stay longer than the others", "Kaplan-Meier curves with their bands: a, b."),
    (survival_curves, lifetimes(AML), "Half of the customers leave within 27 months", "bands: All customers."),
    (
        retention_projection,
        projection_check(BOOK, draws=60),
        "The forecast of retention held",
        "Fitted to what was known on 31 December 2023",
    ),
    (
        retention_projection,
        projected(BOOK, draws=60),
        "% of today’s customers are expected to stay",
        "Of the customers on 31 December 2024, the ",
    ),
]
each = pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES)


@each
def test_title_is_the_finding_and_label_says_it_in_words(function, result, finding, words):
    content = figure(function, result).content
    assert finding in content["title"] and content["title"] in content["label"]
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in ElementTree.fromstring(content[kind]).iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text


@each
def test_all_is_translated(function, result, finding, words, untranslated):
    content = figure(function, result).content
    own = {"a", "b", "sBG", "BdW", "plan", *(f"{date(2024, month, 1):%B}" for month in range(1, 13))}
    assert set(untranslated(content["title"])) <= own and set(untranslated(content["label"])) <= own


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize(
    ("function", "result", "finding"),
    [
        (retention_by_period, contract_retention(contract_months(
            contracts(("a", "2024-01-01", None)), until="2025-01-31")), "100.0% of customers were kept"),
        (retention_by_period, purchase_retention(silent([0])), "0.0% of active customers bought again"),
        (cohort_triangle, cohorts(months(contracts(("a", "2025-03-03", None)))),
            "100.0% still have a contract after 3 months"),
        (cohort_triangle, cohorts(months(many(0, 0, 2)), length_months=1), "The cohorts cannot be told apart"),
        (cohort_triangle, cohorts(months(many(90, 60)), length_months=1), "Later cohorts leave sooner"),
        (survival_curves, lifetimes(age_counts([5.5] * 9, [False] * 9)),
            "100.0% of customers stay for more than 5.5 months"),
        (survival_curves, lifetimes(age_counts([3.0] * 9, [True] * 9)), "Half of the customers leave within 3 months"),
        (survival_curves, groups(10, 10), "Half of the customers leave within"),
        (survival_curves, groups(10, 3, 10, 10, 10, 10), "b leave sooner than the others"),
    ],
)  # fmt: skip
def test_little_to_draw(function, result, finding):
    content = figure(function, result).content
    assert content["title"].startswith(finding)
    assert "nan" not in content["label"].lower() and "nan" not in content["wide"].lower()


def test_of_many_groups_those_that_differ_are_drawn_beside_all():
    drawn = figure(survival_curves, groups(10, 3, 10, 10, 10, 10)).content["wide"]
    names = ["".join(text.itertext()) for text in ElementTree.fromstring(drawn).iter("text")]
    assert {"All customers", "b"} <= set(names) and "c" not in names


def test_a_forecast_that_fails_shows_what_came_apart():
    changed = BOOK.rows.assign(end=BOOK.rows["end"].mask(BOOK.rows["end"] > -12))
    found = projection_check(type(BOOK)(**(vars(BOOK) | {"rows": changed})), draws=60)
    axes = retention_projection(found)
    assert axes.get_title(loc="left") == "The forecast of retention failed"
    marks = [len(part.get_offsets()) for part in axes.collections if part.get_offsets().shape[0] > 1]
    assert sum(marks) >= 11


def test_names_are_text_and_cut_to_fit():
    content = figure(survival_curves, groups(10, 30, names=[HOSTILE, "北岭国有林场" * 9])).content
    assert "<script" not in content["wide"] and "<img" not in content["wide"]
    narrow = ["".join(text.itertext()) for text in ElementTree.fromstring(content["narrow"]).iter("text")]
    assert any(text.endswith("…") and text.startswith("北岭") for text in narrow)


def test_names_beside_curves_do_not_touch():
    axes = survival_curves(groups(20, 20.1, 20.2, 20.3, customers=400))
    heights = sorted(text.xy[1] for text in axes.texts if text.get_text() in "abcd" and text.get_text())
    assert (np.diff(heights) > 0.05).all() and len(heights) == 4
