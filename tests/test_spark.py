"""A real Spark session of two workers: aggregates as on DuckDB, tables opened and checked as on DuckDB.

All that starts Spark stands in this file, so that it starts once. The process lives in New York, where clocks change,
and Spark's rows stand in another order than DuckDB's: neither may show.
"""

import shutil
import time
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlab import data
from crmlab.contract import InputError
from crmlab.params import load_params
from tests.conftest import BASE
from tests.test_aggregate_engines import CASES, assert_same, in_duckdb, tables

pytest.importorskip("pyspark", reason="PySpark is not installed: pip install crmlab[spark]")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java 17 or 21, which is not on the path", allow_module_level=True)

from pyspark.errors import PySparkException

from crmlab import spark

# small tables: no time for compiling plans, nor for empty parts
QUICK = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
# `customers_at_risk` at several days, which is here itself: its plan alone takes as long as a third of the others
LEFT_OUT = {"hazard_data"}
LENIENT = BASE.replace("transactions.csv", "transactions*.parquet") + "max_rejected: 1\n"


@pytest.fixture(scope="module")
def session():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRMLAB_SPARK", "local[2]")
        # the machine of Java lives too briefly for its best code to pay
        patch.setenv("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        started = spark.connect()
        for name, value in QUICK.items():
            started.conf.set(name, value)
        yield started
        started.stop()
    time.tzset()


@pytest.mark.timeout(600)
def test_every_aggregate_gives_what_duckdb_gives(session, subtests):
    frames = tables()
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in frames.items()}
    native = {name: session.createDataFrame(frame).repartition(2).cache() for name, frame in shuffled.items()}
    assert [kind for kind in native["transactions"].dtypes if kind[0] == "date"] == [("date", "timestamp_ntz")]
    wanted = in_duckdb(frames)
    for name, case in CASES.items():
        if name in LEFT_OUT:
            continue
        with subtests.test(name):
            assert_same(case(native), case(wanted), name)


def both(small, session, params=LENIENT, table="transactions"):
    """Rows and counts of a table on either engine, or what each says is wrong."""
    small.write("params/acme.yaml", params)
    checked = load_params(small.project, "acme")
    found = []
    for module, engine in ((data, data.connect()), (spark, session)):
        try:
            native, quality = module.open_table(engine, checked, table, small.project)
        except InputError as error:
            found.append(str(error))
            continue
        rows = native.to_arrow_table() if module is data else native.toArrow()
        frame = rows.to_pandas()
        found.append((frame.sort_values(list(frame), ignore_index=True), quality))
    return found


def assert_equal(small, session, params=LENIENT, table="transactions"):
    (wanted, quality), (found, same) = both(small, session, params, table)
    assert_frame_equal(found, wanted)
    assert same == quality
    return found, quality


def parquet(small, frame: pd.DataFrame, name="transactions"):
    frame.to_parquet(small.write(f"data/acme/{name}.parquet", ""))


def test_texts_are_read_and_rejected_alike(small, session):
    dates = [
        "2024-03-10 02:30",
        "2024-03-10T02:30:00-05:00",
        "x",
        "2024/3/5",
        "2024-02-30",
        "2024年3月5日",
        None,
        "5/3/2024",
    ]
    amounts = ["1", "1_5", "3", "４", "1e3", "inf", "5", " 6 "]
    ids = ["a", "b", "c", "", "d\u3000", "e", "f", "g"]
    parquet(small, pd.DataFrame({"customer_id": ids, "date": dates, "amount": amounts}))
    found, quality = assert_equal(small, session)
    assert quality.rejected == 8 - len(found) > 3
    assert [rejection.row for rejection in quality.examples] == sorted(r.row for r in quality.examples)


def test_the_way_of_a_column_shows_in_all_its_parts(small, session):
    # 1.234 alone could be a thousand; that a comma stands before cents shows in another file
    for at, amounts in enumerate((["1.234", "2"], ["12,50", "3.000,75"])):
        frame = pd.DataFrame({"customer_id": ["a", "b"], "date": ["2024-01-05", "13/02/2024"], "amount": amounts})
        parquet(small, frame, f"transactions{at}")
    found, quality = assert_equal(small, session)
    assert sorted(found["amount"]) == [2.0, 12.5, 1234.0, 3000.75]
    assert found["date"].max() == datetime(2024, 2, 13) and not quality.rejected


@pytest.mark.parametrize("timezone", ["America/New_York", "Asia/Shanghai"])
def test_moments_come_in_the_clients_time(small, session, timezone):
    # half past one comes twice on 3 November in New York, half past two never on 10 March
    moments = pd.to_datetime(["2024-03-10 06:30", "2024-03-10 07:30", "2024-11-03 05:30", "2024-11-03 06:30"])
    frame = pd.DataFrame({"customer_id": list("abcd"), "amount": [1.0, 2.0, np.inf, np.nan]})
    zoned, plain = moments.tz_localize("UTC").as_unit("us"), pd.to_datetime(["2024-03-10 02:30"] * 4)
    for unit in ("us", "ns"):
        parquet(small, frame.assign(date=zoned if unit == "us" else plain.as_unit(unit)))
        assert_equal(small, session, LENIENT + f"timezone: {timezone}\n")
    if timezone == "America/New_York":
        parquet(small, frame.assign(date=zoned, amount=1.0))
        found, _quality = assert_equal(small, session, LENIENT + f"timezone: {timezone}\n")
        hours = found["date"].dt.strftime("%m-%d %H:%M").tolist()
        assert hours == ["03-10 01:30", "03-10 03:30", "11-03 01:30", "11-03 01:30"]


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_moments_to_the_nanosecond_never_become_the_next_day(small, session, zone):
    moments = pd.to_datetime(["2024-03-10 15:59:59.999999999", "1969-12-31 23:59:59.999999999", None])
    frame = pd.DataFrame({"customer_id": list("abc"), "date": moments.tz_localize(zone), "amount": [1.0, 2.0, 3.0]})
    parquet(small, frame)
    found, quality = assert_equal(small, session, LENIENT + "timezone: Asia/Shanghai\n")
    hours = ["2024-03-10 23", "1970-01-01 07"] if zone else ["2024-03-10 15", "1969-12-31 23"]
    assert found["date"].tolist() == [pd.Timestamp(f"{hour}:59:59.999999") for hour in hours]
    assert quality.rejected == 1


def test_files_with_drifting_columns_and_odd_names(small, session):
    first = pd.DataFrame({"customer_id": ["a"], "date": [datetime(2024, 1, 1)], "amount": [1.0]})
    parquet(small, first, "transactions [1] é+b")
    parquet(small, first.assign(margin=0.5, amount=np.inf), "transactions 2")
    parquet(small, first.assign(margin=np.inf), "transactions 3")
    _found, quality = assert_equal(small, session)
    assert quality.lacking == {"margin": 1} and [r.row for r in quality.examples] == [1, 1]
    parquet(small, first.drop(columns="amount"), "transactions 4")
    wanted, found = both(small, session)
    assert found == wanted and "transactions 4.parquet has no column amount" in found


def test_later_repeats_are_rejected(small, session):
    ids, treated = ["a", "b", "a", "c", "a", "", "a"], ["maybe", "no", "1", "0", "yes", "yes", "no"]
    parquet(small, pd.DataFrame({"customer_id": ids, "treated": treated}), "exposure")
    found, quality = assert_equal(small, session, LENIENT.replace("transactions", "exposure"), "exposure")
    assert found["customer_id"].tolist() == ["a", "b", "c"] and quality.rejected == 4


def test_covariates_that_are_numbers_become_numbers(small, session):
    days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
    frame = pd.DataFrame({"customer_id": list("abc"), "start": days, "end": [None, days[1], days[0]]})
    frame = frame.assign(plan=["x", "", "y"], seats=["1", " 2", ""], big=[1, 2, 3], flag=[True, False, None], when=days)
    parquet(small, frame.assign(**{"a 'b' c": [1.5, 2.5, 3.5]}), "contracts")
    found, quality = assert_equal(small, session, LENIENT.replace("transactions", "contracts"), "contracts")
    assert found["seats"].tolist() == [1.0, 2.0] and quality.rejected == 1


def test_what_yaml_says_of_a_table_holds(small, session):
    frame = pd.DataFrame({"who": list("abcd"), "day": ["2024-01-01"] * 4, "quantity": [1, 2, None, 4.0]})
    parquet(small, frame.assign(price=["2", "2.5", "1", "x"], status=["ok", "cancelled", "ok", "ok"]))
    columns = "customer_id: who, date: day, amount: {formula: quantity * price}"
    params = LENIENT.replace(".parquet}", f".parquet, columns: {{{columns}}}, keep: status != 'cancelled'}}")
    found, quality = assert_equal(small, session, params)
    assert (found["amount"].tolist(), quality.filtered, quality.rejected) == ([2.0], 1, 2)


def test_other_files_are_read_here_and_handed_over(small, session):
    small.write("data/acme/surveys.csv", "date,nps\n2024-01-01,9\n2024-01-01,11\n")
    params = BASE.replace("transactions", "surveys") + "max_rejected: 1\n"
    _found, quality = assert_equal(small, session, params, "surveys")
    assert (quality.rows, quality.rejected) == (2, 1)


def test_a_table_of_the_catalogue(small, session):
    frame = pd.DataFrame({"customer_id": ["a", ""], "date": [datetime(2024, 1, 1)] * 2, "amount": [1.0, 2.0]})
    session.createDataFrame(frame).createOrReplaceTempView("orders")
    small.write("params/acme.yaml", LENIENT)
    checked = load_params(small.project, "acme")
    form = checked.data["transactions"].model_copy(update={"source": "table://orders"})
    checked = replace(checked, data={"transactions": form})
    native, quality = spark.open_table(session, checked, "transactions", small.project)
    assert native.count() == 1 and (quality.files, quality.rows, quality.rejected) == (("orders",), 2, 1)


@pytest.mark.parametrize(
    "content, message",
    [(b"no Parquet", "transactions.parquet: cannot be read as Parquet"), (None, "all 2 rows of transactions break")],
)
def test_tables_that_cannot_be_used_are_named(small, session, content, message):
    parquet(small, pd.DataFrame({"customer_id": ["", ""], "date": ["2024-01-01"] * 2, "amount": [1.0, 2.0]}))
    if content:
        small.write("data/acme/transactions.parquet", content)
    _wanted, found = both(small, session)
    assert message in found


def test_an_address_is_never_shown(monkeypatch):
    def refuse(address):
        raise PySparkException(f"{address} does not answer")

    monkeypatch.setenv("CRMLAB_SPARK", "sc://nowhere;token=hush")
    monkeypatch.setattr(spark.session, "_session", refuse)
    with pytest.raises(InputError, match="engine: spark needs .* Java 17") as caught:
        spark.connect()
    assert "hush" not in str(caught.value)
