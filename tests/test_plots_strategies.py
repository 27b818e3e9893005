from xml.etree import ElementTree

import pytest

from crmlab import plots
from crmlab.diagnosis.levels import customer_levels
from crmlab.diagnosis.strategies import customer_strategies
from crmlab.plots.strategies import segment_map, strategies_by_stake
from crmlab.plots.svg import LIGHT
from tests.test_diagnosis_levels import answers, customers
from tests.test_diagnosis_strategies import with_levels

pytestmark = [pytest.mark.filterwarnings("error::RuntimeWarning"), pytest.mark.usefixtures("any_size")]


def found():
    return customer_strategies(customer_levels(customers(), answers()), currency="CNY")


FIGURES = [
    (
        segment_map,
        {},
        "One customer of high value is dissatisfied",
        "Customers by value and satisfaction: High value, Pleased: 0;",
    ),
    (
        segment_map,
        {"across": ("risk",)},
        "No customer of high value is of high risk or in default",
        "Medium value, In default: 1",
    ),
    (
        strategies_by_stake,
        {},
        "“Recover” holds 75% of the value at stake",
        "Bars by strategy: Recover: CN¥109, 1 customer; Terms and limits: CN¥26.00, 1 customer;",
    ),
]


@pytest.mark.parametrize(("function", "options", "finding", "words"), FIGURES, ids=["satisfaction", "risk", "stake"])
def test_figures_state_their_finding_and_fit_their_page(function, options, finding, words):
    content = plots.figure(function, found(), **options).content
    assert content["title"] == finding
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in root.iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text
    assert plots.figure(function, found(), **options).content == content


def test_cells_hold_every_customer_and_all_of_the_value():
    texts = [text.get_text() for text in segment_map(found()).texts]
    assert sum(int(text) for text in texts[::2]) == 6
    assert sum(float(text.rstrip("%")) for text in texts[1::2]) == pytest.approx(100, abs=0.5)


def test_the_map_is_across_the_first_level_that_is_known():
    leaving = customer_strategies(customer_levels(customers().drop(columns="risk_tier")))
    assert segment_map(leaving).get_title(loc="left") == "No customer of high value is likely to leave"


def test_the_strategy_that_asks_for_more_than_the_usual_stands_out():
    drawn = strategies_by_stake(customer_strategies(with_levels({}, {}, {"risk": "high"})))
    assert drawn.get_title(loc="left") == "“Terms and limits” is for 33% of the customers"
    assert [bar.get_width() for bar in drawn.patches] == [2, 1]
    assert drawn.patches[0].get_facecolor() != drawn.patches[1].get_facecolor()


def test_nothing_known():
    none = customer_strategies(with_levels({}))
    assert segment_map(none).get_title(loc="left") == "No customer of high value is dissatisfied"
    assert strategies_by_stake(none).get_title(loc="left") == "“Maintain” is for 100% of the customers"
