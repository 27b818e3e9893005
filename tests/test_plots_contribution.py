"""Figures of contribution, acquisition, outlook and scenarios: their words, and what they draw."""

from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab.acquisition import acquisition_cost
from crmlab.contribution import contribution_by_group
from crmlab.messages import speaking
from crmlab.plots import figure
from crmlab.plots.contribution import cac_by_channel, revenue_bridge
from crmlab.plots.contribution import contribution_by_group as contribution_figure
from crmlab.plots.forest import money_axis
from crmlab.plots.outlook import existing_potential_future, tornado
from crmlab.plots.svg import LIGHT
from crmlab.revenue_bridge import revenue_bridge as bridge
from crmlab.scenarios import value_scenarios
from tests.test_acquisition import SPEND, long
from tests.test_contribution import CUSTOMERS, PROFILES
from tests.test_potential import OFFERS, RATE, outlook
from tests.test_potential import PROFILES as SEGMENTS
from tests.test_purchases import fitted, sample
from tests.test_revenue_bridge import CUSTOMERS as BRIDGED
from tests.test_revenue_bridge import many, periods
from tests.test_scenarios import worth

pytestmark = pytest.mark.usefixtures("any_size")

HOSTILE = '<script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'
GROUPS = contribution_by_group(CUSTOMERS, PROFILES, by="region", unit="CNY", fewest=2)
BRIDGE = bridge(periods(), unit="USD")
COST = acquisition_cost(long(("x", "y"), cost=(30.0, 90.0)), unit="USD")
OUTLOOK = outlook(profiles=SEGMENTS, by="segment", opportunities=OFFERS, win_rate=RATE)
SCENARIOS = value_scenarios(worth(sample()), fitted("bg_nbd"), sample(), annual_default_rate=0.03)
FIGURES = [
    (contribution_figure, GROUPS, "n: 30.0% of revenue from 50.0% of customers", "Others 70.0% (95% interval"),
    (
        revenue_bridge,
        BRIDGE,
        "Revenue: −24.0% from one period to the next",
        "Bridge from $200 in the period before to $152",
    ),
    (cac_by_channel, COST, "y costs most: $", "All channels: $"),
    (
        existing_potential_future,
        OUTLOOK,
        "On their present course, customers bring more than now",
        "x $500 existing, $2,",
    ),
    (tornado, SCENARIOS, "Margin matters most", "Margin 37.0%: $"),
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
    own = {"n", "s", "x", "y"}
    assert set(untranslated(content["title"])) <= own and set(untranslated(content["label"])) <= own


def texts(function, result, kind="wide"):
    root = ElementTree.fromstring(figure(function, result).content[kind])
    return ["".join(element.itertext()) for element in root.iter("text")]


def test_a_bridge_s_bars_stand_on_one_another():
    bars = [bar.get_bbox() for bar in revenue_bridge(BRIDGE).patches]
    reached = [200, 230, 250, 270, 220, 155, 152]
    assert [bar.x1 if bar.x0 in (0, before) else bar.x0 for bar, before in zip(bars, [0, *reached], strict=False)] == (
        pytest.approx([*reached, 152])
    )


@pytest.mark.parametrize(
    ("function", "result", "finding"),
    [
        (
            contribution_figure,
            contribution_by_group(CUSTOMERS.assign(revenue=0.0), PROFILES, by="region"),
            "Revenue is not above zero: no group has a share of it",
        ),
        (
            contribution_figure,
            contribution_by_group(CUSTOMERS, PROFILES.assign(region="n"), by="region", fewest=1),
            "All customers are in one group: n",
        ),
        (cac_by_channel, acquisition_cost(SPEND.head(1), unit="USD"), "A customer costs $25"),
        (cac_by_channel, acquisition_cost(SPEND.head(0)), "The cost of winning a customer cannot be told"),
        (revenue_bridge, bridge(periods(comparable=False), unit="USD"), "The two periods cannot be compared"),
        (revenue_bridge, bridge(periods(BRIDGED.head(0), comparable=False)), "The two periods cannot be compared"),
        (revenue_bridge, bridge(periods(many(1.3)), unit="USD"), "Revenue: +"),
        (existing_potential_future, outlook(), "On their present course, customers bring more than now"),
        (
            tornado,
            value_scenarios(worth(sample().head(5)), fitted("bg_nbd"), sample().head(5), moves={}),
            "No term that was moved changes the value",
        ),
    ],
)
def test_little_to_draw(function, result, finding):
    content = figure(function, result).content
    assert content["title"].startswith(finding)
    assert "nan" not in content["label"].lower() and "–" not in content["label"]


def test_losses_are_drawn_left_of_zero():
    found = contribution_by_group(CUSTOMERS.assign(revenue=[-5.0] * 6 + [10.0] * 6), PROFILES, by="region", fewest=2)
    assert contribution_figure(found).get_xlim()[0] < -1


def test_names_are_text_and_cut_to_fit():
    profiles = PROFILES.assign(region=[HOSTILE] * 6 + ["北岭国有林场" * 9] * 6)
    found = contribution_by_group(CUSTOMERS, profiles, by="region", fewest=2)
    content = figure(contribution_figure, found).content
    assert "<script" not in content["wide"] and "<img" not in content["wide"]
    assert HOSTILE in content["label"]
    assert any(text.endswith("…") and text.startswith("北岭") for text in texts(contribution_figure, found, "narrow"))


@pytest.mark.parametrize(
    ("language", "high", "last"), [("en", 2_400_000.0, "$2.4m"), ("en", 90.0, "$90"), ("zh", 2_400_000.0, "240 万美元")]
)
def test_an_axis_of_money_names_its_unit_once(language, high, last):
    axes = tornado(SCENARIOS)
    with speaking(language):
        money_axis(axes.xaxis, "USD", 0.0, high)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[-1] == last and not any("$" in label or "美" in label for label in labels[:-1])


def test_marks_without_interval_are_drawn_without_one():
    exact = SimpleNamespace(**{name: getattr(GROUPS, name) for name in ("by", "revenue", "unit")})
    exact.groups = GROUPS.groups.assign(
        revenue_share=[
            type(share)(share.value, None, None, "share", 1, no_interval="few")
            for share in GROUPS.groups["revenue_share"]
        ]
    )
    lines = [len(contribution_figure(found).collections) for found in (GROUPS, exact)]
    assert lines[0] - lines[1] == sum(share.low is not None for share in GROUPS.groups["revenue_share"])
    assert np.isfinite(contribution_figure(exact).get_xlim()).all() and isinstance(exact.groups, pd.DataFrame)
