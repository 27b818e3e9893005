"""From files to a client that can be checked, and what it is told of what its tables unlock."""

import re

import pytest

from crmlab.client import open_client
from crmlab.contract import TABLES, InputError
from crmlab.gate import check
from crmlab.notebook import read_notebooks
from crmlab.onboarding.start import start, told
from crmlab.onboarding.unlocks import added, sharpened, unlocked
from tests.test_onboarding_guess import ORDERS
from tests.test_packaging import ROOT

SURVEY = "date;client no;score;comment\n" + "".join(
    f"2025-03-{1 + n % 28:02};C{n % 7};{n % 11};fine, thanks\n" for n in range(30)
)


def begin(small, client, **files):
    paths = [small.write(f"sent/{name}.csv", text) for name, text in files.items()]
    made = start(small.project, client, paths)
    small.write(f"params/{client}.yaml", made.text)
    return made


def test_files_become_a_client_that_passes_its_check(small):
    made = begin(small, "north_pumps", orders=ORDERS, survey=SURVEY)
    client = open_client("north_pumps", project=small.project)
    read = {quality.table: (quality.rows, quality.rejected) for quality in check(client)}
    assert read == {"transactions": (40, 0), "surveys": (30, 0)}
    assert (client.name, client.currency) == ("North pumps", "EUR")
    (amount,) = client.table("transactions").select("amount").head(1).collect().to_pandas().to_numpy().ravel()
    assert amount == 10.5
    assert made.to_check == made.text.count("CHECK") > 0


def test_every_doubt_stands_in_the_file_with_its_reason(small):
    made = begin(small, "north", orders=ORDERS, survey=SURVEY)
    doubts = [match.doubt for found in made.tables for match in found.columns.values() if match.doubt]
    assert doubts and all(f"# CHECK: {doubt}" in made.text for doubt in doubts)
    assert "# not found: amount less its cost" in made.text


def test_an_unknown_currency_is_to_be_checked(small):
    made = begin(small, "north", orders=ORDERS.replace(" (EUR)", ""))
    assert re.search(r"currency: USD +# CHECK", made.text)


def test_awkward_names_are_quoted(small):
    rows = "".join(f"C{n},2025-03-0{1 + n},{n}.5\n" for n in range(8))
    begin(small, "north", orders="customer no: #,date,amount\n" + rows)
    client = open_client("north", project=small.project)
    assert check(client)[0].rejected == 0


def test_a_scale_of_satisfaction_beyond_five_is_stated(small):
    rows = "".join(f"2025-04-{1 + n:02},{1 + n % 10}\n" for n in range(20))
    made = begin(small, "north", reviews="review date,satisfaction\n" + rows)
    assert re.search(r"nps_analysis:\n  csat_scale: \[1, 10\] +# CHECK", made.text)


def test_orders_that_were_cancelled_are_pointed_out(small):
    lines = ORDERS.splitlines()
    rows = [f"{line};{('shipped', 'Cancelled')[n % 2]}\n" for n, line in enumerate(lines[1:])]
    made = begin(small, "north", orders=f"{lines[0]};Order Status\n{''.join(rows)}")
    assert """# keep: "`Order Status` != 'Cancelled'" """ in made.text
    path = small.write("params/north.yaml", made.text.replace("# keep:", "keep:"))
    assert check(open_client(path.stem, project=small.project))[0].filtered == 20


def test_files_of_one_form_become_a_pattern(small):
    made = begin(small, "north", orders_2024=ORDERS, orders_2025=ORDERS)
    assert "source: sent/orders_202*.csv" in made.text
    assert check(open_client("north", project=small.project))[0].rows == 80


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "give at least one file"),
        ({"colours": "colour,weight\nred,3\n"}, "colours.csv: left out; to be .* it lacks"),
    ],
)
def test_what_cannot_be_a_client_is_said(small, files, message):
    with pytest.raises(InputError, match=message):
        begin(small, "north", **files)


def test_a_client_that_is_there_is_left_alone(small):
    with pytest.raises(InputError, match=r"params/acme.yaml: is there already"):
        begin(small, "acme", orders=ORDERS)


def test_a_file_that_is_not_there_is_named(small):
    with pytest.raises(InputError, match="nowhere.csv: no such file"):
        start(small.project, "north", [small.root / "nowhere.csv"])


def test_it_is_told_what_tables_unlock_and_what_more_would_add(small):
    made = begin(small, "north", orders=ORDERS, colours="colour,weight\nred,3\n")
    lines = told(made, small.project)
    assert lines[0].startswith("orders.csv: transactions (4 columns found, ")
    assert any(line.startswith("colours.csv: left out") for line in lines)
    assert any(line.startswith("  surveys (") for line in lines)
    assert not any(line.startswith("  transactions (") for line in lines)


NOTEBOOKS = read_notebooks(ROOT / "notebooks")


def topics(sections) -> set[str]:
    return {section.split(":")[0] for section in sections}


def test_sections_need_the_tables_that_their_figures_are_computed_from():
    value = NOTEBOOKS["value_analysis"]
    assert topics(added(value, ["transactions"], "payments")) == {"Risk"}
    assert topics(added(value, ["transactions"], "opportunities")) == {"Conversion"}
    assert topics(added(value, ["transactions"], "customers")) == {"Contribution"}
    assert "Lifetime value" in topics(unlocked(value, ["transactions"]).sections)
    assert unlocked(value, ["surveys"]).sections == ()
    assert sharpened(value, ["transactions"], "customers") and not sharpened(value, ["surveys"], "customers")


def test_all_tables_fill_all_sections():
    for notebook in NOTEBOOKS.values():
        headings = re.findall(r'"## ([^:"\\]+)', notebook.path.read_text(encoding="utf-8"))
        fixed = {"The bottom line", "Data", "Definitions", "Cautions", "References"}
        assert topics(unlocked(notebook, list(TABLES)).sections) == {*headings} - fixed, notebook.name


def test_what_can_be_done_without_and_either_of_two(small):
    small.notebook(
        "other",
        'a, b = client.optional("payments"), client.lazy("surveys")\nc = attempt(made, a, given(b))\nd = first(a, b)',
        any_of=["payments", "surveys"], tables=[],
    )  # fmt: skip
    path = small.root / "notebooks" / "other.ipynb"
    text = path.read_text(encoding="utf-8")
    import json

    content = json.loads(text)
    for place, name in enumerate("cd"):
        content["cells"].append({"cell_type": "markdown", "id": f"m{place}", "metadata": {}, "source": f"## Of {name}"})
        content["cells"].append(content["cells"][-2] | {"cell_type": "code", "source": f"show({name})"})
    path.write_text(json.dumps(content), encoding="utf-8")
    other = read_notebooks(path.parent)["other"]
    assert unlocked(other, ["payments"]).sections == ("Of c", "Of d")
    assert unlocked(other, ["surveys"]).sections == ("Of d",)
    assert unlocked(other, ["contracts"]).sections == ()


STRANGE = ORDERS.replace("Client No", "Kundennummer")


def test_the_customers_column_can_be_said(small):
    path = small.write("sent/orders.csv", STRANGE)
    with pytest.raises(InputError, match=r"lacks customer_id.*\n.*CUSTOMER=column.*data_dictionary.md"):
        start(small.project, "north", [path])
    with pytest.raises(InputError, match="no file has a column Kundennumer; did you mean Kundennummer"):
        start(small.project, "north", [path], customer="Kundennumer")
    (found,) = start(small.project, "north", [path], customer="Kundennummer").tables
    assert (found.columns["customer_id"].header, found.columns["customer_id"].doubt) == ("Kundennummer", "")
