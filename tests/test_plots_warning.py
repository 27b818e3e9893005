from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab import plots
from crmlab.churn.contact import contact_threshold
from crmlab.churn.warning import early_warning
from crmlab.churn.worth import contract_retention_worth
from crmlab.intervals import wilson
from crmlab.plots.svg import LIGHT
from crmlab.plots.warning import profit_curve, value_at_risk_by_rank, value_at_risk_by_reason, worth_of_retention
from tests.bench.coverage_warning import ConstantRetention

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

IDS = [f"{number:03d}" for number in range(60)]


def contact(**options):
    chance = np.linspace(0.6, 0.01, 60)
    tried = pd.DataFrame({"probability": chance, "left": (np.arange(60) % 3 == 0) & (chance > 0.2), "value": 200.0})
    return contact_threshold(tried, **({"contact_cost": 10, "save_rate": 0.3, "currency": "EUR"} | options))


def warning(values=True, **options):
    customers = pd.DataFrame({"customer_id": IDS, "probability": np.linspace(0.5, 0.02, 60)})
    added = pd.DataFrame({"response_hours": np.linspace(1, -1, 60), "contract": np.linspace(-1, 1, 60) + 1})
    worth = pd.DataFrame({"customer_id": IDS, "clv": 1000.0}) if values else None
    return early_warning(customers, added, values=worth, currency="EUR", threshold=0.2, **options)


def worth():
    customers = pd.DataFrame({"customer_id": IDS, "tenure_months": 3, "value": 1200.0})
    return contract_retention_worth(customers, ConstantRetention(wilson(800, 1000)), currency="EUR")


FIGURES = [
    (
        profit_curve,
        contact(),
        "It pays best to call the 66.7% of customers most at risk",
        "On customers of whom the threshold knew nothing, that brings €",
    ),
    (
        profit_curve,
        contact(contact_cost=900),
        "Calling pays for nobody",
        "Curve of the profit over the share of customers called",
    ),
    (
        value_at_risk_by_rank,
        warning(),
        "19 customers (31.7%) hold half of the value at risk",
        "is at risk in all.",
    ),
    (
        value_at_risk_by_rank,
        warning(values=False),
        "19 customers (31.7%) account for half of those expected to leave",
        "Curve of the cumulative share",
    ),
    (
        value_at_risk_by_reason,
        warning(),
        "Response hours: first reason for 51% of the value of customers at risk",
        "Response hours: €",
    ),
    (
        value_at_risk_by_reason,
        warning(values=False),
        "Contract: first reason of 59% of the customers at risk",
        "Contract: 22 customers",
    ),
    (
        worth_of_retention,
        worth(),
        "One point of retention is worth €4,280",
        "+1 points: €",
    ),
]  # fmt: skip
NAMES = [f"{function.__name__}{place}" for place, (function, *_rest) in enumerate(FIGURES)]


@pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES, ids=NAMES)
def test_figures_state_their_finding_and_fit_their_page(function, result, finding, words):
    content = plots.figure(function, result).content
    assert content["title"] == finding
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in root.iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text
    assert plots.figure(function, result).content == content


def test_the_curve_is_that_of_the_result():
    found = contact()
    line = profit_curve(found).lines[1]
    assert line.get_ydata().tolist() == found.curve["profit"].tolist()


def test_ranks_reach_all_of_the_value():
    line = value_at_risk_by_rank(warning()).lines[1]
    assert (line.get_xdata()[0], line.get_ydata()[0]) == (0, 0)
    assert (line.get_xdata()[-1], round(line.get_ydata()[-1], 12)) == (1, 1)


def test_bars_are_the_value_at_risk_of_those_at_risk():
    found = warning()
    widths = [bar.get_width() for bar in value_at_risk_by_reason(found).patches]
    at_risk = found.customers[found.customers["at_risk"]]
    assert sum(widths) == pytest.approx(at_risk["value_at_risk"].sum())


def test_nobody_at_risk_and_nothing_at_risk():
    nobody = early_warning(pd.DataFrame({"customer_id": IDS, "probability": 0.0}))
    assert value_at_risk_by_reason(nobody).get_title(loc="left") == "No customer is at risk"
    assert value_at_risk_by_rank(nobody).get_title(loc="left") == "Nothing is at risk"


def test_every_point_of_retention_has_its_interval():
    found = worth()
    drawn = worth_of_retention(found)
    ends = {tuple(line.get_ydata()) for line in drawn.lines}
    changes = found.curve["change"].dropna()
    assert {(change.low, change.high) for change in changes} <= ends
