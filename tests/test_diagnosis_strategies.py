import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.diagnosis.levels import LEVELS, customer_levels
from crmlab.diagnosis.strategies import OTHERS, STRATEGIES, customer_strategies
from tests.conftest import STRICT
from tests.test_diagnosis_levels import answers, customers

pytestmark = [STRICT, pytest.mark.usefixtures("any_size")]

CASES = [
    ({"risk": "default", "value": "high", "satisfaction": "low"}, "recover"),
    ({"risk": "high", "value": "high"}, "terms_and_limits"),
    ({"value": "high", "satisfaction": "low", "leaving": "high"}, "dedicated_service"),
    ({"value": "high", "satisfaction": "high", "leaving": "high"}, "retain"),
    ({"value": "medium", "leaving": "high"}, "retain"),
    ({"value": "medium", "satisfaction": "low", "leaving": "low"}, "mend"),
    ({"value": "low", "leaving": "high", "potential": "high"}, "low_cost_maintenance"),
    ({"value": "low", "potential": "high"}, "develop"),
    ({"value": "high", "leaving": "low"}, "refer_and_upgrade"),
    ({"value": "medium", "satisfaction": "high", "risk": "low"}, "refer_and_upgrade"),
    ({"value": "low", "satisfaction": "low", "leaving": "medium"}, "maintain"),
    ({}, "maintain"),
]


def with_levels(*rows):
    """Customers of these levels; what a row does not name is not known."""
    levels = customer_levels(pd.DataFrame({"customer_id": [f"C{place}" for place in range(len(rows))]}))
    for name in LEVELS:
        levels.customers[name] = pd.Series([row.get(name) for row in rows], dtype=object)
    return levels


@pytest.mark.parametrize(
    ("levels", "expected"), CASES, ids=[f"{expected}-{n}" for n, (_, expected) in enumerate(CASES)]
)
def test_each_customer_gets_the_first_strategy_that_holds(levels, expected):
    assert customer_strategies(with_levels(levels)).customers["strategy"].tolist() == [expected]


def test_every_strategy_is_somebodys():
    found = customer_strategies(with_levels(*(levels for levels, _ in CASES)))
    assert set(found.rows["strategy"]) == {rule.name for rule in (*STRATEGIES, OTHERS)}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries({name: st.sampled_from([None, *levels]) for name, levels in LEVELS.items()}),
                min_size=1, max_size=8))  # fmt: skip
def test_every_customer_is_counted_once(rows):
    found = customer_strategies(with_levels(*rows))
    assert found.rows["customers"].sum() == found.segments.rows["customers"].sum() == len(rows)
    assert found.customers["strategy"].notna().all()
    again = customer_strategies(with_levels(*rows[::-1])).customers["strategy"]
    assert found.customers["strategy"].tolist() == again.tolist()[::-1]


def test_amounts_by_strategy_and_segment():
    found = customer_strategies(customer_levels(customers(), answers()), currency="CNY")
    # C is in default, B of high risk; A is likely to stay though dissatisfied and of high value
    assert found.customers["strategy"].tolist() == [
        "dedicated_service", "terms_and_limits", "recover", "refer_and_upgrade", "develop", "maintain",
    ]  # fmt: skip
    assert found.rows["strategy"].iloc[:2].tolist() == ["recover", "terms_and_limits"]
    assert found.rows["at_stake"].iloc[:4].tolist() == [109.0, 26.0, 5.5, 4.0]
    assert found.segments.rows["clv"].sum() == 100
    assert found.segments.rows["existing_value"].sum() == 116
    assert found.table()["title"].tolist()[0] == "Recover"
    assert found.summary() == (
        "The 6 customers are under 6 strategies. Most is at stake under “Recover”: CN¥109 with one of them. Collect "
        "what is open; no new credit until it is paid."
    )
    assert "customer_id" not in found.table() and "customer_id" not in found.segments.table()


def test_the_clients_own_strategies_go_first():
    own = [
        {"name": "VIP", "when": "clv >= 50 and segment == 'x'", "action": "Call the chairman.", "owner": "Board"},
        {"name": "Small", "when": "`existing_value` < 2", "action": "Write."},
    ]
    found = customer_strategies(customer_levels(customers(), answers()), own=own)
    assert found.customers["strategy"].tolist()[0] == "VIP"
    assert found.customers["strategy"].tolist()[3:] == ["Small"] * 3
    row = found.rows.set_index("strategy").loc["VIP"]
    assert (row["title"], row["action"], row["owner"]) == ("VIP", "Call the chairman.", "Board")
    listed = found.customer_list()
    assert listed.loc[0, "strategy_action"] == "Call the chairman."
    assert listed.columns.tolist() == [
        "customer_id", "value_level", "satisfaction_level", "leaving_level", "strategy", "strategy_action",
    ]  # fmt: skip


def rule(**changes):
    return {"name": "A", "when": "clv > 1", "action": "B"} | changes


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ([rule(when="risq == 'high'")], r"strategy 1 \(A\): \"risq == 'high'\" reads risq.*did you mean risk\?"),
        ([rule(when="risk == 'hihg'")], r"compares with 'hihg', which it never is; did you mean high\?"),
        ([rule(when="clv > 'a'")], "compares a number with a text"),
        ([rule(when="__import__('os')")], r"strategy 1 \(A\): .* uses Call"),
        ([rule(), {"when": "clv > 1", "action": "B"}], "strategy 2: name must be a text, got None"),
        ([rule(action=" ")], "action must be a text"),
        ([rule(wen="clv > 1")], r"strategy 1: wen is no part of it; did you mean when\?"),
        ([rule(), rule()], "strategy 2: the name A is given twice"),
        (["clv > 1"], "strategy 1 must have name, when, action, owner, got 'clv > 1'"),
    ],
)
def test_rules_with_slips_are_refused(own, message):
    with pytest.raises(ValueError, match=message):
        customer_strategies(with_levels({}), own=own)


def test_nothing_known():
    found = customer_strategies(with_levels({}, {}), currency="USD")
    assert found.rows["strategy"].tolist() == ["maintain"]
    assert found.summary() == "The 2 customers are under one strategy."
    assert found.segments.rows["customers"].tolist() == [2]
    assert found.matrix().to_numpy().tolist() == [[2.0]]


def test_a_map_has_every_customer():
    found = customer_strategies(customer_levels(customers(), answers()))
    assert found.matrix("risk").to_numpy().sum() == 6
    assert found.matrix("risk", "worth").loc["medium"].sum() == 50
    assert found.matrix("satisfaction").index.tolist() == ["high", "medium", "low", ""]
    with pytest.raises(ValueError, match="`measure` must be one of"):
        found.matrix("risk", "clv")
