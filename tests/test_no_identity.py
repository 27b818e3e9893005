"""What a run publishes names nobody, and tells of no small group.

`xinglin` with identities planted wherever one could come through, and with a border for groups under which two of its
regions lie, and many segments, tiers and reasons.
"""

import base64
import csv
import html
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from crmlab import datasets
from crmlab.cli import main
from crmlab.disclosure import HIDDEN
from crmlab.messages import _, ngettext, speaking
from crmlab.privacy import CONFIDENTIAL, NAMED, pseudonym, pseudonym_key
from crmlab.prose import MIME

ROOT = Path(__file__).parents[1]
PEOPLE = (
    "wang.xiaoming@example.cn",
    "13800138000",
    "11010519491231002X",
    "ou-yang@mail.example.com",
    "+86 139 1234 5678",
)
CONTACTS = ("李卫东经理", "chen.jie@example.cn")
# customers that make a group: two regions have fewer, or would be told of by the one that has
MIN_GROUP, SMALL_REGIONS = 60, ("浙江", "山东")
BY_REGION = {"value_analysis": "group_by", "churn_modelling": "group_by", "roi_evaluation": "effect_group_by"}
# all notebooks run once, on a machine that may be busy
pytestmark = pytest.mark.timeout(900)


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
    for notebook in ("value_analysis", "churn_modelling", "nps_analysis"):
        settings[notebook]["draws"] = 40
    settings["crm_diagnosis"] |= {"draws": 400, "back_test_dates": 1}
    settings["roi_evaluation"]["simulations"] = 1000
    settings["min_group"] = MIN_GROUP
    for notebook, option in BY_REGION.items():
        settings[notebook][option] = "region"
    YAML(typ="safe").dump(settings, root / "params" / "xinglin.yaml")
    look(root / "notebooks", "customers", "customers.set_index('customer_id')", "customers['customer_id']")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        result = CliRunner().invoke(main, ["report"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    (root / "log.txt").write_text(result.output, encoding="utf-8")
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
    if path.suffix == ".html":
        text += re.sub(r"<[^>]*>", "", text)  # what stands in several elements, as letters of a figure may
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
    pages = {path.name for path in files}
    assert {"index.html", "crm_diagnosis.html", "crm_diagnosis.json", "audit.jsonl"} <= pages
    files.append(project / "log.txt")
    found = {path.relative_to(project).as_posix(): found_in(said(path), identities) for path in files}
    assert {path: sorted(names)[:5] for path, names in found.items() if names} == {}


def test_every_other_file_is_for_the_client_alone(project):
    others = [path for path in (project / "reports").rglob("*") if path.is_file() and path not in published(project)]
    named = [path for path in others if CONFIDENTIAL in path.parts]
    assert {path.name for path in named} >= {"customers.csv", "alerts.csv", "churn_modelling.csv"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in named)
    folders = {folder for path in named for folder in path.parents if CONFIDENTIAL in folder.parts}
    assert folders and all(folder.stat().st_mode & 0o777 == 0o700 for folder in folders)
    for path in {*others} - {*named}:
        assert path.relative_to(project / "reports").parts[0].startswith((".", "audit.")), path


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


@pytest.fixture(scope="module")
def pages(project):
    """By notebook, the tables, figures and sentences that its page shows."""
    found = {}
    for path in (project / "reports").rglob("*.ipynb"):
        outputs = [
            each for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] for each in cell.get("outputs", ())
        ]
        found[path.stem] = [each["data"][MIME] for each in outputs if MIME in each.get("data", {})]
    assert set(BY_REGION) | {"nps_analysis", "crm_diagnosis"} <= set(found)
    return found


def of_type(pages, kind: str, *notebooks: str) -> list[dict]:
    return [
        each
        for name, page in pages.items()
        for each in page
        if each.get("type") == kind and name in (notebooks or pages)
    ]


def numbers(pattern: str, text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(pattern, text)]


def too_few(counts) -> list[int]:
    return [n for n in counts if 0 < n < MIN_GROUP]


def test_no_table_counts_a_small_group(pages):
    with speaking("zh"):
        names = ("Customers", "Customers at the start", "Customers won", "Customers reached", "Customers compared")
        counting = {_(name) for name in names}
    hidden = 0
    for table in of_type(pages, "table"):
        for place, column in enumerate(table["columns"]):
            if column["label"] in counting:
                texts = [row[place]["text"] for row in (*table["rows"], *table["total"])]
                hidden += texts.count(HIDDEN)
                assert too_few(int(text.replace(",", "")) for text in texts if text != HIDDEN) == [], table["title"]
    assert hidden > 20


def test_no_figure_counts_a_small_group(pages):
    with speaking("zh"):
        customers = re.escape(ngettext("{n} customer", "{n} customers", 2)).replace(r"\{n\}", r"([\d,]+)")
    of_customers = [
        figure for figure in of_type(pages, "figure") if figure["name"] not in ("score_overview", "rfm_map")
    ]
    assert len(of_customers) > 40
    for figure in of_customers:
        drawn = re.findall(r"<text[^>]*>([^<]*)</text>", figure["wide"] + figure["narrow"])
        told = "\n".join((figure["title"], figure["label"], *drawn))
        assert too_few(numbers(customers, told)) == [], figure["name"]
        assert too_few(numbers(r"n = ([\d,]+)", told)) == [], figure["name"]
        if figure["name"] in ("value_risk_map", "segment_map"):
            assert too_few(int(text) for text in drawn if text.isdigit()) == [], figure["name"]
            assert HIDDEN in drawn


def test_a_figure_shows_no_group_that_the_table_beside_it_hides(pages):
    for name, kind in (
        ("value_analysis", "rfm_map"),
        ("crm_diagnosis", "strategies_by_stake"),
        ("churn_modelling", "value_at_risk_by_reason"),
    ):
        figures = [figure for figure in of_type(pages, "figure", name) if figure["name"] == kind]
        rows = [row for table in of_type(pages, "table", name) for row in table["rows"]]
        hidden = {row[0]["text"] for row in rows if any(cell["text"] == HIDDEN for cell in row[1:])}
        shown = {row[0]["text"] for row in rows if len(row) > 1 and all(cell["text"] != HIDDEN for cell in row)}
        assert figures and hidden - shown
        for figure in figures:
            for group in hidden - shown:
                assert f"{group} " not in figure["label"] and f"{group}：" not in figure["label"]
                assert f">{group}<" not in figure["wide"] + figure["narrow"]


def test_small_regions_are_named_nowhere(pages):
    """Not in a table, not in a figure, not in a sentence: what is told of them is told of them together with others."""
    told = json.dumps([pages[name] for name in BY_REGION], ensure_ascii=False)
    assert "黑龙江" in told
    assert [region for region in SMALL_REGIONS if region in told] == []


def test_sentences_rest_on_no_small_group(pages):
    # the diagnosis tells how many indicators a score rests on
    told = [
        json.dumps(each, ensure_ascii=False)
        for name in pages
        for each in of_type(pages, "answer", name)
        if name != "crm_diagnosis"
    ]
    assert len(told) > 30
    assert {text: few for text in told if (few := too_few(numbers(r"n = ([\d,]+)", text)))} == {}


def test_what_is_hidden_is_told_by_no_two_tables_of_the_diagnosis(project, pages):
    """Levels, map, strategies and segments count the same customers: none small is a sum or difference of others."""
    (path,) = (project / "reports").rglob("customers.csv")
    header, rows = rows_of(path)
    names = dict(value="value_level", satisfaction="satisfaction_level", risk="risk_tier", strategy="strategy")
    customers = [tuple(row[header.index(column)] for column in names.values()) for row in rows]
    parts, sizes = zip(*sorted(Counter(customers).items()), strict=True)
    shown = [np.ones(len(parts))]
    secret = []
    for places in ((0,), (1,), (2,), (0, 1), (3,), (0, 1, 2)):
        groups = {tuple(part[place] for place in places) for part in parts}
        inside = {
            group: np.array([tuple(part[p] for p in places) == group for part in parts], float) for group in groups
        }
        told = counts_shown(pages["crm_diagnosis"], places)
        shown += [vector for vector in inside.values() if vector @ sizes in told]
        secret += [vector for vector in inside.values() if vector @ sizes < MIN_GROUP]
    assert len(shown) > 15 and len(secret) > 15
    rank = np.linalg.matrix_rank(np.array(shown))
    assert all(np.linalg.matrix_rank(np.array([*shown, vector])) > rank for vector in secret)


def counts_shown(page: list[dict], places: tuple[int, ...]) -> set[int]:
    """How many customers are in the groups that the page shows of a table or map."""
    with speaking("zh"):
        head, by, strategy = _("Customers"), _("By"), _("Strategy")
    found = set()
    for table in (each for each in page if each["type"] == "table" and head in [c["label"] for c in each["columns"]]):
        labels = [column["label"] for column in table["columns"]]
        kind = {by: 1, strategy: 1}.get(labels[0], labels.index(head))
        is_strategy = labels[0] == strategy
        if kind == len(places) and is_strategy == (places == (3,)):
            counts = [row[labels.index(head)]["text"] for row in table["rows"]]
            found |= {int(text.replace(",", "")) for text in counts if text != HIDDEN}
    if len(places) == 2:
        (drawn,) = (each["label"] for each in page if each.get("name") == "segment_map")
        found |= set(numbers(r"：([\d,]+)", drawn))
    return found
