"""What a run publishes names nobody: `xinglin` with identities planted wherever one could come through."""

import base64
import csv
import html
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from crmlab import datasets
from crmlab.cli import main
from crmlab.messages import _, speaking
from crmlab.privacy import NAMED, pseudonym, pseudonym_key

ROOT = Path(__file__).parents[1]
PEOPLE = (
    "wang.xiaoming@example.cn",
    "13800138000",
    "11010519491231002X",
    "ou-yang@mail.example.com",
    "+86 139 1234 5678",
)
CONTACTS = ("李卫东经理", "chen.jie@example.cn")
# all notebooks run once, on a machine that may be busy
pytestmark = pytest.mark.timeout(900)
# for the client alone
PRIVATE = {"customers.csv", "alerts.csv"}


def rows_of(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return header, rows


def rewrite(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


def plant(data: Path) -> None:
    """Names, ids and ways to reach people: in what they wrote, in wrong columns, in broken lines, in a covariate."""
    _header, customers = rows_of(data / "customers.csv")
    for name in ("surveys.csv", "interactions.csv"):
        header, rows = rows_of(data / name)
        at = header.index("comment")
        for place, row in enumerate(row for row in rows if row[at]):
            customer = customers[place % 2000]
            row[at] += f"，{customer[1]}，{customer[0]}，{PEOPLE[place % len(PEOPLE)]}"
        # before the others, so that they stand among the first rows that broke a rule
        wrong = [row.copy() for row in rows[:3]]
        wrong[0][header.index("date" if "date" in header else "opened_at")] = customers[0][1]
        wrong[1][header.index("nps" if "nps" in header else "reopened")] = PEOPLE[1]
        wrong[2][header.index("invited" if "invited" in header else "resolved_at")] = customers[1][0]
        rewrite(data / name, header, wrong + rows)
    header, rows = rows_of(data / "contracts.csv")
    rewrite(data / "contracts.csv", [*header, "contact"], [[*row, CONTACTS[n % 2]] for n, row in enumerate(rows)])
    lines = (data / "transactions.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    lines.insert(5, f"{','.join(customers[2])},{PEOPLE[0]}\n")
    (data / "transactions.csv").write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The client reported on by every notebook, and by one in which an analyst looks at plain frames."""
    root = tmp_path_factory.mktemp("identity")
    shutil.copytree(ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (root / "params").mkdir()
    datasets.write("xinglin", root / "data" / "xinglin")
    plant(root / "data" / "xinglin")
    settings = YAML(typ="safe").load(ROOT / "params" / "xinglin.yaml")
    settings["data"]["contracts"]["personal"] = ["contact"]
    for notebook in ("value_analysis", "churn_modelling"):
        settings[notebook]["draws"] = 40
    YAML(typ="safe").dump(settings, root / "params" / "xinglin.yaml")
    look(root / "notebooks", "customers", "customers.set_index('customer_id')", "customers['customer_id']")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        result = CliRunner().invoke(main, ["report"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    return root


def look(notebooks: Path, *cells: str) -> None:
    """A notebook of an analyst: what `value_analysis` reads, shown as it is."""
    notebook = json.loads((notebooks / "value_analysis.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    asked = ('client.optional("customers")', 'client.optional("contracts")', 'client.optional("surveys")')
    cells = ("import crmlab", "client = crmlab.open(client, as_of)", "customers = client.customer_summary()", *cells)
    cells = (*cells, *(f"{each}.head(20)" for each in asked), "client.publish()")
    shown = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": text, "execution_count": None, "outputs": []}
        for n, text in enumerate(cells)
    ]
    title = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": "# A look\n\nAt plain frames."}
    about = {"title": "A look", "tables": ["customers"], "optional": [], "needs": []}
    content = notebook | {"cells": [title, code[0], *shown]}
    content["metadata"] = content["metadata"] | {"crmlab": about}
    (notebooks / "look.ipynb").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def identities(project):
    """Ids of any kind, and names and what was planted."""
    ids, names = set(), {*PEOPLE, *CONTACTS}
    for path in (project / "data" / "xinglin").glob("*.csv"):
        header, rows = rows_of(path)
        for at, column in enumerate(header):
            if column.endswith("_id"):
                ids |= {row[at] for row in rows if at < len(row) and row[at]}
            if path.stem == "customers" and column == "name":
                names |= {row[at] for row in rows if row[at]}
    assert len(ids) > 30_000 and len(names) >= 2_000
    return ids, names


def said(path: Path) -> str:
    """All that a file says: as it stands, unescaped, and what is packed into it."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix in (".json", ".ipynb"):
        text += json.dumps(json.loads(text), ensure_ascii=False)
    packed = [base64.b64decode(part).decode("utf-8", "ignore") for part in re.findall(r";base64,([\w+/=]+)", text)]
    return "\n".join([text, html.unescape(text), unquote(text), *packed])


def found_in(text: str, identities) -> set[str]:
    ids, names = identities
    # what is not in one run of signs that any of them is made of need not be looked at
    runs = "\n".join(set(re.findall(r"[\w.@+-]+(?: \d+)*", text)))
    return ids & set(re.findall(r"[A-Z]{1,2}\d{5,6}", text)) | {name for name in names if name in runs}


def published(project) -> list[Path]:
    files = [path for path in (project / "reports").rglob("*") if path.suffix in (".html", ".json", ".ipynb", ".jsonl")]
    return sorted(files)


def test_no_published_file_names_anybody(project, identities):
    files = published(project)
    assert len([path for path in files if path.suffix == ".ipynb"]) >= 5
    found = {path.relative_to(project).as_posix(): found_in(said(path), identities) for path in files}
    assert {path: sorted(names)[:5] for path, names in found.items() if names} == {}


def test_every_other_file_is_for_the_client_alone(project):
    others = [path for path in (project / "reports").rglob("*") if path.is_file() and path not in published(project)]
    named = [path for path in others if path.name in PRIVATE or path.parent.name in ("customers", "alerts")]
    assert len(named) >= 4 and all(path.stat().st_mode & 0o777 == 0o600 for path in named)
    for path in {*others} - {*named}:
        assert path.name.startswith(".") or path.name.startswith("audit."), path


def test_the_search_finds_what_is_there(project, identities):
    """In the files for the client alone, and in a page with each of the identities put into it."""
    ids, names = identities
    assert len(found_in(said(next((project / "reports").rglob("customers.csv"))), identities)) > 1_000
    page = next(path for path in published(project) if path.name == "nps_analysis.html")
    text = page.read_text(encoding="utf-8")
    for name in (*PEOPLE, *CONTACTS, *sorted(names)[:5], *sorted(ids)[:5]):
        hidden = base64.b64encode(name.encode()).decode()
        for form in (name, "".join(f"&#{ord(letter)};" for letter in name), f"data:text/csv;base64,{hidden}"):
            changed = page.with_name("changed.html")
            changed.write_text(text.replace("</main>", f"<p>{form}</p></main>"), encoding="utf-8")
            try:
                assert found_in(said(changed), identities) == {name}, form
            finally:
                changed.unlink()


def test_customers_are_shown_by_the_code_that_stands_for_them(project):
    page = next(path for path in published(project) if path.name == "look.html").read_text(encoding="utf-8")
    key = pseudonym_key(project)
    assert pseudonym("xinglin", "C00001", key) in page
    page = next(path for path in published(project) if path.name == "churn_modelling.html").read_text(encoding="utf-8")
    # the customer whose row is there twice
    twice = next(row[0] for at, row in enumerate(rows_of(project / "data/xinglin/customers.csv")[1]) if at == 862)
    assert pseudonym("xinglin", twice, key) in page


def test_what_people_wrote_is_shown_with_marks(project):
    page = next(path for path in published(project) if path.name == "nps_analysis.html").read_text(encoding="utf-8")
    with speaking("zh"):
        name = re.escape(_(NAMED))
        ways = "|".join(re.escape(_(way)) for way in ("[e-mail address]", "[phone number]", "[identity number]"))
    assert re.search(f"，{name}，{name}，(?:{ways})", page)
