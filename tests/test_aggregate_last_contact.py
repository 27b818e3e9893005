import narwhals as nw
import pandas as pd

from crmlab.aggregate.last_contact import last_contact

CASES = pd.DataFrame(
    {
        "customer_id": ["A", "A", "B", "C"],
        "opened_at": pd.to_datetime(["2024-01-05 23:59", "2024-02-01 08:00", "2024-01-01 00:00", "2024-04-01 00:01"]),
    }
)
ANSWERS = pd.DataFrame(
    {"customer_id": ["B", None, "D"], "date": pd.to_datetime(["2024-03-01", "2024-03-05", "2023-12-31"])}
)


def found(**tables):
    rows = last_contact(until="2024-03-31", **tables)
    return dict(zip(rows["customer_id"], rows["last_contact"].dt.strftime("%Y-%m-%d"), strict=True))


def test_the_latest_of_all_tables_up_to_the_day_counts():
    assert found(interactions=CASES) == {"A": "2024-02-01", "B": "2024-01-01"}
    assert found(interactions=CASES, surveys=ANSWERS) == {"A": "2024-02-01", "B": "2024-03-01", "D": "2023-12-31"}


def test_engines_agree():
    import duckdb

    connection = duckdb.connect()
    connection.register("cases", CASES)
    connection.register("answers", ANSWERS)
    lazy = {"interactions": nw.from_native(connection.table("cases")), "surveys": connection.table("answers")}
    assert found(**lazy) == found(interactions=CASES, surveys=ANSWERS)


def test_the_last_day_counts_to_its_end():
    late = CASES.assign(opened_at=pd.Timestamp("2024-03-31 23:59:59"))
    assert set(found(interactions=late).values()) == {"2024-03-31"}


def test_no_table_and_no_row():
    assert last_contact(until="2024-03-31").columns.tolist() == ["customer_id", "last_contact"]
    assert found() == {}
    assert found(transactions=ANSWERS.head(0)) == {}
