"""What is told of ids that pass every check and cannot be right."""

import pytest

from crmlab.client import open_client
from crmlab.onboarding.doubts import doubts

HEAD = "client: Acme Pumps\ncurrency: USD\ndata:\n"


def told(small, **tables) -> list[str]:
    for name, text in tables.items():
        small.write(f"data/acme/{name}.csv", text)
    sources = "".join(f"  {name}: {{source: data/acme/{name}.csv}}\n" for name in tables)
    small.write("params/acme.yaml", HEAD + sources)
    return doubts(open_client("acme", project=small.project))


def sales(customers: int, each: int) -> str:
    rows = [f"C{n},2025-0{2 + again}-{1 + n % 28:02},5\n" for n in range(customers) for again in range(each)]
    return "customer_id,date,amount\n" + "".join(rows)


def survey(ids) -> str:
    return "customer_id,date,nps\n" + "".join(f"{one},2025-02-01,9\n" for one in ids)


def test_nothing_is_odd(small):
    assert told(small, transactions=sales(120, 2), surveys=survey([f"C{n}" for n in range(20)])) == []


def test_ids_of_another_kind(small):
    (said,) = told(small, transactions=sales(120, 2), surveys=survey(["C1", "X1", "X2", ""]))
    assert said.startswith("surveys: 1 of its 3 customers stand in transactions; see whether customer_id")


def test_half_of_them_is_enough(small):
    assert told(small, transactions=sales(5, 2), surveys=survey(["C1", "X1"])) == []


def test_an_id_of_each_order(small):
    (said,) = told(small, transactions=sales(100, 1))
    assert said == "transactions: none of 100 customers bought twice; see whether customer_id is not an order's"


@pytest.mark.parametrize(("customers", "each"), [(99, 1), (100, 2)])
def test_few_buyers_or_one_who_returns(small, customers, each):
    assert told(small, transactions=sales(customers, each)) == []


def test_answers_without_names_say_nothing(small):
    assert told(small, transactions=sales(3, 2), surveys="date,nps\n2025-02-01,9\n") == []
