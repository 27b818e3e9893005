"""Attacks by what is published: scripts in every field, formulas in every file, small groups told by subtraction."""

import csv
import itertools
import re
from datetime import date
from urllib.parse import quote

import nbformat.v4 as nb
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from scipy.optimize import linprog

from crmlab import findings, groups, publication, tables
from crmlab.csv_cells import unguarded
from crmlab.privacy import CONFIDENTIAL
from crmlab.report import alerts, customers, html
from crmlab.report.history import render_history
from crmlab.report.index import render_index
from crmlab.report.published import Published
from tests.test_report_html import META, notebook

SCRIPTS = (
    "<script>alert(1)</script>", "<ScRiPt src=//evil.example/x.js>", "</script><script>alert(1)</script>",
    "</title><script>", "</style><script>x</script>", "<!--><script>x</script>-->", "]]><script>x</script>",
    "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "' onmouseover='alert(1)' x='",
    '" onfocus="alert(1)" autofocus="', "<iframe srcdoc='<script>'>",
    "<a href=javascript:alert(1)>x</a>", "<base href=//evil.example>", "<meta http-equiv=refresh content=0>",
    "<form action=//e>", "<style>*{background:url(//evil)}</style>", "<math><mtext><script>x</script>",
    "<details open ontoggle=alert(1)>", "<link rel=stylesheet href=//evil>", "{{ 7*7 }}{% for x in y %}",
    "${alert(1)}`", "\u2028<script>\x0b", "<b>bold</b>",
    "<td></table><script>", "<object data=//evil>", "<template><script>", "<scr\0ipt>x<script >",
)  # fmt: skip


BOOK = notebook("Core")


def report(text):
    book = BOOK
    # the figure is drawn by others' tests; what is Markdown may have marks of its own
    cells = [cell for cell in book.cells if cell.source not in ("plots.figure", "md")]
    return html.render(nb.new_notebook(cells=[_filled(cell, text) for cell in cells]), META)


def _filled(cell, text):
    """Whatever an output says of "Core" says it of `text`; our own styled frame stays what it is."""

    def fill(value):
        if isinstance(value, str):
            return value.replace("Core", text)
        if isinstance(value, dict):
            return {name: fill(each) if name != "text/html" else each for name, each in value.items()}
        return [fill(each) for each in value] if isinstance(value, list) else value

    outputs = [
        type(output)({**output, "data": type(output)(fill(output["data"]))}) for output in cell.get("outputs", [])
    ]
    return type(cell)({**cell, **({"outputs": outputs} if "outputs" in cell else {})})


def head(text):
    named = {
        "client": text,
        "title": text,
        "client_id": text,
        "parameters": {text: text, "list": [text], "dict": {text: text}},
    }
    told = {"data": {text: {"rows": 5, "rejected": 1, "reasons": {text: 1}}}, "fingerprint": text}
    return html.render(
        nb.new_notebook(cells=[nb.new_markdown_cell("# T")]),
        META | named | told | {"provenance": {"git": text, "versions": {text: text}}},
    )


def failed(text):
    error = {"ename": text, "evalue": text, "traceback": [text], "cell": text}
    return html.render_failed(META | {"client": text, "title": text, "notebook": text}, error, last_good="x.html")


def _client(text):
    metric = {"value": 1.0, "low": None, "high": None, "unit": text, "n": 1, "label": text, "no_interval": text}
    entry = {"client": text, "client_name": text, "notebook": text, "title": text, "as_of": "2026-06-30",
    "reason": text, "status": "failed", "metrics": {text: metric, "clv_total": metric}, "href": quote(text),
    "failed_href": None}  # fmt: skip
    return Published(text, (entry,), {"client_name": text, "reason": f"{text}\n{text}"})


def portfolio(text):
    return render_index({text: _client(text)})


def history(text):
    return render_history(_client(text))


def skeleton(page):
    """Every element with the names of its attributes: what no text may change."""
    return [(tag.name, sorted(tag.attrs)) for tag in BeautifulSoup(page, "html.parser").find_all(True)]


@pytest.fixture(scope="module")
def plain():
    """The same pages of harmless words as long."""
    made = {}

    def of(page, length):
        if (page, length) not in made:
            made[page, length] = skeleton(page("x" * length))
        return made[page, length]

    return of


@pytest.mark.parametrize("page", [report, head, failed, portfolio, history])
@pytest.mark.parametrize("text", SCRIPTS)
def test_what_a_field_holds_changes_nothing_but_the_text_of_a_page(plain, page, text):
    made = page(text)
    assert skeleton(made) == plain(page, len(text))
    assert "<" not in text or text not in made
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in made


@pytest.mark.parametrize(
    "text", ["[x](javascript:alert(1))", "![x](https://evil.example/x.png)", "<javascript:alert(1)>",
             "[x]: javascript:alert(1)\n[x]",
             "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "[x](\x01javascript:alert(1))",
             "<script>x</script>", "![x](x \"onerror=alert(1)\")", "```html\n<script>x</script>\n```"],
)  # fmt: skip
def test_markdown_of_an_output_runs_and_fetches_nothing(text):
    said = nb.new_output("display_data", data={"text/markdown": f"Of {text}", "text/plain": ""})
    cells = [nb.new_markdown_cell(f"# T\n\n## A: b?\n\n{text}"), nb.new_code_cell("md", outputs=[said])]
    found = BeautifulSoup(html.render(nb.new_notebook(cells=cells), META), "html.parser")
    assert not found.select("img, iframe, object, form, main script, link[rel=stylesheet]")
    for link in found.select("[href]"):
        assert not re.match(r"\s*(?:javascript|vbscript|data:text/html)", link["href"].strip("\x01"), re.IGNORECASE)


FORMULAS = (
    "=1+1", "=cmd|' /C calc'!A0", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "'=1+1", "''=1+1", "＝1+1", "＠SUM(A1)", "＋1+1", "－1+1",
    '=HYPERLINK("//e")', '=1+1";=1+1', "-A12", "+86 139 1234", "=1,=2", "@", "-", "%0A-3+3",
)  # fmt: skip
NUMBERS = ("-5", "+3.2", "-1e3", "-0.5", "12")
STARTS = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")


def cells_of(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [cell for row in csv.reader(stream) for cell in row]


def handed_over(folder, **given):
    """As a notebook hands it over, and a run joins it."""
    day = folder / "day"
    publication.write(day.with_name("out"), metrics={}, models={}, **{"customers": (), "alerts": (), **given},
                      as_of=date(2024, 3, 31), currency="USD", data={}, period=None)  # fmt: skip
    for kind, ending in (("customers", ".csv"), ("alerts", ".alerts.csv")):
        (day / CONFIDENTIAL / kind).mkdir(parents=True)
        if (part := folder / f"out{ending}").exists():
            part.rename(day / CONFIDENTIAL / kind / "analysis.csv")
    (folder / "staging").mkdir()
    (day / "analysis.json").write_text('{"status": "ok", "metrics": {}}')
    return day, folder / "staging"


@pytest.mark.parametrize("text", [*FORMULAS, *NUMBERS])
def test_no_cell_of_customers_csv_is_a_formula_and_ids_join(tmp_path, text):
    rows = pd.DataFrame({"customer_id": [text, "K1"], "note": ["a", text], "amount": [-5.5, -1e300]})
    day, staging = handed_over(tmp_path, customers=[rows])
    customers.join(day, staging)
    written = cells_of(day / customers.JOINED)
    kept = [text] * 2 if text in NUMBERS[:4] else []
    assert sorted(cell for cell in written if STARTS.match(cell)) == sorted([*kept, "-5.5", "-1e+300"])
    assert {unguarded(cell) for cell in written[3::3]} == {text, "K1"}
    back = findings.customers(day, ("analysis",)).set_index("customer_id")
    assert back.index.tolist() == sorted([text, "K1"]) and back.loc[text, "amount"] == -5.5


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_alerts_csv_is_a_formula(tmp_path, text):
    told = dict.fromkeys(("customer_id", "kind", "reason", "action", "source"), [text])
    given = pd.DataFrame({**told, "severity": ["high"], "value_at_risk": [-12.5]})
    day, staging = handed_over(tmp_path, alerts=[given])
    alerts.join(day, staging)
    written = cells_of(day / alerts.JOINED)
    assert [cell for cell in written if STARTS.match(cell)] == ["-12.5"]
    assert sum(unguarded(cell) == text for cell in written) == 5


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_the_file_that_a_page_offers_is_a_formula(text):
    rows = pd.DataFrame({text: [text] * 40, "amount": [-1.5] * 40})
    made = tables.table(rows, title="T").content["csv"]
    written = [cell for row in csv.reader(made.splitlines(keepends=True)) for cell in row]
    assert [cell for cell in written if STARTS.match(cell)] == ["-1.5"] * 40


@pytest.mark.parametrize("seed", range(24))
def test_no_two_tables_tell_by_their_difference_what_neither_shows(seed):
    """By region, by channel and by both, against a reader who sets up every equation and knows the rule."""
    rng = np.random.default_rng(seed)
    regions, channels = rng.integers(2, 5, 2)
    counts = rng.choice([0, 1, 2, 3, 4, 5, 6, 9, 30], (regions, channels))
    counts[0, 0] = 1 + seed % 4
    pairs = [
        (f"r{r}", f"c{c}") for r, c in itertools.product(range(regions), range(channels)) for _n in range(counts[r, c])
    ]
    people = pd.DataFrame(pairs, columns=["region", "channel"])
    by = [["region"], ["channel"], ["region", "channel"]]
    hidden = groups.hidden_together(people, by)
    cells = people.groupby(by[-1]).size().index.to_frame()
    equal, known, below, most, goals = [np.ones(len(cells))], [len(people)], [], [], []
    for names, hide in zip(by, hidden, strict=True):
        for group, told in hide.items():
            parts_of = [group] if len(names) == 1 else list(group)
            inside = (cells[names] == parts_of).all(axis=1).to_numpy(float)
            size = int((people[names] == parts_of).all(axis=1).sum())
            assert told or size >= 5
            if not told:
                equal, known = [*equal, inside], [*known, size]
                continue
            # of a table that is hidden whole nobody can tell which of its groups are small
            small = size < 5 and not hide.all()
            below, most = [*below, -inside], [*most, -1.0 if small or hide.all() else -5.0]
            if small:
                below, most = [*below, inside], [*most, 4.0]
            if size < 5:
                goals.append(inside)
    assert goals
    for goal in goals:
        ends = []
        for sign in (1, -1):
            solved = linprog(sign * goal, A_ub=below, b_ub=most, A_eq=equal, b_eq=known)
            ends.append(sign * solved.fun if solved.status == 0 else -sign * np.inf)
        assert ends[1] - ends[0] > 1 - 1e-6
