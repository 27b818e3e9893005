"""Figures of return: their words, and what they draw."""

from xml.etree import ElementTree

import numpy as np
import pytest

from crmlab.intervals import Estimate
from crmlab.plots import figure
from crmlab.plots.roi import (
    cumulative_return,
    flows_by_category,
    npv_distribution,
    return_scenarios,
    return_tornado,
)
from crmlab.plots.svg import LIGHT
from crmlab.roi.cash_flows import programme
from crmlab.roi.scenarios import scenarios
from crmlab.roi.simulation import simulate
from tests.test_roi_cash_flows import AS_OF, EFFECT, FLOWS, REACHED, claimed, measured, table

HOSTILE = '<script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'
RANGES = {"licence": {"low": 0.9, "high": 1.4}, "effect_persistence": {"low": 0.4, "high": 1.0}}
MEASURED = measured(effect_persistence=0.8, claims_kept=["labour"])
FOUND = simulate(MEASURED, ranges=RANGES, draws=2000)
UNSURE = simulate(measured(effect=Estimate(2.0, -8.0, 12.0, "USD", 50)), draws=2000)
CERTAIN = simulate(claimed(), draws=200)
CASES = scenarios(
    FLOWS, ranges=RANGES, own={"slow": {"effect": 1.0}}, as_of=AS_OF, effect=EFFECT, reached=REACHED, unit="USD"
)
FIGURES = [
    (
        cumulative_return,
        FOUND,
        "With interest, the costs are paid back after ",
        "Cumulative present value from 1 January",
    ),
    (npv_distribution, UNSURE, "The programme pays in ", "Net present value in 2,000 simulated futures: "),
    (return_tornado, FOUND, "Effect on margin matters most", "Effect on margin $6.00: $"),
    (return_scenarios, CASES, "The programme pays in 4 of 5 scenarios", "Pessimistic $"),
    (flows_by_category, MEASURED, "Benefits of $", "licence (cost) $300 to date, $300 planned"),
]
each = pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES)


@each
def test_title_is_the_finding_and_label_says_it_in_words(function, result, finding, words):
    content = figure(function, result).content
    assert content["title"].startswith(finding)
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in ElementTree.fromstring(content[kind]).iter("text"):
            assert 0 <= float(text.attrib["x"]) <= width, text.text


@each
def test_all_is_translated(function, result, finding, words, untranslated):
    content = figure(function, result).content
    own = {"licence", "labour", "margin", "audit", "set-up", "slow", "bold", "January", "June"}
    assert set(untranslated(content["title"])) <= own and set(untranslated(content["label"])) <= own


@pytest.mark.parametrize(
    ("function", "result", "finding"),
    [
        (cumulative_return, CERTAIN, "With interest, the costs are paid back after "),
        (cumulative_return, UNSURE, "With interest, the costs are "),
        (
            cumulative_return,
            simulate(programme(FLOWS.head(1), as_of=AS_OF, unit="USD")),
            "With interest, the costs are not",
        ),
        (cumulative_return, simulate(claimed(FLOWS[FLOWS["kind"] == "benefit"])), "There is nothing to pay back"),
        (npv_distribution, CERTAIN, "Nothing uncertain was drawn: net present value $"),
        (npv_distribution, FOUND, "The programme pays in "),
        (return_tornado, CERTAIN, "Nothing that is uncertain moves the net present value"),
        (return_scenarios, scenarios(FLOWS, as_of=AS_OF, unit="USD"), "The programme pays in 4 of 4 scenarios"),
        (flows_by_category, claimed(FLOWS[FLOWS["kind"] == "cost"]), "Benefits of $0 against costs of $1,650"),
        (flows_by_category, claimed(table(("actual", "2025-01-01", "cost", "x", 0.0))), "Benefits of $0 against"),
    ],
)
def test_little_to_draw(function, result, finding):
    content = figure(function, result).content
    assert content["title"].startswith(finding)
    assert "nan" not in content["label"].lower() and "–" not in content["label"]


def test_draws_below_zero_are_apart_and_no_bar_stands_on_both_sides():
    bars = [bar.get_bbox() for bar in npv_distribution(UNSURE).patches]
    assert not [bar for bar in bars if bar.x0 < -1e-6 and bar.x1 > 1e-6]
    below = sum(bar.height for bar in bars if bar.x1 <= 1e-6)
    assert below == pytest.approx(1 - UNSURE.probability.value, abs=0.005)


def test_the_curve_is_marked_where_it_is_paid_back():
    axes = cumulative_return(FOUND)
    day, value = axes.collections[-1].get_offsets()[0]
    curve = FOUND.curve.set_index("date")["value"]
    assert (
        value == pytest.approx(curve[curve >= 0].iloc[0])
        and (curve[curve.index >= curve[curve >= 0].index[0]] >= 0).all()
    )
    assert np.isfinite(day)


def test_names_are_text_and_cut_to_fit():
    hostile = FLOWS.assign(category=FLOWS["category"].replace({"licence": HOSTILE, "set-up": "北岭国有林场" * 9}))
    content = figure(flows_by_category, claimed(hostile)).content
    assert "<script" not in content["wide"] and "<img" not in content["wide"]
    assert HOSTILE in content["label"]
    root = ElementTree.fromstring(content["narrow"])
    assert any("北岭" in "".join(text.itertext()) and "…" in "".join(text.itertext()) for text in root.iter("text"))
