import json
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

import crmlab
from crmlab import privacy
from crmlab.client import Client, open_client
from crmlab.contract import InputError
from crmlab.gate import check
from crmlab.intervals import count, wilson
from tests.conftest import BASE, ROWS


def test_open_gives_tables_and_aggregates_as_of_the_last_date(small):
    client = crmlab.open("acme")
    assert (client.id, client.name, client.currency, client.as_of) == ("acme", "Acme Pumps", "USD", date(2024, 3, 31))
    assert client.tables == ("transactions",)
    assert client.table("transactions").collect().shape == (4, 3)
    assert client.customer_summary("day").set_index("customer_id").loc["1", "T"] == 90
    assert repr(client) == "<Client acme as of 2024-03-31: transactions>"


def test_rows_are_counted_as_rows_not_as_orders(small):
    """Of an order there may be several."""
    lines = "customer_id,date,amount,order_id\n1,2024-01-05,3,A\n1,2024-01-05,4,A\n2,2024-01-06,5,B\n"
    small.write("data/acme/transactions.csv", lines)
    rows = crmlab.open("acme").rows("transactions")
    assert (rows.text(), rows.label) == ("3 rows", "rows of the table transactions that are used")


def test_a_count_of_rows_is_told_in_the_language_spoken(small, untranslated):
    rows = crmlab.open("acme").rows("transactions")
    assert untranslated(f"{rows.text()} {rows.label}") == ["transactions"]


def test_an_earlier_as_of_date_hides_what_came_after_it(small):
    client = crmlab.open("acme", "2024-01-31")
    assert client.table("transactions").collect().shape[0] == 2
    assert client.period("transactions").later_rows == 2
    assert client.data_quality()[0]["remarks"] == (
        "1 January 2024 to 15 January 2024; dated after 31 January 2024, not used: 2; refunds: 1; "
        "customers with refunds only, in no figure: 1"
    )


def test_the_as_of_day_counts_to_its_last_second(small):
    small.write("data/acme/transactions.csv", ROWS + "4,2024-01-31 23:59:59.5,1\n4,2024-02-01 00:00:00,1\n")
    assert crmlab.open("acme", "2024-01-31").table("transactions").collect().shape[0] == 3


def test_an_as_of_date_before_all_data_is_an_input_error(small):
    with pytest.raises(InputError, match="no row of transactions is dated up to 2023-12-31"):
        crmlab.open("acme", "2023-12-31").period("transactions")


def test_a_table_not_supplied_says_how_to_add_it(small):
    with pytest.raises(InputError, match="acme supplies no table payments; add data.payments to params/acme.yaml"):
        crmlab.open("acme").table("payments")
    with pytest.raises(InputError, match=r"no table payment; did you mean payments\?"):
        crmlab.open("acme").table("payment")


def test_calibration_end_is_half_way_unless_given(small):
    client = crmlab.open("acme")
    assert client.calibration_end(None) == date(2024, 2, 15)
    assert client.calibration_end("2024-03-01") == date(2024, 3, 1)
    with pytest.raises(ValueError, match="must lie between 2024-01-01 and 2024-03-31, got 2024-03-31"):
        client.calibration_end("2024-03-31")


def test_data_quality_names_reasons_and_rejected_rows(small):
    small.write("params/acme.yaml", BASE + "max_rejected: 0.5\n")
    small.write("data/acme/transactions.csv", ROWS + "4,2024-02-30,1\n")
    client = crmlab.open("acme")
    assert client.quality("transactions").rejected == 1
    (row,) = client.data_quality()
    assert (row["rows"], row["accepted"], row["rejected"]) == (5, 4, 1)
    assert "; date must be a date (YYYY-MM-DD): 1; " in row["remarks"]
    assert client.rejected_rows() == [
        {
            "table": "transactions",
            "file": "data/acme/transactions.csv",
            "row": 6,
            "column": "date",
            "value": "2024-02-30",
            "reason": "must be a date (YYYY-MM-DD)",
        }
    ]


def test_remarks_name_what_a_reader_may_not_expect(small):
    small.write("data/acme/transactions.csv", "customer_id,date,amount\n1,2024-01-01,0\n1,2024-01-03,5\n")
    client = crmlab.open("acme")
    client.quality("transactions")
    assert client.data_quality()[0]["remarks"] == (
        "1 January 2024 to 3 January 2024; purchases of amount zero, kept: 1"
    )


def test_check_names_every_table_that_cannot_be_used(small):
    small.write(
        "params/acme.yaml", BASE + "  payments: {source: data/acme/p.csv}\n  surveys: {source: data/acme/s.csv}\n"
    )
    small.write("data/acme/s.csv", "date\n")
    with pytest.raises(InputError) as caught:
        check(open_client("acme"))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["params/acme.yaml", "data/acme/s.csv"]


def test_latest_needs_a_table_of_events(small):
    small.write("params/acme.yaml", BASE.replace("transactions:", "customers:").replace("transactions.csv", "c.csv"))
    small.write("data/acme/c.csv", "customer_id\n1\n")
    with pytest.raises(InputError, match="as_of: latest needs one of transactions"):
        _ = open_client("acme").as_of


def test_results_are_those_of_the_report_that_stands_at_the_same_date(small):
    folder = "reports/acme/2024-03-31"
    client = open_client("acme")
    assert client.results("nps_analysis") is None
    small.write(f"{folder}/nps_analysis.json", '{"status": "ok", "metrics": {}}')
    assert client.results("nps_analysis") == {"status": "ok", "metrics": {}}
    assert open_client("acme", "2024-02-01").results("nps_analysis") is None
    small.write(f"{folder}/nps_analysis.failed.json", "{}")
    assert client.results("nps_analysis") is None
    small.write(f"{folder}/churn.json", '{"status": "skipped"}')
    assert client.results("churn") is None


def test_results_under_a_run_are_read_from_its_reports(small, monkeypatch):
    monkeypatch.setenv("CRMLAB_REPORTS", str(small.root / "elsewhere"))
    small.write("elsewhere/acme/2024-03-31/nps_analysis.json", '{"status": "ok"}')
    assert open_client("acme").results("nps_analysis") == {"status": "ok"}


def test_publish_writes_only_under_a_run(small, monkeypatch):
    client = crmlab.open("acme")
    client.quality("transactions")
    metrics = {"customers": count(3, "customers", "Customers"), "repeat_share": wilson(1, 3)}
    before = set(small.root.rglob("*"))
    client.publish(metrics=metrics)
    assert set(small.root.rglob("*")) == before
    monkeypatch.setenv("CRMLAB_PUBLISH", str(small.root / "out.json"))
    client.publish(metrics=metrics, models={"m": {"params": {"r": 0.2}, "log_likelihood": -1.0, "n": 3}})
    written = json.loads((small.root / "out.json").read_text())
    assert written["metrics"]["customers"] | {"label": ""} == {
        "value": 3, "low": None, "high": None, "unit": "customers", "n": 3, "label": "",
        "confidence_level": 0.95, "no_interval": "a full count, not a sample",
    }  # fmt: skip
    assert written["data"] == {"transactions": {"rows": 4, "rejected": 0, "reasons": {}}}
    assert written["models"]["m"]["params"] == {"r": 0.2}


def test_what_is_published_of_customers_has_one_row_each(small, monkeypatch):
    client = crmlab.open("acme")
    monkeypatch.setenv("CRMLAB_PUBLISH", str(small.root / "out.json"))
    known = pd.DataFrame({"customer_id": ["2", "1"], "clv": [1 / 3, 2.0]})
    client.publish(customers=[known, client.optional("payments")])
    assert (small.root / "out.json.csv").read_text() == "customer_id,clv\n1,2\n2,0.333333\n"
    with pytest.raises(ValueError, match="must have one row per customer, got 1 customer_id repeated"):
        client.publish(customers=[pd.DataFrame({"customer_id": ["1", "1"]})])
    with pytest.raises(ValueError, match="must have the column customer_id, got clv"):
        client.publish(customers=[pd.DataFrame({"clv": [1.0]})])
    with pytest.raises(ValueError, match="must name each column once, got clv twice"):
        client.publish(customers=[known, known])


def test_a_table_that_the_client_lacks_is_absent_with_its_reason(small):
    client = crmlab.open("acme")
    missing = client.optional("surveys")
    assert not missing and missing.reason == "the client supplies no table surveys"
    assert client.payment_summary().reason == "the client supplies no table payments"
    assert len(client.optional("transactions")) == 4


def test_customers_without_a_purchase_are_told_in_one_line(small):
    small.write("data/acme/transactions.csv", "customer_id,date,amount\n1,2024-01-01,-5\n2,2024-02-01,-7\n")
    with pytest.raises(InputError, match="transactions holds refunds only up to 2024-02-01, no purchase"):
        crmlab.open("acme").customer_summary()


PEOPLE = "customer_id,name,region\n1,Ann Lee,North\n2,Bo Chen,South\n3,,North\n"


def with_people(small, further=""):
    small.write("data/acme/customers.csv", PEOPLE)
    small.write("params/acme.yaml", BASE + "  customers: {source: data/acme/customers.csv}\n" + further)
    return open_client("acme", project=small.project)


def test_personal_columns_reach_no_notebook_unless_they_are_asked_for(small):
    assert list(with_people(small).optional("customers")) == ["customer_id", "region"]
    assert list(with_people(small, "show: [name]\n").optional("customers")) == ["customer_id", "name", "region"]


def test_columns_that_the_clients_file_calls_personal_are_left_out(small):
    small.write("data/acme/contracts.csv", "customer_id,start,contact,rate\n1,2024-01-01,Ann Lee,5\n")
    table = "  contracts: {source: data/acme/contracts.csv, personal: [contact]}\n"
    client = with_people(small, table)
    assert list(client.optional("contracts")) == ["customer_id", "start", "rate"]


def test_once_it_is_open_its_customers_have_codes_and_no_names(small):
    client = with_people(small, "min_group: 7\n")
    assert privacy.coded("1") == privacy.pseudonym("acme", "1", privacy.pseudonym_key(small.root))
    assert privacy.without_names("Ann Lee called") == "[name] called"
    assert privacy.min_group() == 7
    assert client.names() == {"1", "2", "3", "Ann Lee", "Bo Chen"}


def test_parameters_of_another_notebook_are_its_own_and_what_the_client_says(small):
    client = open_client("acme")
    name = next(iter(small.project.notebooks.glob("*.ipynb"))).stem
    known = client.parameters(name)
    assert known["client"] and "as_of" in known
    said = replace(client.params, sections={name: {"as_of": "2024-01-01"}})
    assert Client(said, small.project).parameters(name) == known | {"as_of": "2024-01-01"}


def test_a_survey_that_names_nobody_has_customers_who_are_not_known(small):
    small.write("data/acme/surveys.csv", "date,nps\n2024-02-01,9\n")
    small.write("params/acme.yaml", BASE + "  surveys: {source: data/acme/surveys.csv}\n")
    rows = open_client("acme", project=small.project).optional("surveys")
    assert rows["customer_id"].isna().all() and rows["nps"].tolist() == [9]
