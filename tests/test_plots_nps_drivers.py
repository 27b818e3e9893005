from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from crmlab import plots
from crmlab.intervals import Estimate
from crmlab.nps.drivers import driver_model
from crmlab.nps.importance import driver_importance
from crmlab.nps.payoff import payoff
from crmlab.plots.nps_drivers import (
    driver_effects,
    importance_performance_map,
    payoff_retention,
    payoff_spend,
    payoff_value,
    service_targets,
    service_times,
)
from crmlab.plots.svg import LIGHT
from tests.bench.coverage_nps_drivers import draw_answers, draw_outcomes
from tests.test_nps_service import cases, levels

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def importance(verdicts=("mend first", "mend next", "")):
    def estimate(value, unit="share"):
        return Estimate(value, 0.9 * value, min(1.1 * value, 1.0), unit, 300)

    rows = pd.DataFrame({"driver": ["response_hours", "delivery_delay_days", "cases_per_year"]})
    rows["name"] = ["response time", "delivery delay", "service cases"]
    rows["importance"] = [estimate(0.5), estimate(0.3), estimate(0.2)]
    rows["performance"] = [estimate(0.4), estimate(0.6), estimate(0.7)]
    return SimpleNamespace(drivers=rows.assign(lever=True, verdict=verdicts))


def model():
    return driver_model(draw_answers(300, np.random.default_rng(0)))


def service():
    frame = pd.concat([cases([10] * 60 + [50] * 20, kind="repair"), cases([90] * 40, kind="delivery")])
    return levels(frame.assign(customer_id=range(len(frame))))


def paid():
    frame, profiles, _law = draw_outcomes(400, np.random.default_rng(0))
    latest = frame.drop_duplicates("customer_id", keep="last")
    return payoff(frame, profiles, latest[["customer_id"]].assign(clv=latest["spend_after"]), unit="CNY")


FIGURES = [
    (
        importance_performance_map,
        importance(),
        "Mend first: slow after-sales response",
        "response time: importance 50.0% (95% interval 45.0% to 55.0%, n = 300), performance 40.0%",
    ),
    (driver_effects, model(), "Lower scores go with ", "Odds ratios of a higher answer, with their intervals: "),
    (
        service_times,
        service(),
        "Half of the cases wait longer than ",
        "repair, first answer: 1.0 hours (95% interval",
    ),
    (
        service_targets,
        service(),
        "50.0% of cases are answered within 4 hours",
        "delivery, resolved: 0.0% (95% interval",
    ),
    (payoff_retention, paid(), "Promoters ", "customers who stayed over the months after the answer, by answer"),
    (payoff_spend, paid(), "Promoters spend CN¥", "Promoters: CN¥"),
    (payoff_value, paid(), "Promoters ", "customer lifetime value, by the latest answer, by answer"),
]
NAMES = [function.__name__ for function, *_ in FIGURES]


@pytest.mark.parametrize(("function", "result", "finding", "words"), FIGURES, ids=NAMES)
def test_figures_state_their_finding_and_fit_their_page(function, result, finding, words):
    content = plots.figure(function, result).content
    assert content["title"].startswith(finding)
    assert words in content["label"]
    for kind, width in (("wide", 736), ("narrow", 358)):
        root = ElementTree.fromstring(content[kind])
        assert root.attrib["viewBox"].split()[2] == str(width)
        assert not any(colour in content[kind].lower() for colour in LIGHT)
        for text in root.iter("text"):
            assert 0 <= float(text.attrib.get("x", 0)) <= width, text.text
    assert plots.figure(function, result).content == content


@pytest.mark.parametrize(
    ("verdicts", "finding"),
    [
        (("mend first", "mend first", ""), "Mend first: slow after-sales response, and one more"),
        (("mend first",) * 3, "Mend first: slow after-sales response, and 2 more"),
        (("", "", ""), "No pain point can be told"),
    ],
)
def test_map_counts_the_pain_points(verdicts, finding):
    assert importance_performance_map(importance(verdicts)).get_title(loc="left") == finding


def test_pain_points_stand_out_on_the_map():
    content = plots.figure(importance_performance_map, importance()).content
    assert "var(--c2)" in content["wide"]
    assert "var(--c2)" not in plots.figure(importance_performance_map, importance(("",) * 3)).content["wide"]


def test_pain_points_are_called_by_their_pain():
    texts = [text.get_text() for text in importance_performance_map(importance()).texts]
    assert "slow after-sales response" in texts and "delivery delay" in texts


def test_a_map_without_levers_says_so():
    empty = SimpleNamespace(drivers=importance().drivers.assign(lever=False))
    assert importance_performance_map(empty).get_title(loc="left") == (
        "No service that the firm gives is among the drivers"
    )


def test_effects_of_not_being_known_are_left_to_the_table():
    known = draw_answers(400, np.random.default_rng(0))
    known.loc[known.index % 4 == 0, "response_hours"] = np.nan
    found = driver_model(known)
    assert found.effects["unknown"].any()
    shown = [label.get_text() for label in driver_effects(found).get_yticklabels()]
    assert len(shown) == (~found.effects["unknown"]).sum()


def test_importance_of_a_real_model_is_drawn():
    drawn = importance_performance_map(driver_importance(model(), draws=40))
    assert drawn.get_title(loc="left").startswith("Mend first: ")


def test_service_without_times():
    counted = levels(cases([10] * 20)[["customer_id", "opened_at", "reopened", "kind"]].assign(reopened=True))
    assert service_times(counted).get_title(loc="left") == "How long cases take is not known"
    assert service_targets(counted).get_title(loc="left") == "How many cases are within the target is not known"


def test_targets_by_kind():
    found = levels(cases([10] * 20), response_target_hours={"repair": 2})
    assert service_targets(found).get_title(loc="left") == "100.0% of cases are answered within their target"
    assert service_times(found).get_title(loc="left").startswith("Half of the cases wait longer")


@pytest.mark.parametrize(
    ("difference", "finding"),
    [
        (None, "Promoters and detractors cannot be compared, all else alike"),
        ((0.02, -0.01, 0.05), "Promoters and detractors cannot be told apart, all else alike"),
        ((0.05, 0.01, 0.09), "Promoters stay more often, by 5.0 percentage points"),
        ((-0.05, -0.09, -0.01), "Promoters stay less often, by 5.0 percentage points"),
    ],
)
def test_finding_of_retention(difference, finding):
    found = paid()
    told = {} if difference is None else {"retention": Estimate(*difference, "share", 500)}
    changed = SimpleNamespace(groups=found.groups, unit="CNY", differences=told)
    assert payoff_retention(changed).get_title(loc="left") == finding


def test_nothing_known_of_what_came_after():
    found = paid()
    nothing = found.groups.assign(clv=None, clv_adjusted=None)
    drawn = payoff_value(SimpleNamespace(groups=nothing, unit="CNY", differences={}))
    assert drawn.get_title(loc="left") == "What customers did after their answer is not known"
