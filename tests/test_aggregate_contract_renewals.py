"""Terms renewed and ended: by hand, against a plain reference, and alike on two engines."""

from datetime import date

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlab.aggregate.contract_renewals import contract_renewals

UNTIL = date(2024, 12, 31)


def contracts(*rows, renewals=None) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end"])
    frame = frame.assign(start=pd.to_datetime(frame["start"]), end=pd.to_datetime(frame["end"]))
    return frame if renewals is None else frame.assign(renewals=renewals)


def counted(frame, **options) -> dict:
    found = contract_renewals(frame, until=UNTIL, **options)
    return {(row.renewed, row.ended): row.customers for row in found.itertuples()}


YEARLY = contracts(
    ("a", "2022-01-01", "2022-12-31"), ("a", "2023-01-01", "2023-12-31"), ("a", "2024-01-01", "2024-12-31"),
    ("b", "2022-01-01", "2022-12-31"), ("b", "2023-06-01", "2024-05-31"),
    ("c", "2024-03-01", None),
)  # fmt: skip


def test_a_term_is_renewed_by_the_contract_that_follows_it():
    # a: two of the terms that ended were renewed, the third still runs; b: a gap of five months; c: none has ended
    assert counted(YEARLY) == {(2, 0): 1, (0, 2): 1}
    assert counted(YEARLY, gap_days=200) == {(2, 0): 1, (1, 1): 1}


def test_the_column_renewals_counts_too():
    frame = contracts(("a", "2022-01-01", None), ("b", "2022-01-01", "2024-06-30"), renewals=[5, None])
    assert counted(frame) == {(5, 0): 1, (0, 1): 1}


def test_later_contracts_are_not_known_yet():
    frame = contracts(("a", "2023-01-01", "2023-12-31"), ("a", "2024-01-01", None))
    assert contract_renewals(frame, until=date(2023, 12, 31)).empty
    found = contract_renewals(frame, until=date(2024, 1, 1))
    assert found.to_dict("records") == [{"renewed": 1, "ended": 0, "customers": 1}]


def test_engines_agree():
    connection = duckdb.connect()
    connection.register("frame", YEARLY)
    assert_frame_equal(
        contract_renewals(YEARLY, until=UNTIL), contract_renewals(connection.sql("select * from frame"), until=UNTIL)
    )


def test_misuse_is_named():
    with pytest.raises(ValueError, match="`gap_days` must be at least 0, got -1"):
        counted(YEARLY, gap_days=-1)
    with pytest.raises(ValueError, match="missing: end"):
        counted(YEARLY.drop(columns="end"))
