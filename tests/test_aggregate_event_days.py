"""First and last event, alike on two engines."""

from datetime import datetime

import duckdb
import pandas as pd

from crmlab.aggregate.event_days import event_days

ROWS = pd.DataFrame({"date": pd.to_datetime(["2024-01-05 10:00", "2024-03-01", "2024-02-01", None], format="mixed")})


def engines():
    connection = duckdb.connect()
    connection.register("rows", ROWS)
    return ROWS, connection.sql("select * from rows")


def test_first_and_last_before_a_moment():
    for table in engines():
        found = event_days(table, "date", before=datetime(2024, 3, 1))
        # a row without a date is not before any moment
        assert (str(found.first), str(found.last)) == ("2024-01-05 10:00:00", "2024-02-01 00:00:00")
        assert found.later_rows == 2
        assert event_days(table, "date").last == pd.Timestamp("2024-03-01")


def test_nothing_before_it():
    for table in engines():
        found = event_days(table, "date", before=datetime(2023, 1, 1))
        assert pd.isna(found.first) and found.later_rows == 4
