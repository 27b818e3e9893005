import re
from datetime import date

import pytest

from crmlab.contract import InputError
from crmlab.notebook import read_notebook
from crmlab.params import find_project, load_params
from tests.conftest import BASE


def load(small, text, **options):
    small.write("params/acme.yaml", text)
    return load_params(small.project, "acme", **options)


def test_defaults(small):
    params = load(small, BASE)
    assert (params.id, params.client, params.language, params.timezone) == ("acme", "Acme Pumps", "en", "UTC")
    assert (params.as_of, params.engine, params.max_rejected, params.sections) == (None, "duckdb", 0.05, {})


def test_section_values_are_checked_and_injected_as_plain_values(small):
    params = load(small, BASE + "as_of: 2024-03-31\nanalysis: {since: 2024-01-01, margin: 1, horizon_months: 6}\n")
    assert params.as_of == date(2024, 3, 31)
    notebook = read_notebook(small.root / "notebooks/analysis.ipynb")
    assert params.injected(notebook) == {
        "client": "acme",
        "as_of": "2024-03-31",
        "since": "2024-01-01",
        "margin": 1.0,
        "horizon_months": 6,
    }


def test_as_of_of_the_command_takes_the_place_of_the_files(small):
    assert load(small, BASE + "as_of: 2024-03-31\n", as_of="2024-01-31").as_of == date(2024, 1, 31)
    assert load(small, BASE + "as_of: 2024-03-31\n", as_of="latest").as_of is None
    with pytest.raises(InputError, match="as_of must be a date"):
        load(small, BASE, as_of="31.01.2024")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            "analysis: {horizon_month: 3}",
            r"params/acme.yaml: analysis.horizon_month is not a parameter; did you mean horizon_months\?",
        ),
        ("analyses: {}", r"analyses is not a parameter; did you mean analysis\?"),
        ("langauge: en", r"langauge is not a parameter; did you mean language\?"),
        ("analysis: {client: other}", "analysis.client is not a parameter; known: horizon_months, margin"),
        ("analysis: {horizon_months: '3'}", "analysis.horizon_months must be a valid integer, got '3'"),
        ("analysis: {horizon_months: 3.5}", "analysis.horizon_months must be a valid integer, got 3.5"),
        ("analysis: {horizon_months: yes}", "analysis.horizon_months must be a valid integer, got 'yes'"),
        ("analysis: {horizon_months: true}", "analysis.horizon_months must be a valid integer, got True"),
        ("analysis: {horizon_months: -3}", "analysis.horizon_months must be greater than or equal to 1, got -3"),
        ("analysis: {margin: 1.5}", "analysis.margin must be less than or equal to 1, got 1.5"),
        ("analysis: {margin: .nan}", "analysis.margin must be a finite number, got nan"),
        ("analysis: {since: 2025-02-30}", "analysis.since must be a date .YYYY-MM-DD., got '2025-02-30'"),
        ("analysis: {refunds: nett}", "analysis.refunds must be 'net' or 'ignore', got 'nett'"),
        ("analysis: 3", "analysis must hold keys and values, got 3"),
        ("as_of: 2024-13-01", "as_of must be a date .YYYY-MM-DD. or latest, got '2024-13-01'"),
        ("language: NO", "language must be 'en' or 'zh', got 'NO'"),
        ("timezone: Asia/Shangai", "timezone must be an IANA time zone such as Asia/Shanghai, got 'Asia/Shangai'"),
        ("max_rejected: 5", "max_rejected must be less than or equal to 1, got 5"),
        ("client: Again", "line 5: client is given twice; keep one of them"),
        ("as_of: 9999-12-31", "as_of must be a date .YYYY-MM-DD. or latest from 1900 to 2199, got '9999-12-31'"),
        ("timezone: Europe", "timezone must be an IANA time zone"),
        ("a: " + "[" * 3000, "is nested too deeply"),
        ("- x", "line .: is not valid YAML"),
    ],
)
def test_each_fault_is_one_line_with_key_value_rule_and_nearest_name(small, extra, message):
    with pytest.raises(InputError, match=message) as caught:
        load(small, BASE + extra + "\n")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold keys and values such as `client: Acme`, got an empty file"),
        ("just text", "got a single value"),
        (BASE.replace("USD", "USX"), "currency must be an ISO 4217 code such as USD or CNY, got 'USX'"),
        (BASE.replace("currency: USD\n", ""), "currency is missing"),
        (
            BASE.replace("transactions:", "transaction:"),
            r"data.transaction is not a table; did you mean transactions\?",
        ),
        (BASE.replace("source:", "sorce:"), r"data.transactions.sorce is not a parameter; did you mean source\?"),
        (
            BASE.replace("transactions.csv", "transactions.csv, columns: {amunt: x}"),
            r"data.transactions.columns.amunt is not a column of transactions; did you mean amount\?",
        ),
        (BASE.replace("Acme Pumps", "'  '"), "client is wrong: String should match pattern"),
        (
            BASE.replace("transactions.csv", "transactions.csv, columns: {customer_id: x, amount: x}"),
            "data.transactions.columns gives x to two columns; keep one of them",
        ),
        (b"client: \xff\xfe", "is not UTF-8 text"),
    ],
)
def test_faults_of_the_whole_file(small, text, message):
    with pytest.raises(InputError, match=message):
        load(small, text)


def test_all_faults_are_named_at_once(small):
    with pytest.raises(InputError) as caught:
        load(small, BASE + "language: de\nanalysis: {margin: x, refunds: y}\n")
    assert len(str(caught.value).splitlines()) == 3


def test_yaml_one_two_keeps_words_and_clock_times_as_text(small):
    assert load(small, BASE.replace("Acme Pumps", "NO")).client == "NO"
    assert load(small, BASE.replace("Acme Pumps", "'12:30'")).client == "12:30"
    assert load(small, BASE.replace("Acme Pumps", "on")).client == "on"


def test_no_such_client_names_the_nearest(small):
    with pytest.raises(InputError, match=r"no such client: acm; did you mean acme\?"):
        load_params(small.project, "acm")
    with pytest.raises(InputError, match="no such client: ../params/acme"):
        load_params(small.project, "../params/acme")


def test_project_is_found_from_below_and_not_from_elsewhere(small, tmp_path_factory):
    below = small.root / "notebooks"
    assert find_project(start=below).root == small.root
    with pytest.raises(InputError, match="is not inside a crmlab project"):
        find_project(start=tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(InputError, match="is not a folder of clients' files"):
        find_project("nowhere", start=below)


def test_params_folder_from_the_environment_of_a_run(small, monkeypatch):
    small.write("other/beta.yaml", BASE)
    monkeypatch.setenv("CRMLAB_PARAMS", str(small.root / "other"))
    assert small.project.clients() == ["beta"]
    assert find_project("params", start=small.root).clients() == ["acme"]


def test_a_clients_file_that_is_none_or_whose_name_could_leave_its_folder(small):
    (small.root / "params/folder.yaml").mkdir()
    with pytest.raises(InputError, match="params/folder.yaml: cannot be read: Is a directory"):
        load_params(small.project, "folder")
    small.write("params/index.html.yaml", BASE)
    with pytest.raises(InputError, match="must be of letters, digits, _ and -, got 'index.html'; rename the file"):
        load_params(small.project, "index.html")
    small.write("params/...yaml", BASE)
    assert ".." not in small.project.clients()
    small.write("params/客户_1-b.yaml", BASE)
    assert load_params(small.project, "客户_1-b").id == "客户_1-b"


@pytest.mark.parametrize(
    ("further", "message"),
    [
        ("show: [nam]", "show: nam is no personal column; did you mean name?"),
        ("show: [region]", "show: region is no personal column"),
        ("min_group: 2", "min_group must be greater than or equal to 3, got 2"),
    ],
)
def test_what_is_shown_of_people_is_checked(small, further, message):
    small.write("params/acme.yaml", BASE + "  customers: {source: c.csv}\n" + further + "\n")
    with pytest.raises(InputError, match=re.escape(message)):
        load_params(small.project, "acme")


def test_names_of_customers_are_personal_unless_they_are_shown(small):
    table = "  customers: {source: c.csv, personal: [region]}\n"
    small.write("params/acme.yaml", BASE + table)
    assert load_params(small.project, "acme").unseen("customers") == ["name", "region"]
    small.write("params/acme.yaml", BASE + table + "show: [name]\n")
    assert load_params(small.project, "acme").unseen("customers") == ["region"]
    assert load_params(small.project, "acme").unseen("transactions") == []
