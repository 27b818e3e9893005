"""Files that are a table only together, as shops' exports are: orders, their lines, reviews of orders."""

import pytest

from crmlab.client import open_client
from crmlab.gate import check
from crmlab.onboarding.start import start, told

LINES = "order_id,item,price\n" + "".join(f"O{n // 2},I{n % 5},{n}.50\n" for n in range(40))
ORDERS = "order_id,customer_id,purchased at\n" + "".join(f"O{n},C{n % 7},2025-01-{1 + n:02}\n" for n in range(20))
REVIEWS = "order_id,review date,review score\n" + "".join(f"O{n},2025-01-{1 + n:02},{1 + n % 5}\n" for n in range(20))


def begin(small, **files):
    made = start(small.project, "shop", [small.write(f"data/{name}.csv", text) for name, text in files.items()])
    small.write("params/shop.yaml", made.text)
    return made


def test_lines_and_reviews_take_the_customer_from_the_orders(small):
    made = begin(small, order_lines=LINES, orders=ORDERS, reviews=REVIEWS)
    client = open_client("shop", project=small.project)
    assert {quality.table: (quality.accepted, quality.rejected) for quality in check(client)} == {
        "transactions": (40, 0), "surveys": (20, 0),
    }  # fmt: skip
    customers = [client.table(table).select("customer_id").collect().to_pandas() for table in client.tables]
    assert all(set(frame["customer_id"]) == {f"C{n}" for n in range(7)} for frame in customers)
    assert made.text.count("join: {source: data/orders.csv, on: order_id}") == 2
    first, second, *_rest = told(made, small.project)
    assert first.startswith("order_lines.csv: transactions") and first.endswith(", joined with orders.csv by order_id")
    assert second.startswith("reviews.csv: surveys")
    assert not any(line.startswith("orders.csv: left out") for line in told(made, small.project))


def test_a_file_that_is_a_table_by_itself_is_left_alone(small):
    whole = (
        ORDERS.replace("purchased at", "purchased at,amount").replace("\n", ",5.5\n").replace("amount,5.5", "amount")
    )
    assert "join:" not in begin(small, orders=whole, order_lines=LINES).text


@pytest.mark.parametrize("orders", [ORDERS + "O1,C5,2025-03-01\n", ORDERS.replace("order_id", "purchase")])
def test_a_key_of_several_rows_or_of_one_file_joins_nothing(small, orders):
    made = begin(small, order_lines=LINES, orders=orders, reviews=REVIEWS)
    assert [found.table for found in made.tables] == ["surveys"] and "join:" not in made.text
    (said,) = (line for line in told(made, small.project) if line.startswith("order_lines.csv"))
    assert said.startswith(
        "order_lines.csv: left out; to be transactions it lacks customer_id (identifies the customer)"
    )
