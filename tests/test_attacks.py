"""Attacks by names and places: no name leaves its folder, no link leads out of data/, no page tells where files lie.

What comes in is tried in `test_attacks_inputs.py`, what goes out in `test_attacks_outputs.py`,
what is secret in `test_attacks_secrets.py`, and what the package must not hold in `test_attacks_code.py`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from crmlab import sources
from crmlab.cli import main
from crmlab.contract import InputError
from crmlab.csv_cells import guarded as written
from crmlab.erase import erase
from crmlab.notebook import is_name
from crmlab.params import find_project, load_params
from crmlab.report import html
from crmlab.report.plan import plan
from crmlab.report.published import published
from tests.conftest import BASE, ROWS

OUTSIDE = ("..", "../secret", "../../secret", "acme/../secret", "/etc/hostname", "~root", "..\\secret", "C:\\secret")
ODD = (".hidden", "a\0b", "a\nb", "%2e%2e%2fsecret", "a b", "", "．．／secret", "a;b", "$(id)", "`id`", "a|b", "*")
SECRET = "K1NGF1SH3R"


@pytest.fixture
def guarded(small):
    """A project with a client's file, a notebook and rows one step outside their folders."""
    small.write("secret.yaml", BASE.replace("Acme Pumps", SECRET))
    shutil.copy(small.notebook("analysis"), small.root / "secret.ipynb")
    small.write("secret.csv", ROWS.replace("1,2024", f"{SECRET},2024"))
    return small


@pytest.mark.parametrize("name", OUTSIDE + ODD)
def test_no_client_or_notebook_is_found_outside_its_folder(guarded, name):
    assert not is_name(name)
    with pytest.raises(InputError, match="no such client") as caught:
        load_params(guarded.project, name)
    assert SECRET not in str(caught.value)
    for options in (["report", name], ["report", "--notebook", name], ["check", name], ["params", name, "analysis"]):
        result = CliRunner().invoke(main, options)
        assert result.exit_code == 2 and SECRET not in result.output, options
    assert not list(guarded.root.glob("reports/*")) and not (guarded.root.parent / "secret").exists()


@pytest.mark.parametrize(
    "name", [name for name in OUTSIDE + ODD if not {*name} & {"/", "\0"} and name not in ("", "..")]
)
def test_a_file_of_such_a_name_is_refused_before_it_names_a_folder(guarded, name):
    guarded.write(f"params/{name}.yaml", BASE)
    with pytest.raises(InputError, match="its name must be of letters, digits, _ and -|no such client"):
        load_params(guarded.project, name)
    shutil.copy(guarded.root / "notebooks/analysis.ipynb", guarded.root / "notebooks" / f"{name}.ipynb")
    if not name.startswith("."):
        with pytest.raises(InputError, match="its name must be of letters"):
            load_params(guarded.project, "acme")


@pytest.mark.parametrize(
    "day", ["../2024-01-01", "2024-01-01/..", "2024-01-01/../../x", "/2024-01-01", "2024-01-01\n", "2024-01-01\0", "..",
            "2024-W10-1", "20240101", "２０２４-０１-０１", "2024-13-01", "0001-01-01", "-2024-01-01", "now", ""],
)  # fmt: skip
def test_an_as_of_date_is_a_date_or_refused(small, day):
    try:
        found = load_params(small.project, "acme", as_of=day).as_of
    except InputError as error:
        assert "as_of" in str(error)
    else:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(found), re.ASCII)
    try:
        folders = {job.folder.as_posix() for job in plan(small.project, {}, as_of=day).jobs}
    except InputError as error:
        assert "--as-of" in str(error)
    else:
        assert folders == {"acme/2024-01-01"}


@pytest.mark.parametrize(
    "customer", ["../../../secret", "..", "/etc/hostname", "a/b", "a\\b", "*", "[1]", "con", "=1+1", "-rf", "' OR 1=1",
                 "<script>", "a\nb", "K" * 300],
)  # fmt: skip
def test_an_erased_customer_names_no_file(small, customer):
    small.write("data/acme/transactions.csv", ROWS + f'"{customer}",2024-01-01,5\n')
    small.write("reports/acme/2024-03-31/confidential/customers.csv", f'customer_id,clv\n"{written(customer)}",1\n')
    before = {path for path in small.root.parent.rglob("*") if path.is_file()}
    receipt, path = erase(small.project, small.root / "reports", "acme", customer, pytest.fail)
    new = {path for path in small.root.parent.rglob("*") if path.is_file()} - before
    assert (
        path in new and path.parent == small.root / "reports/acme/erasures" and re.fullmatch(r"[\w-]+\.json", path.name)
    )
    assert all(each.is_relative_to(small.root / "reports") or each.parent == small.root / "data" for each in new)
    assert customer not in path.read_text() or len(customer) < 4
    assert sum(receipt.rows.values()) == 2
    assert (small.root / "data/acme/transactions.csv").read_text() == ROWS


@pytest.mark.parametrize(
    "source",
    ["../secret.csv", "./../secret.csv", "data/../../secret.csv", "data/acme/../../../secret.csv", "..",
     "../*/secret.csv", "data/../../*.csv", "../secret.cs?"],
)  # fmt: skip
def test_a_source_that_leads_out_of_the_project_must_say_so(tmp_path, small, source):
    inner = small.root / "inner"
    for name in ("notebooks", "params", "data"):
        shutil.copytree(small.root / name, inner / name)
    small.write("secret.csv", ROWS)
    (inner / "params/acme.yaml").write_text(BASE.replace("data/acme/transactions.csv", source))
    project = find_project(start=inner)
    with pytest.raises(InputError, match=r"leads out of the project; give an absolute path") as caught:
        sources.source_files(load_params(project, "acme"), "transactions", project)
    assert str(tmp_path) not in str(caught.value)
    absolute = BASE.replace("data/acme/transactions.csv", str(small.root / "secret.csv"))
    (inner / "params/acme.yaml").write_text(absolute)
    assert sources.source_files(load_params(project, "acme"), "transactions", project) == [small.root / "secret.csv"]


def linked(small, place, target):
    (small.root / place).parent.mkdir(parents=True, exist_ok=True)
    (small.root / place).symlink_to(target)


@pytest.mark.parametrize(
    ("place", "target", "source"),
    [
        ("data/acme/x.csv", "{outside}/secret.csv", "data/acme/x.csv"),
        ("data/acme/x.csv", "../../secret.csv", "data/acme/x.csv"),
        ("data/acme/x.csv", "../../params/x.csv", "data/acme/x.csv"),
        ("data/acme/x-1.csv", "{outside}/secret.csv", "data/acme/x-*.csv"),
        ("data/other", "{outside}", "data/other/secret.csv"),
        ("data/other", "{outside}", "data/*/secret.csv"),
        ("data/other", "..", "data/other/secret.csv"),
        ("data/acme/x.csv", "/dev/stdin", "data/acme/x.csv"),
        ("data/acme/x.csv.gz", "{outside}/secret.csv.gz", "data/acme/x.csv.gz"),
        ("sheets/x.csv", "{outside}/secret.csv", "sheets/x.csv"),
        ("data/acme/x.csv", "x2.csv", "data/acme/x.csv"),
    ],
)
def test_no_link_leads_out(small, tmp_path_factory, place, target, source):
    outside = tmp_path_factory.mktemp("outside")
    for path in (
        small.root / "secret.csv",
        small.root / "params/x.csv",
        outside / "secret.csv",
        outside / "secret.csv.gz",
    ):
        path.write_text(ROWS)
    linked(small, "data/acme/x2.csv", outside / "secret.csv")
    linked(small, place, target.format(outside=outside))
    small.write("params/acme.yaml", BASE.replace("data/acme/transactions.csv", source))
    params = load_params(small.project, "acme")
    with pytest.raises(
        InputError, match="is a link that leads out of .*/, and is not followed; copy the file"
    ) as caught:
        sources.source_files(params, "transactions", small.project)
    assert str(outside) not in str(caught.value) and str(small.root) not in str(caught.value)
    with pytest.raises(InputError, match="is a link that leads out"):
        erase(small.project, small.root / "reports", "acme", "1", pytest.fail)
    assert (outside / "secret.csv").read_text() == ROWS


@pytest.mark.parametrize(
    "form", ["convert: {currency: EUR, rates: data/x.csv}", "join: {source: data/x.csv, on: amount}"]
)
def test_a_link_for_rates_or_for_further_columns_is_none_either(small, tmp_path_factory, form):
    outside = tmp_path_factory.mktemp("outside") / "x.csv"
    outside.write_text("currency,rate\nEUR,1.1\n")
    linked(small, "data/x.csv", outside)
    small.write("params/acme.yaml", BASE.replace("csv}", f"csv, {form}}}"))
    with pytest.raises(InputError, match=r"(rates|join).source: data/x.csv is a link that leads out of data/"):
        sources.source_files(load_params(small.project, "acme"), "transactions", small.project)


def test_links_within_data_and_data_on_another_disk_are_followed(small, tmp_path_factory):
    linked(small, "data/acme/again.csv", "transactions.csv")
    small.write("params/acme.yaml", BASE.replace("transactions.csv", "again.csv"))
    assert sources.source_files(load_params(small.project, "acme"), "transactions", small.project)
    disk = tmp_path_factory.mktemp("disk") / "data"
    shutil.move(small.root / "data", disk)
    linked(small, "data", disk)
    assert sources.source_files(load_params(small.project, "acme"), "transactions", small.project)


def test_a_pattern_of_too_many_files_is_refused(small, monkeypatch):
    monkeypatch.setattr(sources, "_MOST_FILES", 3)
    for number in range(4):
        small.write(f"data/acme/t{number}.csv", ROWS)
    small.write("params/acme.yaml", BASE.replace("transactions.csv", "t*.csv"))
    with pytest.raises(InputError, match=r"data/acme/t\*.csv finds more than 3 files; name fewer"):
        sources.source_files(load_params(small.project, "acme"), "transactions", small.project)


@pytest.mark.parametrize("field", ["client", "as_of", "notebook"])
@pytest.mark.parametrize("name", ["../other", "/etc/hostname", '"><script>alert(1)</script>'])
def test_a_record_that_names_another_place_than_its_own_is_left_out(tmp_path, field, name):
    record = {"client": "acme", "as_of": "2024-03-31", "notebook": "analysis", "status": "ok", "metrics": {}}
    path = tmp_path / "acme/2024-03-31/analysis.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record | {field: name}))
    said = []
    assert published(tmp_path, said.append) == {} and field in said[0]
    path.write_text(json.dumps(record))
    assert set(published(tmp_path)) == {"acme"}


PLACES = ("/home/ann/crm/data/acme/x.csv", "/opt/My CRM/x.py", "C:\\Users\\Ann\\crm\\x.csv", "~/crm/x.csv",
          "{cwd}/data/x.csv", "{home}/x.csv", "file:///srv/crm/x.csv", "/tmp/crmlab-run-1/x.csv")  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("said", ["No such file: '{}'", "File {}:12, in f", "cannot be read: {}; mend it"])
def test_no_error_page_tells_where_files_lie(tmp_path, monkeypatch, place, said):
    monkeypatch.chdir((tmp_path / "Ann Lee's CRM").mkdir() or tmp_path / "Ann Lee's CRM")
    monkeypatch.setenv("HOME", "/home/Ann Lee")
    text = said.format(place.format(cwd=Path.cwd(), home=Path.home()))
    meta = {"client_id": "a", "client": "A", "notebook": "n", "title": "N", "as_of": "2024-03-31"}
    page = html.render_failed(meta, {"ename": "OSError", "evalue": text, "traceback": [text, text]})
    for part in ("/home", "/opt", "Users", "~/", "/srv", "/tmp", str(tmp_path), "Ann Lee", "crm/"):
        assert part not in page, part
    assert re.search(r"x\.(csv|py)", page)


def test_the_record_of_a_failure_tells_it_neither(small):
    small.notebook("analysis", "from pathlib import Path", "Path('data/nowhere.csv').resolve().read_text()")
    small.write("params/beta.yaml", BASE.replace("data/acme/transactions.csv", str(small.root / "data/nowhere.csv")))
    assert CliRunner().invoke(main, ["report"]).exit_code == 1
    files = [path for path in (small.root / "reports").rglob("*") if path.is_file() and path.name != ".lock"]
    assert {path.name for path in files} >= {
        "analysis.failed.json",
        "analysis.failed.html",
        "failed.json",
        "index.html",
    }
    for path in files:
        assert str(small.root) not in path.read_text(), path


def test_rows_that_the_engine_spills_lie_where_nobody_else_can_look(tmp_path):
    code = (
        "from crmlab.data import connect; from pathlib import Path\n"
        "((folder,),) = connect().execute(\"SELECT current_setting('temp_directory')\").fetchall()\n"
        "print(folder, oct(Path(folder).stat().st_mode & 0o777))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    folder, mode = done.stdout.split()
    assert mode == "0o700" and Path(folder).parent == tmp_path
    assert not list(tmp_path.iterdir()), "it goes with the process"


@pytest.mark.parametrize(
    "source", ["https://example.org/x.csv", "http://127.0.0.1:1/x.csv", "ftp://x/x.csv", "file:///etc/x.csv"]
)
def test_no_source_is_fetched(small, source):
    small.write("params/acme.yaml", BASE.replace("data/acme/transactions.csv", source))
    with pytest.raises(InputError, match=r"query is missing|no such file"):
        sources.source_files(load_params(small.project, "acme"), "transactions", small.project)
