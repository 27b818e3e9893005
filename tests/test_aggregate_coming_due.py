import duckdb
import narwhals as nw
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlab
from crmlab.aggregate.coming_due import contracts_ending, payments_due, stalled_opportunities
from crmlab.aggregate.payments import payment_summary
from crmlab.aggregate.year_before import same_months_a_year_before

DAY = "2024-03-31"


def frame(columns, rows):
    found = pd.DataFrame(rows, columns=columns)
    days = [name for name in columns if name.endswith("_on") or name in ("start", "end", "date")]
    return found.assign(**{name: pd.to_datetime(found[name], format="ISO8601") for name in days})


def payments(*rows):
    columns = ["customer_id", "due_on", "amount", "paid_on", "paid_amount", "milestone"]
    return frame(columns, rows).astype(
        {"amount": float, "paid_amount": float, "customer_id": object, "milestone": object}
    )


def due(*rows, **options):
    return payments_due(payments(*rows), **({"until": DAY} | options))


def test_overdue_and_coming_instalments_by_customer_and_day():
    found = due(
        ("a", "2024-03-01", 100, None, None, "delivery"),
        ("a", "2024-04-15", 50, None, None, "acceptance"),
        ("a", "2024-04-15", 30, None, None, None),
        ("b", "2024-03-31", 70, None, None, None),
        ("b", "2024-04-30", 70, None, None, None),
        ("b", "2024-05-01", 70, None, None, None),
    )
    assert found["customer_id"].tolist() == ["a", "a", "b", "b"]
    assert found["amount"].tolist() == [100, 80, 70, 70]
    assert found["rows"].tolist() == [1, 2, 1, 1]
    assert found["days"].tolist() == [-30, 15, 0, 30]
    assert found["milestone"].tolist() == ["delivery", "acceptance", None, None]


def test_what_was_paid_is_not_due_and_what_is_paid_later_is():
    found = due(
        ("paid", "2024-03-01", 100, "2024-03-05", 100, None),
        ("paid", "2024-03-02", 100, "2024-03-05", None, None),
        ("paid", "2024-03-03", 100, "2024-03-05", 99.5, None),
        ("part", "2024-03-01", 100, "2024-03-05", 40, None),
        ("part", "2024-03-02", 100, None, 10, None),
        ("later", "2024-03-01", 100, "2024-04-01", 100, None),
        ("nothing", "2024-03-01", 0, None, None, None),
    )
    assert found["customer_id"].tolist() == ["later", "part", "part"]
    assert found["amount"].tolist() == [100, 60, 90]


def test_columns_that_may_be_missing_and_those_that_may_not():
    found = payments_due(
        payments(("a", "2024-03-01", 9, None, None, None))[["customer_id", "due_on", "amount"]], until=DAY
    )
    assert found["amount"].tolist() == [9]
    with pytest.raises(
        ValueError, match="`payments` must have the columns customer_id, due_on, amount; missing: due_on"
    ):
        payments_due(pd.DataFrame({"customer_id": ["a"], "amount": [1.0]}), until=DAY)
    with pytest.raises(ValueError, match="`within_days` must be 0 or more, got -1"):
        due(within_days=-1)
    assert due().empty


INSTALMENT = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["2024-01-10", "2024-03-30", "2024-03-31", "2024-04-20", "2025-01-01"]),
    st.integers(0, 500),
    st.none() | st.sampled_from(["2024-01-09", "2024-03-31", "2024-04-02"]),
    st.none() | st.integers(0, 500),
    st.none() | st.just("delivery"),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(INSTALMENT, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_and_engine_do_not_matter_and_overdue_is_that_of_the_summary(rows, chance):
    found = due(*rows)
    pd.testing.assert_frame_equal(found, due(*chance.sample(rows, len(rows))))
    with duckdb.connect() as connection:
        connection.register("rows", payments(*rows))
        lazy = connection.sql("SELECT * REPLACE (milestone::VARCHAR AS milestone) FROM rows")
        pd.testing.assert_frame_equal(found, payments_due(nw.from_native(lazy), until=DAY), check_dtype=False)
    known = payment_summary(payments(*rows), until=DAY)
    overdue = found[found["days"] < 0].groupby("customer_id")["amount"].sum()
    expected = known.set_index("customer_id")["overdue_amount"]
    pd.testing.assert_series_equal(overdue, expected[expected > 0], check_names=False, check_index_type=False)


def test_contracts_that_end_soon():
    rows = [
        ("a", "2023-04-01", "2024-04-15", 100.0),
        ("a", "2023-04-01", "2024-04-15", None),
        ("b", "2023-04-01", "2024-06-29", None),
        ("c", "2023-04-01", "2024-06-30", 1.0),
        ("d", "2023-04-01", "2024-03-30", 1.0),
        ("e", "2023-04-01", None, 1.0),
        ("f", "2024-04-01", "2024-04-20", 1.0),
    ]
    found = contracts_ending(frame(["customer_id", "start", "end", "value"], rows), until=DAY)
    assert found[["customer_id", "rows", "days"]].to_numpy().tolist() == [["a", 2, 15], ["b", 1, 90]]
    assert found["amount"].fillna(-1).tolist() == [100, -1]
    running = frame(["customer_id", "start"], [("a", "2023-04-01")])
    assert contracts_ending(running, until=DAY).empty


OPPORTUNITY = ["customer_id", "opened_on", "closed_on", "outcome", "amount"]


def test_opportunities_open_for_longer_than_those_won_took():
    won = [("w", "2023-01-01", f"2023-01-{day:02d}", "won", 1.0) for day in range(2, 22)]
    rows = [
        *won,
        ("a", "2024-03-01", None, None, 500.0),
        ("b", "2024-03-01", "2024-05-01", "won", None),  # closed later: nobody knows it yet
        ("c", "2024-03-20", None, "open", 7.0),
        ("d", "2023-03-01", None, "lost", 7.0),
        ("e", "2024-05-01", None, None, 7.0),
    ]
    found = stalled_opportunities(frame(OPPORTUNITY, rows), until=DAY)
    assert found[["customer_id", "rows", "days"]].to_numpy().tolist() == [["a", 1, 30], ["b", 1, 30]]
    assert found["usual_days"].tolist() == pytest.approx([19.05, 19.05])
    assert stalled_opportunities(frame(OPPORTUNITY, rows[20:]), until=DAY).empty
    assert stalled_opportunities(frame(OPPORTUNITY, rows)[["customer_id", "opened_on"]], until=DAY).empty
    with pytest.raises(ValueError, match="`usual_share` must be a share above 0"):
        stalled_opportunities(frame(OPPORTUNITY, rows), until=DAY, usual_share=0)


def sales(*rows):
    return frame(["customer_id", "date", "amount"], rows).astype({"amount": float})


BOUGHT = sales(
    ("old", "2022-12-01", 1),
    ("a", "2023-01-01", 10),
    ("a", "2023-03-31", 5),
    ("b", "2023-02-01", 20),
    ("b", "2024-01-01", 30),
    ("b", "2024-01-02", -30),
    ("c", "2024-03-31", 40),
    ("c", "2024-04-01", 99),
    ("d", "2023-07-01", 99),
)
PROFILES = pd.DataFrame({"customer_id": ["a", "b", "c"], "region": ["north", "north", None]})


def test_the_same_months_a_year_before():
    found = same_months_a_year_before(BOUGHT, PROFILES, until=DAY)
    assert [str(day) for day in (*found.before, *found.now)] == ["2023-01-01", "2023-03-31", "2024-01-01", "2024-03-31"]
    whole, north = found.groups.itertuples(index=False)
    assert tuple(whole) == ("", "", 2, 2, 1, 1, 35, 70)
    assert tuple(north) == ("region", "north", 2, 1, 1, 0, 35, 30)
    assert len(same_months_a_year_before(BOUGHT, until=DAY).groups) == 1
    shuffled = BOUGHT.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(same_months_a_year_before(shuffled, PROFILES, until=DAY).groups, found.groups)


def test_data_that_do_not_reach_back_a_year_are_not_compared():
    assert same_months_a_year_before(BOUGHT[BOUGHT["date"] > "2023-02-15"], until=DAY).groups.empty
    assert same_months_a_year_before(BOUGHT.head(0), PROFILES, until=DAY).groups.empty
    with pytest.raises(ValueError, match="`months` must lie between 1 and 12, got 13"):
        same_months_a_year_before(BOUGHT, until=DAY, months=13)


def test_xinglin_as_pandas_counts_it(example):
    client = crmlab.open("xinglin", "2026-06-30")
    found = payments_due(client.table("payments"), until=client.as_of)
    rows, end = client.table("payments").collect().to_pandas(), pd.Timestamp(client.as_of)
    received = rows["paid_amount"].where(rows["paid_on"].isna() | (rows["paid_on"] <= end), 0).fillna(0)
    left = rows.assign(left=rows["amount"] - received)
    left = left[(left["left"] > 0.01 * left["amount"]) & (left["due_on"] <= end + pd.Timedelta(days=30))]
    assert found["rows"].sum() == len(left)
    assert found["amount"].sum() == pytest.approx(left["left"].sum())
    assert found.loc[found["days"] < 0, "amount"].sum() == pytest.approx(
        client.payment_summary()["overdue_amount"].sum()
    )
