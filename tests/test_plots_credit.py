from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab import plots
from crmlab.credit.behaviour import AGEING_BANDS
from crmlab.credit.probability_check import probability_check
from crmlab.credit.tiers import risk_tiers
from crmlab.credit.value_at_risk import value_by_risk
from crmlab.intervals import Estimate
from crmlab.plots.credit import calibration_plot, overdue_ageing, value_risk_map
from crmlab.plots.svg import LIGHT
from tests.test_credit_behaviour import plan, summary
from tests.test_credit_tiers import payments
from tests.test_credit_value_at_risk import VALUE

pytestmark = [pytest.mark.filterwarnings("error::RuntimeWarning"), pytest.mark.usefixtures("any_size")]


def check(actual=(0.01, 0.05, 0.2)):
    foretold = np.array([0.012, 0.06, 0.11])
    bands = pd.DataFrame({"band": [1, 2, 3], "customers": 100, "predicted": foretold, "defaults": 1})
    actual = np.array(actual)
    return SimpleNamespace(bands=bands.assign(actual=actual, low=0.6 * actual, high=1.6 * actual + 0.01))


def ageing(amounts=(500.0, 200.0, 0.0, 1300.0), customers=(5, 2, 0, 1)):
    rows = pd.DataFrame({"band": list(AGEING_BANDS.values()), "amount": amounts, "customers": customers})
    total = Estimate(sum(amounts), None, None, "CNY", 9, no_interval="a full count, not a sample")
    return SimpleNamespace(ageing=rows, overdue=total)


def matrix():
    return value_by_risk(risk_tiers(payments()), VALUE, unit="CNY")


FIGURES = [
    (
        calibration_plot,
        check(),
        "In 1 of 3 bands, defaults do not agree with the probability foretold",
        "11.0% foretold, 20.0% in default (12.0% to 33.0%)",
    ),
    (
        value_risk_map,
        matrix(),
        "One customer of high value is of high risk or in default",
        "Low value, Medium risk: 2",
    ),
    (
        overdue_ageing,
        ageing(),
        "65.0% of the overdue amount is more than 90 days late",
        "over 90 days: CN¥1,300, 1 customer.",
    ),
]
NAMES = [function.__name__ for function, *_ in FIGURES]


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


@pytest.mark.parametrize(
    ("actual", "finding"),
    [
        ((0.012, 0.06, 0.11), "In all 3 bands, defaults agree with the probability foretold"),
        ((0.1, 0.2, 0.5), "In none of 3 bands do defaults agree with the probability foretold"),
    ],
)
def test_calibration_is_spoken_of_in_good_english(actual, finding):
    assert calibration_plot(check(actual)).get_title(loc="left") == finding


def test_one_band_of_customers_alike():
    found = probability_check([0, 1, 0, 0], [0.2] * 4)
    assert calibration_plot(found).get_title(loc="left") == "Defaults agree with the probability foretold"


def test_a_band_that_does_not_agree_stands_out():
    assert "var(--c2)" in plots.figure(calibration_plot, check()).content["wide"]
    assert "var(--c2)" not in plots.figure(calibration_plot, check((0.012, 0.06, 0.11))).content["wide"]


def test_cells_hold_customers_and_their_share_of_value():
    texts = [text.get_text() for text in value_risk_map(matrix()).texts]
    # a column for each of five tiers, three rows, two texts in each cell
    assert len(texts) == 30
    assert sum(int(text) for text in texts[::2]) == 7
    assert sum(float(text.rstrip("%")) for text in texts[1::2]) == pytest.approx(100, abs=0.3)


def test_nobody_at_risk():
    safe = risk_tiers(summary(plan("good", "2024-01-01", 0, 0, 0)))
    drawn = value_risk_map(value_by_risk(safe, VALUE.assign(clv=0.0)))
    assert drawn.get_title(loc="left") == "No customer of high value is of high risk or in default"


def test_bars_are_the_overdue_amounts():
    drawn = overdue_ageing(ageing())
    assert sorted(bar.get_height() for bar in drawn.patches) == [0, 200, 500, 1300]


def test_nothing_overdue():
    drawn = overdue_ageing(ageing((0.0,) * 4, (0,) * 4))
    assert drawn.get_title(loc="left") == "Nothing is overdue"
