"""Conversion and project success, by hand and against the truth."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import special

import crmlab
from crmlab import intervals, tables
from crmlab.conversion import conversion_rates, project_success_rates
from tests.bench.coverage_contribution import coverage

pytestmark = pytest.mark.usefixtures("any_size")

ROWS = [("a", 1, "won"), ("a", 2, "lost"), ("b", 1, "lost"), ("c", 1, "won"), ("d", 1, None), ("e", 1, "open")]
OPPORTUNITIES = pd.DataFrame(ROWS, columns=["customer_id", "opened_on", "outcome"])
PROFILES = pd.DataFrame({"customer_id": list("abcde"), "segment": list("xxyyy")})
PROJECTS = pd.DataFrame({"customer_id": range(5), "project_outcome": ["ok", "late", "ok", None, ""]})


def test_hand_case():
    found = conversion_rates(OPPORTUNITIES, PROFILES, by="segment")
    assert (found.total.value, found.total.n, found.firsts_left_out) == (0.5, 4, 0)
    rows = found.groups.set_index("group")
    assert rows["ended"].to_dict() == {"x": 3, "y": 1} and rows["successes"].to_dict() == {"x": 1, "y": 1}
    assert rows["shrunken"].isna().all()


def test_independent_outcomes_have_wilson_s_interval():
    found = conversion_rates(OPPORTUNITIES.drop(index=1)).total
    expected = intervals.wilson(2, 3)
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high])


def test_outcomes_that_hang_together_widen_the_interval():
    same = pd.DataFrame({"customer_id": np.repeat(range(20), 5), "opened_on": 1, "outcome": "won"})
    same.loc[same["customer_id"] < 10, "outcome"] = "lost"
    found, expected = conversion_rates(same), intervals.wilson(10, 20)
    assert found.correlation == 1 and found.total.n == 100
    assert [found.total.low, found.total.high] == pytest.approx([expected.low, expected.high])


def firsts(n):
    first = pd.DataFrame({"customer_id": range(n), "opened_on": 1, "outcome": "won"})
    return pd.concat([first, first.assign(opened_on=2, outcome=["won", "lost"] * (n // 2))])


@pytest.mark.parametrize(("n", "left_out", "value"), [(20, 20, 0.5), (4, 0, 0.75)])
def test_first_opportunities_that_could_not_be_lost_are_left_out(n, left_out, value):
    found = conversion_rates(firsts(n).sample(frac=1, random_state=0))
    assert (found.firsts_left_out, found.total.value) == (left_out, value)
    assert ("left out" in found.summary()) == bool(left_out)


def test_groups_are_told_apart_only_where_they_can_be():
    frame = pd.DataFrame({"customer_id": range(300), "opened_on": 1, "outcome": ["won", "lost", "lost"] * 100})
    profiles = pd.DataFrame({"customer_id": range(300), "region": list("xyz") * 100})
    text = conversion_rates(frame, profiles, by="region").summary()
    assert text.startswith("33.3% of closed opportunities were won (95% interval 28.2% to 38.8%, n = 300).")
    assert "By region, x does best: 9" in text and "; y worst: " in text
    mixed = profiles.assign(region=np.repeat(list("xyz"), 100))
    assert "By region, no difference can be told." in conversion_rates(frame, mixed, by="region").summary()


def test_what_counts_as_success_is_a_parameter():
    found = project_success_rates(PROJECTS, successes=("ok",))
    assert (found.total.value, found.total.n) == (2 / 3, 3)
    assert project_success_rates(PROJECTS, successes=("ok", "late")).total.value == 1
    assert found.summary().startswith("66.7% of projects that ended were a success (95% interval")


@pytest.mark.parametrize(
    "found",
    [
        conversion_rates(OPPORTUNITIES.tail(2), PROFILES, by="segment"),
        conversion_rates(OPPORTUNITIES.head(0)),
        project_success_rates(PROJECTS.tail(1), successes=("ok",)),
        project_success_rates(PROJECTS.assign(project_outcome=np.nan), successes=("ok",)),
    ],
)
def test_nothing_has_ended(found):
    assert found.total is None and found.table().empty
    assert found.summary() == "No opportunity or project has ended yet, so that no rate can be told."


def test_one_group_of_all_won():
    found = conversion_rates(OPPORTUNITIES.query("outcome == 'won'"), PROFILES.assign(segment=None), by="segment")
    assert found.groups["group"].tolist() == ["Not known"] and found.total.value == 1
    assert "By" not in found.summary()
    assert "nan" not in str(tables.table(found.table(), title="t", formats=found.formats).content).lower()


def test_all_is_translated(untranslated):
    assert untranslated(conversion_rates(firsts(40)).summary()) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conversion_rates(OPPORTUNITIES[["outcome"]]), "missing: customer_id, opened_on"),
        (
            lambda: project_success_rates(PROJECTS, successes=("done",)),
            r"`successes` must name outcomes in the data \(late, ok\), got done",
        ),
    ],
)
def test_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_intervals_cover():
    found = coverage("conversion", draws=60)
    assert (found > 0.85).all() and found.mean() == pytest.approx(0.95, abs=0.035)


def test_xinglin_wins_as_often_as_the_truth_says(example):
    client = crmlab.open("xinglin")
    truth = json.loads((example / "data/xinglin/truth.json").read_text(encoding="utf-8"))["opportunities"]
    rows = client.table("opportunities").collect().to_pandas()
    satisfaction = client.table("contracts").collect().to_pandas().groupby("customer_id")["satisfaction"].first()
    found = conversion_rates(rows, client.table("customers").collect().to_pandas(), by="region")
    assert found.firsts_left_out == rows["customer_id"].nunique()
    later = rows.sort_values(["customer_id", "opened_on"])
    later = later[later["customer_id"].duplicated() & later["outcome"].notna()]
    slope = truth["satisfaction_less_3_6"] * (later["customer_id"].map(satisfaction) - 3.6)
    assert found.total.low <= special.expit(truth["intercept"] + slope).mean() <= found.total.high
