import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlab
from crmlab.aggregate.customer_answers import customer_answers

COLUMNS = ["customer_id", "answers", "last_on", "last_nps", "nps_before", "last_csat", "csat_before"]


def surveys(rows):
    frame = pd.DataFrame(rows, columns=["date", "customer_id", "nps", "csat"])
    types = {"customer_id": object, "nps": float, "csat": float}
    return frame.astype(types).assign(date=pd.to_datetime(frame["date"], format="ISO8601"))


def told(rows, **options):
    return customer_answers(surveys(rows), **({"until": "2024-12-31"} | options)).set_index("customer_id")


THREE = [("2024-01-05", "a", 9, 5), ("2024-03-05", "a", 10, None), ("2024-05-05", "a", 4, 2), ("2024-02-01", "b", 7, 3)]


def test_the_last_answer_and_the_mean_of_those_before():
    found = told(THREE)
    assert list(found.reset_index()) == COLUMNS
    a, b = found.loc["a"], found.loc["b"]
    assert (a["answers"], a["last_on"]) == (3, pd.Timestamp("2024-05-05"))
    assert (a["last_nps"], a["nps_before"], a["last_csat"], a["csat_before"]) == (4, 9.5, 2, 5)
    assert (b["answers"], b["last_nps"]) == (1, 7)
    assert np.isnan(b["nps_before"]) and np.isnan(b["csat_before"])


def test_each_question_has_its_own_last_answer():
    found = told([("2024-01-05", "a", 9, None), ("2024-02-05", "a", None, 3)]).loc["a"]
    assert (found["answers"], found["last_nps"], found["last_csat"]) == (2, 9, 3)
    assert np.isnan(found["nps_before"])


def test_of_one_day_the_last_counts_and_at_one_time_the_lowest():
    day = [("2024-01-05 09:00", "a", 3, None), ("2024-01-05 17:00", "a", 8, None)]
    assert told(day).loc["a", "last_nps"] == 8
    assert told([*day, ("2024-01-05 17:00", "a", 6, None)]).loc["a", ["answers", "last_nps"]].tolist() == [1, 6]
    assert told([("2024-01-05", "a", 9, None), ("2024-01-05", "a", 0, None)]).loc["a", "last_nps"] == 0


def test_later_answers_and_those_of_nobody_do_not_matter():
    later = [("2025-01-01", "a", 0, 1), ("2024-03-01", None, 0, 1)]
    pd.testing.assert_frame_equal(told([*THREE, *later]), told(THREE))
    assert len(told([*THREE, ("2024-12-31 23:59", "c", 1, 1)])) == 3


def test_invitations_are_no_answers_and_nor_is_what_the_scale_lacks():
    assert told([("2024-01-05", "a", None, None), ("2024-01-06", "a", None, 9)]).empty
    assert told([("2024-01-06", "a", None, 90)], csat_scale=(0, 100)).loc["a", "last_csat"] == 90


def test_no_rows_and_missing_columns():
    assert list(customer_answers(surveys([]), until="2024-12-31")) == COLUMNS
    only = surveys(THREE).drop(columns="csat")
    assert customer_answers(only, until="2024-12-31")["last_csat"].isna().all()
    assert customer_answers(surveys(THREE).drop(columns="customer_id"), until="2024-12-31").empty
    with pytest.raises(ValueError, match="`csat_scale` must be the lowest and the highest answer"):
        told(THREE, csat_scale=(5, 1))


ROW = st.tuples(
    st.sampled_from(["2024-01-05", "2024-01-05 10:30", "2024-06-01", "2024-07-01 08:00", "2025-02-01"]),
    st.sampled_from(["a", "b", None]),
    st.none() | st.integers(0, 10),
    st.none() | st.sampled_from([1, 2.5, 3, 5]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROW, max_size=12), st.randoms(use_true_random=False))
def test_order_and_engine_do_not_matter(rows, chance):
    frame = surveys(rows)
    shuffled = surveys(chance.sample(rows, len(rows)))
    found = customer_answers(frame, until="2024-12-31")
    pd.testing.assert_frame_equal(found, customer_answers(shuffled, until="2024-12-31"))
    with duckdb.connect() as connection:
        lazy = nw.from_native(connection.from_df(frame.astype({"customer_id": "str"}) if frame.empty else frame))
        pd.testing.assert_frame_equal(found, customer_answers(lazy, until="2024-12-31"), check_dtype=not found.empty)


def test_xinglin_as_pandas_counts_it(example):
    client = crmlab.open("xinglin")
    found = customer_answers(client.table("surveys"), until=client.as_of).set_index("customer_id")
    rows = client.table("surveys").collect().to_pandas().dropna(subset=["nps", "csat"], how="all")
    rows = rows.dropna(subset="customer_id").sort_values("date")
    days = rows.assign(day=rows["date"].dt.normalize()).groupby(["customer_id", "day"], sort=True)["nps"].min()
    assert found["answers"].sum() == len(days)
    last = days.dropna().groupby("customer_id").last()
    pd.testing.assert_series_equal(
        found["last_nps"].dropna(), last.astype(float), check_names=False, check_index_type=False
    )
