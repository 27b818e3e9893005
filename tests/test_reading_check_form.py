"""What is wrong with `data.<table>` is said before any file is opened."""

import pytest

from crmlab.contract import InputError
from crmlab.params import load_params
from tests.reading import HEAD


def load(small, form, table="transactions"):
    small.write("params/acme.yaml", f"{HEAD}data:\n  {table}: {form}\n")
    return load_params(small.project, "acme").data[table]


def test_a_form_with_everything(small):
    form = load(
        small,
        "{source: data/acme/orders-*.csv, header: 2, delimiter: '|', encoding: GBK, dates: {date: dmy}, decimal: ',', "
        "columns: {customer_id: Kunde, amount: {formula: n * `unit price`}, "
        "product: {from: Art, values: {1: a, n/a: }}, "
        "project_id: {value: 7}}, keep: status != 'cancelled', "
        "convert: {from: Währung, rates: data/acme/rates.csv, date: date, columns: [amount]}}",
    )
    assert (form.encoding, form.dates, form.called("customer_id"), form.called("date")) == (
        "gb18030", {"date": "dmy"}, "Kunde", "date"
    )  # fmt: skip
    assert form.columns["product"].values == {"1": "a", "n/a": ""}
    assert form.columns["project_id"].value == "7"
    assert form.convert.rates.source == "data/acme/rates.csv"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{source: a.csv, dates: dym}", "dates must be one of dmy, .*, or a form such as %d-%b-%y, got 'dym'"),
        ("{source: a.csv, dates: '%d.%Q.%Y'}", "dates must be one of dmy"),
        ("{source: a.csv, dates: {day: dmy}}", r"dates.day is not a date of transactions; known: date"),
        ("{source: a.csv, dates: {dat: dmy}}", r"dates.dat is not a date of transactions; did you mean date\?"),
        ("{source: a.csv, decimal: ;}", "decimal must be '.' or ',', got ';'"),
        ("{source: a.csv, header: 0}", "header must be greater than or equal to 1, got 0"),
        ("{source: a.csv, header: x}", "header must be a valid integer, got 'x'"),
        ("{source: a.csv, shet: x}", r"shet is not a parameter; did you mean sheet\?"),
        ("{source: a.csv, sheet: x}", "sheet is for workbooks; a.csv is none"),
        ("{source: a.xlsx, delimiter: ';'}", "delimiter is for CSV files; a.xlsx is none"),
        ("{source: a.parquet, encoding: gbk}", "encoding is for CSV files; a.parquet is none"),
        ("{source: a.parquet, header: 2}", "header is for CSV files and workbooks"),
        ("{source: a.csv, query: SELECT 1}", "query is for databases; a.csv is none"),
        ("{source: a.sqlite}", "query is missing: what is to be read of the database"),
        ("{source: '${CRM_DB_URL}'}", "query is missing"),
        ("{source: '${CRM_DB_URL}', query: ' '}", "query is wrong: String should match pattern"),
        ("{source: a.csv, columns: {amount: {}}}", "columns.amount must have one of from, value and formula"),
        ("{source: a.csv, columns: {amount: {from: x, value: 1}}}", "columns.amount must have one of"),
        ("{source: a.csv, columns: {amount: {value: 1, values: {a: b}}}}", "must have values with from alone"),
        ("{source: a.csv, columns: {amount: {form: x}}}", r"amount.form is not a parameter; did you mean from\?"),
        ("{source: a.csv, columns: {amount: 3}}", "columns.amount must hold keys and values, got 3"),
        ("{source: a.csv, columns: {amount: {from: x, values: [a]}}}", "amount.values must hold keys and values"),
        ("{source: a.csv, columns: {amount: {formula: n ** 2}}}", "columns.amount.formula: 'n .. 2' uses Pow"),
        ("{source: a.csv, columns: {amount: {formula: __import__('os')}}}", "columns.amount.formula: .* uses Call"),
        ("{source: a.csv, keep: 1}", "keep must be a valid string, got 1"),
        ("{source: a.csv, keep: a and}", "transactions.keep: 'a and' cannot be read as a condition"),
    ],
)  # fmt: skip
def test_each_fault_is_one_line(small, form, message):
    with pytest.raises(InputError, match=message) as caught:
        load(small, form)
    assert len(str(caught.value).splitlines()) == 1


def test_all_faults_of_a_table_are_named_at_once(small):
    with pytest.raises(InputError) as caught:
        load(small, "{source: a.csv, sheet: x, keep: a and, columns: {amunt: x}, dates: {dat: dmy}}")
    assert len(str(caught.value).splitlines()) == 4


SECRET = "s3cret"


@pytest.mark.parametrize(
    "form",
    [
        "{source: 'postgresql://u:s3cret@h/db', query: SELECT 1}",
        "{source: 'postgresql://h/db?user=u&password=s3cret', query: SELECT 1}",
        "postgresql://u:s3cret@h/db",
        "{source: 3, query: 'postgresql://u:s3cret@h/db', sheet: [postgresql://u:s3cret@h/db]}",
        "{source: a.csv, columns: [postgresql://u:s3cret@h/db]}",
        "{source: a.csv, decimal: 'postgresql://u:s3cret@h/db?sslpassword=s3cret'}",
    ],
)
def test_a_password_in_a_clients_file_is_an_error_that_does_not_show_it(small, form):
    with pytest.raises(InputError) as caught:
        load(small, form)
    assert SECRET not in str(caught.value) and caught.value.__cause__ is None


def test_a_url_without_a_password_may_stand_there(small):
    assert load(small, "{source: 'postgresql:///crm', query: SELECT 1}").source == "postgresql:///crm"
    assert load(small, "{source: 'postgresql://u:${DB_PASSWORD}@h/crm', query: SELECT 1}").query == "SELECT 1"
