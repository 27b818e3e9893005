import logging
import sqlite3
import stat
import traceback
from urllib.parse import quote

import pandas as pd
import pytest

from crmlab import data, sources
from crmlab.contract import InputError
from crmlab.params import load_params
from crmlab.reading import staging
from tests import postgres
from tests.reading import HEAD, read

ORDERS = "SELECT * FROM orders"


@pytest.fixture
def shop(small):
    """A SQLite file whose cells hold what SQLite lets them hold."""
    path = small.root / "data/acme/shop.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (customer_id INTEGER, date TEXT, amount NUMERIC, status TEXT)")
        rows = [(1, "2024-01-01", 5.125, "paid"), (2, "2024-02-01", 7, "cancelled"), (3, "2024-03-31", "x", None)]
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    database.close()
    return small


def queried(small, form, source="data/acme/shop.sqlite", table="transactions"):
    params = f"{HEAD}data:\n  {table}: {{source: '{source}', {form}}}\n"
    return read(small, params=params, table=table)


def test_a_query_of_a_sqlite_file(shop):
    frame, quality = queried(shop, f"query: {ORDERS}")
    assert frame["customer_id"].tolist() == ["1", "2"]
    assert frame["amount"].tolist() == [5.125, 7]
    assert quality.files == ("data/acme/shop.sqlite",)
    assert str(quality.examples[0]) == "data/acme/shop.sqlite: row 3: amount: must be a number, got 'x'"


def test_what_is_said_of_a_table_holds_for_queries_too(shop):
    query = "SELECT customer_id AS Kunde, date, amount, status FROM orders"
    columns = "columns: {amount: {formula: amount * 2}, customer_id: Kunde}"
    frame, quality = queried(shop, f"query: '{query}', {columns}, keep: status != 'cancelled'")
    assert (frame["amount"].tolist(), quality.filtered, quality.rejected) == ([10.25], 1, 1)


def test_a_sqlite_file_is_only_read(shop):
    before = (shop.root / "data/acme/shop.sqlite").read_bytes()
    with pytest.raises(InputError, match="transactions.query cannot be run: it must be one SELECT, which reads"):
        queried(shop, "query: DELETE FROM orders RETURNING *")
    assert (shop.root / "data/acme/shop.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM order_s", "query cannot be run: no such table: order_s"),
        ("SELEC 1", "query cannot be run: near .SELEC."),
        ("SELECT 1; SELECT 2", "query cannot be run: You can only execute one statement at a time"),
        ("PRAGMA user_version = 3", "query cannot be run|must be one SELECT"),
        ("SELECT 1 AS a, 2 AS A", "the header names A twice"),
        ("SELECT * FROM orders WHERE amount < 0", "holds no rows"),
    ],
)
def test_a_query_that_cannot_be_run(shop, query, message):
    with pytest.raises(InputError, match=message):
        queried(shop, f'query: "{query}"')


def test_a_file_that_is_no_database(small):
    small.write("data/acme/shop.sqlite", "no database" * 100)
    with pytest.raises(InputError, match="shop.sqlite: .* file is not a database"):
        queried(small, f"query: {ORDERS}")


def test_the_fingerprint_of_a_sqlite_file_holds_what_is_not_yet_written_into_it(shop):
    params = load_params(shop.project, "acme")
    shop.write(
        "params/acme.yaml", f"{HEAD}data: {{transactions: {{source: data/acme/shop.sqlite, query: {ORDERS}}}}}\n"
    )
    files = sources.source_files(load_params(shop.project, "acme"), "transactions", shop.project)
    before = sources.fingerprint(files)
    with sqlite3.connect(files[0]) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.commit()
        settled = sources.fingerprint(files)
        database.execute("INSERT INTO orders VALUES (9, '2024-01-01', 1, 'paid')")
        database.commit()
        assert len({before, settled, sources.fingerprint(files)}) == 3
    database.close()
    assert params.data["transactions"].query is None


def test_rows_come_in_batches(shop, monkeypatch):
    monkeypatch.setattr(staging, "BATCH", 2)
    assert queried(shop, f"query: {ORDERS}")[1].rows == 3


@pytest.fixture(scope="module")
def server():
    """The URL of a PostgreSQL of the tests' own."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    if why := postgres.missing():
        pytest.skip(why)
    with postgres.cluster() as url:
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect().execution_options(no_parameters=True) as database:
            database.exec_driver_sql(
                "CREATE TABLE orders (customer_id bigint, date timestamptz, amount numeric(12, 3), "
                "price double precision, day date, paid boolean, note text, id uuid DEFAULT gen_random_uuid())"
            )
            database.exec_driver_sql(
                "INSERT INTO orders VALUES "
                "(1, '2024-01-01 20:00+00', 1.125, 12.5, '2024-01-01', true, '100% 甲', DEFAULT), "
                "(2, '2024-02-01 03:00+00', 1234.5, 0.1, '2024-02-01', false, 'a:b', DEFAULT), "
                "(NULL, '2024-02-01 03:00+00', 3, NULL, NULL, NULL, NULL, DEFAULT)"
            )
            database.exec_driver_sql(
                "CREATE TABLE many AS SELECT n % 1000 AS customer_id, DATE '2024-01-01' + (n % 300) AS date, "
                "n AS amount FROM generate_series(1, 100000) AS n"
            )
            database.exec_driver_sql("CREATE SEQUENCE counter")
            database.commit()
        engine.dispose()
        yield url


@pytest.fixture
def warehouse(small, server, monkeypatch):
    monkeypatch.setenv("CRM_DB_URL", server)
    return small


def asked(small, query, form="", **options):
    return queried(small, f'query: "{query}"' + (f", {form}" if form else ""), source="${CRM_DB_URL}", **options)


def test_a_query_of_postgresql(warehouse):
    frame, quality = asked(warehouse, ORDERS)
    assert frame["customer_id"].tolist() == ["1", "2"]
    assert frame["amount"].tolist() == [1.125, 1234.5]
    assert frame["date"].iloc[0] == pd.Timestamp("2024-01-01 20:00")
    assert [str(each) for each in quality.examples] == [
        "query of ${CRM_DB_URL}: row 3: customer_id: must not be empty, got ''"
    ]


def test_signs_that_drivers_take_for_placeholders_are_part_of_the_query(warehouse):
    frame, _ = asked(warehouse, "SELECT *, note AS product FROM orders WHERE note LIKE '100%' OR note = 'a:b'")
    assert frame["product"].tolist() == ["100% 甲", "a:b"]


def test_types_of_postgresql_are_computed_with(warehouse):
    form = "columns: {date: day, amount: {formula: price * 2}}, keep: paid"
    frame, quality = asked(warehouse, "SELECT customer_id, day, price, paid FROM orders WHERE paid IS NOT NULL", form)
    assert (frame["amount"].tolist(), quality.filtered) == ([25], 1)


def test_many_rows_are_streamed(warehouse, monkeypatch):
    fetched = []
    whole = staging._as_table

    def watched(batch, schema, others):
        fetched.append(len(batch))
        return whole(batch, schema, others)

    monkeypatch.setattr(staging, "_as_table", watched)
    frame, quality = asked(warehouse, "SELECT * FROM many")
    assert (quality.rows, frame["amount"].sum()) == (100_000, 100_000 * 100_001 // 2)
    assert fetched == [20_000] * 5


def test_a_session_only_reads(warehouse):
    with pytest.raises(InputError, match=r"cannot execute nextval\(\) in a read-only transaction"):
        asked(warehouse, "SELECT nextval('counter')")
    with pytest.raises(InputError, match="syntax error at or near .DELETE.$"):
        asked(warehouse, "DELETE FROM orders RETURNING *")
    assert asked(warehouse, ORDERS)[1].rows == 3


SECRET = postgres.PASSWORD


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://reader:{quote(SECRET, safe='')}@127.0.0.1:1/crm?connect_timeout=2",
        f"postgresql://reader:{SECRET}@127.0.0.1:1/crm?connect_timeout=2",
        f"postgresql://127.0.0.1:1/crm?user=reader&password={quote(SECRET, safe='')}&connect_timeout=2",
        f"postgresql+psycopg://reader:{quote(SECRET, safe='')}@[::1/crm",
        f"nosuchdb://reader:{quote(SECRET, safe='')}@host/crm",
        f"reader:{SECRET}@host",
        f"oracle://reader:{quote(SECRET, safe='')}@host/crm",
        f"sqlite:////nowhere/{quote(SECRET, safe='')}.db?token={quote(SECRET, safe='')}",
    ],
)
def test_no_error_shows_what_is_secret(small, monkeypatch, caplog, capfd, url):
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("CRM_DB_URL", url)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InputError, match="data.transactions: the database cannot be read") as caught:
        asked(small, ORDERS)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + "".join(capfd.readouterr())
    for secret in (SECRET, quote(SECRET, safe=""), SECRET.split("/")[0], SECRET.rsplit("@")[-1]):
        assert secret not in told
    assert len(str(caught.value).splitlines()) == 1


def test_a_wrong_password_is_told_without_it(small, server, monkeypatch):
    wrong = server.replace(quote(SECRET, safe=""), "wr0ng-s3cret")
    monkeypatch.setenv("CRM_DB_URL", wrong)
    with pytest.raises(InputError, match="password authentication failed for user") as caught:
        asked(small, ORDERS)
    assert "wr0ng" not in "".join(traceback.format_exception(caught.value))


def test_a_query_that_the_database_refuses(warehouse):
    with pytest.raises(
        InputError, match='data.transactions: the database cannot be read: relation "order_s" does not exist'
    ):
        asked(warehouse, "SELECT * FROM order_s")


def test_what_gives_no_rows_is_no_query(small, monkeypatch):
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("CRM_DB_URL", "sqlite://")
    with pytest.raises(InputError, match="data.transactions.query: must be one SELECT"):
        asked(small, "CREATE TABLE t (x)")


def test_the_variable_must_be_set(small, monkeypatch):
    monkeypatch.delenv("CRM_DB_URL", raising=False)
    with pytest.raises(InputError, match="transactions.source: the variable CRM_DB_URL is not set in the environment"):
        asked(small, ORDERS)


def test_a_database_has_no_files(warehouse):
    asked(warehouse, ORDERS)
    params = load_params(warehouse.project, "acme")
    assert sources.source_files(params, "transactions", warehouse.project) == []
    assert sources.is_queried(params.data["transactions"])


def test_a_run_asks_once_and_all_its_reports_read_the_same(warehouse, monkeypatch, tmp_path):
    asked(warehouse, "SELECT * FROM orders ORDER BY amount")
    params = load_params(warehouse.project, "acme")
    folder = tmp_path / "snapshots"
    folder.mkdir()
    connection = data.connect()
    taken = sources.snapshots(connection, params, "transactions", folder)
    assert taken == sources.snapshots(connection, params, "transactions", folder) and len(taken) == 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.[jp]*")} == {0o600}
    monkeypatch.setenv("CRMLAB_SNAPSHOTS", str(folder))
    monkeypatch.delenv("CRM_DB_URL")
    frame, quality = asked(warehouse, "SELECT * FROM orders ORDER BY amount")
    assert frame["amount"].tolist() == [1.125, 1234.5]
    assert [str(each) for each in quality.examples] == [
        "query of ${CRM_DB_URL}: row 2: customer_id: must not be empty, got ''"
    ]
    with pytest.raises(InputError, match="the variable CRM_DB_URL is not set"):
        asked(warehouse, "SELECT * FROM orders")


def test_the_fingerprint_of_a_query_is_that_of_its_rows_in_any_order(warehouse, tmp_path):
    def fingerprint(query):
        asked(warehouse, query)
        return sources.snapshots(data.connect(), load_params(warehouse.project, "acme"), "transactions", tmp_path)

    first = fingerprint("SELECT * FROM orders ORDER BY amount")
    assert first == fingerprint("SELECT * FROM orders ORDER BY amount DESC")
    assert first != fingerprint(
        "SELECT customer_id, date, amount + 1 AS amount, price, day, paid, note, id FROM orders"
    )
    assert first != fingerprint("SELECT * FROM orders UNION ALL SELECT * FROM orders")
