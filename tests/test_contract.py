"""The tables of the contract hold together."""

from typing import get_args

import pytest

from crmlab.contract import TABLES, InputError, Kind, suggestion

every_table = pytest.mark.parametrize("table", [pytest.param(table, id=name) for name, table in TABLES.items()])

REQUIRED = {
    "customers": {"customer_id"},
    "transactions": {"customer_id", "date", "amount"},
    "contracts": {"customer_id", "start"},
    "surveys": {"date"},
    "interactions": {"customer_id", "opened_at"},
    "payments": {"customer_id", "due_on", "amount"},
    "opportunities": {"customer_id", "opened_on"},
    "acquisition_spend": {"date", "amount"},
    "crm_cashflows": {"date", "kind", "category", "amount"},
    "exposure": {"customer_id", "treated"},
}


def test_tables_and_their_required_columns():
    assert {name: set(table.required) for name, table in TABLES.items()} == REQUIRED


@every_table
def test_rules_name_columns_of_their_table(table):
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert {*table.unique, *(name for pair in table.ordered for name in pair)} <= set(names)
    for pair in table.ordered:
        assert {table.column(name).kind for name in pair} == {"date"}


@every_table
def test_columns_are_explained_and_their_rules_fit_their_kind(table):
    assert table.help
    for column in table.columns:
        assert column.help and column.kind in get_args(Kind)
        assert bool(column.choices) == (column.kind == "choice")
        if column.low is not None or column.high is not None:
            assert column.kind in ("number", "integer")
        if column.high is not None:
            assert column.low <= column.high
        if column.units:
            assert column.kind in ("number", "integer") and all(unit.strip() == unit != "" for unit in column.units)
        if column.name.endswith("_id"):
            assert column.kind == "id"


def test_refunds_are_allowed_and_scores_are_bounded():
    assert TABLES["transactions"].column("amount").low is None
    nps = TABLES["surveys"].column("nps")
    assert (nps.kind, nps.low, nps.high) == ("integer", 0, 10)


def test_a_column_that_a_table_does_not_have_is_named():
    with pytest.raises(ValueError, match="`name` must be a column of transactions, got 'amuont'; did you mean amount?"):
        TABLES["transactions"].column("amuont")


def test_only_contracts_take_further_columns():
    assert [name for name, table in TABLES.items() if table.any_columns] == ["contracts"]


def test_suggestion():
    assert suggestion("amuont", ["amount", "date"]) == "; did you mean amount?"
    assert suggestion("zzz", ["date", "amount"]) == "; known: amount, date"
    assert suggestion("zzz", []) == ""


def test_input_error_shows_only_its_message():
    assert str(InputError("params/acme.yaml: unknown key")) == "params/acme.yaml: unknown key"
