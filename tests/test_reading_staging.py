from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import duckdb
import pytest

from crmlab.reading.numbers import Written
from crmlab.reading.staging import stage, text_of


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (7, "7"), (7.0, "7"), (12.5, "12.5e0"), (1e20, "1e+20"), (1e-7, "1e-07"), (Decimal("1.230"), "1.230e0"),
        (Decimal(5), "5"), (True, "true"), ("a", "a"), (date(2024, 3, 5), "2024-03-05"),
        (datetime(2024, 3, 5, 10, 30), "2024-03-05 10:30:00"), (b"\x01\xff", "01ff"), (timedelta(hours=1), "1:00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"), ("\ud800", "?"),
    ],
)  # fmt: skip
def test_a_cell_is_the_text_that_a_file_would_hold(cell, text):
    assert text_of(cell) == text


@pytest.mark.parametrize("cell", [0.1, -1234.567, 1.234, 1e300, 5e-324, 123456789012345680.0, -0.5, Decimal("1.234")])
@pytest.mark.parametrize("way", [".", ",", "unclear", "plain"])
def test_a_number_is_read_back_as_it_was_in_every_way_of_writing(cell, way):
    sql = Written(way).number("x")
    assert duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS x)", [text_of(cell)]).fetchall() == [(float(cell),)]


def test_columns_of_numbers_alone_are_known_as_such():
    connection = duckdb.connect()
    rows = [(2, (1, None, 5, date(2024, 1, 1))), (4, (2.5, None, "x", date(2024, 1, 2))), (5, (None, None, None, None))]
    opened = stage(connection, rows, ["a", "b", "c", "d"], name="t", table="t")
    assert opened.types == {"a": "DOUBLE", "b": "DOUBLE", "c": "VARCHAR", "d": "VARCHAR"}
    assert connection.execute(f"SELECT {opened.row}, a, c, d FROM {opened.reader}").fetchall() == [
        (2, "1", "5", "2024-01-01"), (4, "2.5e0", "x", "2024-01-02"), (5, None, None, None)
    ]  # fmt: skip
    assert connection.execute(f"SELECT {opened.raw('a')} FROM {opened.reader}").fetchall()[1] == ("2.5",)


def test_no_rows_are_a_table_without_rows():
    connection = duckdb.connect()
    opened = stage(connection, [], ["a"], name="t", table="t")
    assert connection.execute(f"SELECT count(*) FROM {opened.reader}").fetchall() == [(0,)]
