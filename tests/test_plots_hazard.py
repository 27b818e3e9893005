from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab import plots
from crmlab.churn.hazard import fit_hazard
from crmlab.plots.hazard import churn_calibration, driver_forest, lift_by_decile
from crmlab.plots.svg import LIGHT
from tests.test_churn_hazard import panel

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def check(actual=(0.5, 0.2, 0.1)):
    actual = np.array(actual)
    deciles = pd.DataFrame({"decile": [1, 2, 3], "customers": 100, "predicted": [0.48, 0.21, 0.09], "actual": actual})
    deciles = deciles.assign(low=0.7 * actual, high=np.minimum(1, 1.3 * actual), lift=actual / actual.mean())
    left = np.concatenate([np.r_[np.ones(round(100 * share)), np.zeros(100 - round(100 * share))] for share in actual])
    return SimpleNamespace(deciles=deciles, predictions=pd.DataFrame({"left": left}))


FIGURES = [
    (
        driver_forest,
        fit_hazard(panel()),
        "The risk of leaving rises most clearly with score: 1 more",
        "plan: b against a 0.",
    ),
    (
        churn_calibration,
        check(),
        "In all 3 groups, as many left as was foretold",
        "48.0% foretold, 50.0% left (35.0% to 65.0%)",
    ),
    (
        lift_by_decile,
        check(),
        "The 33% at the highest risk are 62% of those who left",
        "tenth 1: 1.88 times, 50.0% left",
    ),
]


@pytest.mark.parametrize(
    ("function", "result", "finding", "words"), FIGURES, ids=[each[0].__name__ for each in FIGURES]
)
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


def test_a_group_that_was_foretold_wrong_stands_out():
    drawn = plots.figure(churn_calibration, check((0.9, 0.2, 0.1))).content
    assert drawn["title"] == "In one of 3 groups, not as many left as was foretold"
    assert "var(--c2)" in drawn["wide"] and "var(--c2)" not in plots.figure(churn_calibration, check()).content["wide"]
    none = plots.figure(churn_calibration, check((0.9, 0.6, 0.5))).content["title"]
    assert none == "In 3 of 3 groups, not as many left as was foretold"


def test_what_cannot_be_told_is_drawn_in_grey():
    rows = panel()
    rows["events"] = np.random.default_rng(5).permutation(rows["events"])
    drawn = plots.figure(driver_forest, fit_hazard(rows)).content
    assert drawn["title"] == "No driver can be told to change the risk of leaving"
    assert "var(--c1)" not in drawn["wide"]


def test_an_effect_without_bounds_stays_within_the_figure():
    rows = panel()
    rows["events"] = rows["events"].where(rows["plan"] != "c", 0)
    axes = driver_forest(fit_hazard(rows))
    low, high = axes.get_xlim()
    assert low >= 0.005 and high <= 200
