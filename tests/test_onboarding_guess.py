"""Which table a file is and which column is which: by names in English and Chinese, and by what the contract takes."""

import pytest

from crmlab.contract import TABLES
from crmlab.onboarding.guess import guess, one_each
from crmlab.onboarding.looks import look
from crmlab.onboarding.names import FILES, VALUES, known_names, likeness, meaning

ORDERS = "Order No;Client No;Order Date;Net Amount (EUR)\n" + "".join(
    f"A{n};C{n % 7};{1 + n % 28:02}.03.2025;{10 + n},50\n" for n in range(40)
)


@pytest.fixture
def seen(small):
    def see(text: str | bytes, name: str = "file.csv"):
        return look(small.write(f"in/{name}", text), small.project, currency="EUR")

    return see


def found(guessed) -> dict[str, str]:
    return {name: match.header for name, match in guessed.columns.items()}


def test_names_are_known_for_every_column_of_the_contract():
    assert {FILES} | {*TABLES, VALUES} == {FILES, *known_names()}
    for table in TABLES.values():
        assert set(known_names()[table.name]) == {FILES, *(column.name for column in table.columns)}


@pytest.mark.parametrize("header", ["CustomerID", "customer_id", "Customer No.", "客户编号", "客户 编号", "CUST_ID"])
def test_a_customer_is_known_by_many_names(header):
    assert likeness(header, "transactions", "customer_id").is_exact


def test_a_longer_header_comes_the_nearer_the_more_of_it_is_a_name():
    near, far = (likeness(header, "transactions", "date").score for header in ("order date utc", "order date of entry"))
    assert 1 > near > far > 0.4
    assert likeness("product id", "customers", "customer_id").score == 0
    assert likeness("дата", "transactions", "date").score == 0


def test_orders_of_a_german_system(seen):
    guessed = guess(seen(ORDERS, "bestellungen.csv"))
    assert guessed.fits and guessed.table == "transactions"
    assert found(guessed) == {
        "customer_id": "Client No", "date": "Order Date", "amount": "Net Amount (EUR)", "order_id": "Order No"
    }  # fmt: skip
    assert guessed.columns["date"].doubt == ""
    assert "only contains" in guessed.columns["amount"].doubt


def test_a_chinese_survey_in_gb18030(seen):
    rows = "".join(f"K{n},2025/3/{1 + n % 28},{n % 11},{1 + n % 5},服务很好\n" for n in range(30))
    seen_file = seen(("客户编号,调查日期,推荐意愿,满意度,意见\n" + rows).encode("gb18030"), "回访.csv")
    guessed = guess(seen_file)
    assert seen_file.form.encoding == "gb18030"
    assert (guessed.table, found(guessed)["nps"], found(guessed)["csat"]) == ("surveys", "推荐意愿", "满意度")


def test_a_name_alone_is_not_enough(seen):
    guessed = guess(seen("customer_id,date,amount\n1,yesterday,5\n2,today,6\n"))
    assert not guessed.fits
    assert any(line.startswith("date") for line in guessed.missing)


def test_a_score_to_five_is_satisfaction_and_one_to_ten_is_recommendation(seen):
    def scored(high):
        rows = "".join(f"2025-03-{1 + n % 28:02},{n % (high + 1)}\n" for n in range(30))
        return found(guess(seen("date,score\n" + rows, "survey.csv")))

    assert "csat" in scored(5) and "nps" in scored(10)


def test_values_of_choices_are_translated(seen):
    rows = "".join(f"{n},2025-01-{1 + n % 28:02},{('赢单', '输单')[n % 2]}\n" for n in range(20))
    outcome = guess(seen("客户编号,创建日期,结果\n" + rows, "商机.csv")).columns["outcome"]
    assert dict(outcome.values) == {"赢单": "won", "输单": "lost"}
    assert "translated" in outcome.doubt
    assert meaning("无意义") is None


def test_customers_are_told_apart_by_their_id(seen):
    once = guess(seen("client id,name,region\n" + "".join(f"{n},N{n},R\n" for n in range(20))))
    twice = guess(seen("client id,name,region\n" + "".join(f"{n % 5},N{n},R\n" for n in range(20))))
    assert once.table == "customers" and once.fits
    assert not twice.fits


def test_the_only_dates_and_amounts_are_taken_with_a_doubt(seen):
    guessed = guess(seen("client,geleistet,summe\n" + "".join(f"{n},2025-02-03,{n}.25\n" for n in range(9))))
    assert found(guessed) == {"customer_id": "client", "date": "geleistet", "amount": "summe"}
    assert "only column" in guessed.columns["amount"].doubt


def test_what_only_belongs_to_a_customer_does_not_identify_one(seen):
    rows = "".join(f"X{n},NY,2025-02-03,{n}.25\n" for n in range(9))
    assert (
        found(guess(seen("customer unique id,customer state,date,amount\n" + rows)))["customer_id"]
        == "customer unique id"
    )
    guessed = guess(seen("Kunde,customer state,date,amount\n" + rows))
    assert not guessed.fits and guessed.missing == ("customer_id (identifies the customer)",)


def test_dates_with_two_readings_are_left_in_doubt(seen):
    guessed = guess(seen("customer,date,amount\n" + "".join(f"{n},0{n}/05/2025,7.5\n" for n in range(1, 9))))
    assert "two readings" in guessed.columns["date"].doubt


def test_a_table_has_one_file(seen):
    first, second = guess(seen(ORDERS, "orders.csv")), guess(seen(ORDERS, "x.csv"))
    best, rest = one_each([second, first])
    assert [each.look.path.name for each in best] == ["orders.csv"] and rest == [second]


def test_a_file_of_the_example_is_the_table_that_it_is_named_for(example):
    from crmlab.params import find_project

    for path in sorted((example / "data" / "xinglin").glob("*.csv")):
        guessed = guess(look(path, find_project(), currency="CNY"))
        assert guessed.fits and guessed.table == path.stem
        assert all(name == header for name, header in found(guessed).items())


def test_a_price_beside_a_quantity_is_left_in_doubt(seen):
    rows = "".join(f"I{n},C{n % 5},2025-02-{1 + n:02},{n},{n}.25\n" for n in range(20))
    doubt = guess(seen("InvoiceNo,CustomerID,InvoiceDate,Quantity,UnitPrice\n" + rows)).columns["amount"].doubt
    assert "say amount: {formula: '`Quantity` * `UnitPrice`'}" in doubt
    assert "formula" not in guess(seen(ORDERS)).columns["amount"].doubt
