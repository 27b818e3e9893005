import base64
import copy
import hashlib
from concurrent.futures import ThreadPoolExecutor

import nbformat.v4 as nb
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

from crmlab import plots, prose, tables
from crmlab.intervals import Estimate, Target, count, wilson
from crmlab.plots.labels import place_beside
from crmlab.report import html
from crmlab.report.history import render_history
from crmlab.report.index import render_index
from crmlab.report.published import Published

HOSTILE = '广源农机 <script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'
META = {
    "client_id": "cdnow",
    "client": "CDNOW",
    "notebook": "value_analysis",
    "title": "Value analysis",
    "as_of": "1998-06-30",
    "currency": "USD",
    "language": "en",
    "status": "ok",
    "parameters": {"horizon_months": 12, "calibration_end": None, "targets": {"csat": 0.95}},
    "fingerprint": "ef" * 32,
    "provenance": {
        "seconds": 12.4,
        "versions": {"crmlab": "1.0", "Python": "3.11"},
        "git": "abc1234",
        "run_on": "2026-11-21",
    },
    "data": {},
    "previous": "1998-03-31",
}


OUT = ("stdout", "stderr")


def scatter(result, ax):
    ax.plot([0, 1], [0, 1])
    place_beside(ax, [0.2, 0.8], [0.8, 0.2], [9, 9], [result, f"{result} again"])
    ax.set_title(f"The finding {result}", loc="left")
    ax.set_label(f"A line from 0 to 1 {result}")
    return ax


def code(source, *shown):
    return nb.new_code_cell(source, outputs=[output(each) for each in shown])


def output(shown):
    if hasattr(shown, "_repr_mimebundle_"):
        return nb.new_output("display_data", data=shown._repr_mimebundle_())
    if isinstance(shown, pd.DataFrame):
        return nb.new_output("execute_result", data={"text/html": shown._repr_html_(), "text/plain": repr(shown)})
    return nb.new_output("display_data", data=shown)


def notebook(name="Core"):
    """A report in small, with the same name in every slot that data may fill."""
    value = Estimate(767_123, 745_000, 789_000, "USD", 23_570, f"Lifetime value {name}")
    rows = pd.DataFrame({"segment": [name, "Quiet"], "n": [4355, 3525], "back": [wilson(3, 10), wilson(5, 9)]})
    rejected = {"table": name, "file": name, "row": 7, "column": name, "value": name, "reason": name}
    cells = [
        nb.new_markdown_cell("# Value analysis\n\nWhat the customers\nare worth."),
        code("horizon_months = 12"),
        nb.new_markdown_cell("Reading the tables."),
        code("client = crmlab.open(client)"),
        nb.new_markdown_cell("## The bottom line"),
        code(
            "worth.summary()",
            prose.bottom_line(f"They should spend $767,000 (n = 23,570). {name}", f"Lend to {name}."),
            prose.key_figures(
                {
                    "clv_total": value,
                    "repeat_share": wilson(11_514, 23_570, label="Bought again"),
                    "customers": count(23_570, "customers", "Customers"),
                    "cac": prose.missing(f"Acquisition cost {name}", f"no table {name}"),
                },
                targets={"repeat_share": Target(0.5)},
            ),
        ),
        nb.new_markdown_cell("## Data: what was read?"),
        code("client.data_quality()", tables.data_quality([{"table": name, "rows": 5, "accepted": 5, "rejected": 0}])),
        code("client.rejected_rows()", tables.rejected_rows([rejected])),
        nb.new_markdown_cell("## Concentration: who brings the revenue?\n\nA `<b>static</b>` <u>line</u>."),
        code("answer", prose.answer(f"The top fifth brought 67.8% (n = 23,570). {name}")),
        code("plots.figure", plots.figure(scatter, name, subtitle=name)),
        nb.new_markdown_cell("**How to read it.** The further the curve bows, the worse."),
        code("tables.table", tables.table(rows, title=name, subtitle=name, bars={"back": (0, 1)}, flag=name)),
        code("frame", pd.DataFrame({"model": [name, "b"], "log-likelihood": [-9582.4, np.nan]})),
        code("styled", {"text/html": f"<style>td{{color:red}}</style><p onclick='x()'>{name}</p>", "text/plain": ""}),
        code("md", {"text/markdown": f"Of **{name}** ![x](https://example.org/x.png)", "text/plain": ""}),
        code("plain", {"text/plain": name}),
        nb.new_markdown_cell("## Credit: who pays?"),
        code("skip", prose.skipped(f"Credit risk: skipped. {name}", f"No payments of {name}.")),
        nb.new_markdown_cell("## Cautions\n\n- Rates are constant."),
        code("caution", prose.caution(f"The forecast runs low. {name}", name)),
        nb.new_markdown_cell("## References\n\n1. Fader (2005). *Marketing Science*.\n2. Hardie (2013)."),
        nb.new_markdown_cell("## Definitions\n\n- **Lifetime value**: expected spend.\n- **Frequency**: purchases."),
        code("client.publish()"),
    ]
    for place, cell in enumerate(cells):
        cell["id"] = f"c{place}"
    return nb.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def page():
    return html.render(notebook(), META)


@pytest.fixture(scope="module")
def soup(page):
    return BeautifulSoup(page, "html.parser")


def texts(found):
    return [" ".join(each.get_text(" ").split()) for each in found]


def test_it_is_nbconvert_that_converts():
    assert isinstance(html.exporter(), HTMLExporter)


def test_head_and_title_block(soup):
    assert soup.html["lang"] == "en"
    assert soup.title.string == "CDNOW: Value analysis, as of 30 June 1998"
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    rest, _, allowed = policy.partition("; script-src ")
    assert rest == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    (script,) = soup.find_all("script")
    digest = hashlib.sha256(script.string.encode()).digest()
    assert allowed == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert texts(soup.select("header.title > *")) == ["Value analysis", "CDNOW", "What the customers are worth."]
    assert texts(soup.select(".facts > div")) == [
        "As of 30 June 1998",
        "Last run 31 March 1998",
        "Currency US dollars",
        "Language English",
    ]


def test_sections_follow_the_notebook_and_end_with_the_usual_four(soup):
    assert texts(soup.select(".toc a")) == [
        "Concentration",
        "Credit skipped",
        "Definitions",
        "Data",
        "Cautions",
        "References",
    ]
    assert texts(soup.select(".body h2")) == [
        "1 Concentration Who brings the revenue?",
        "2 Credit Who pays?",
        "Definitions",
        "What was read?",
        "Cautions",
        "References",
    ]
    assert [section["id"] for section in soup.select(".body > section")] == [
        "s1",
        "s2",
        "method",
        "data",
        "cautions",
        "refs",
    ]


def test_the_lead_holds_the_verdict_and_its_figures(soup):
    assert texts(soup.select(".lead .say")) == ["They should spend $767,000 (n = 23,570). Core"]
    assert "n\u00a0=\u00a023,570" in soup.select_one(".lead .say").get_text()
    cards = soup.select(".keys > li")
    assert texts(cards)[0].startswith("Lifetime value Core $767 k [745, 789]")
    assert texts(cards[1].select(".bad")) == ["below the target of 50%"]
    assert texts(cards)[3] == "Acquisition cost Core – No table Core not estimated"
    assert cards[1].select_one(".iv")["class"] == ["iv", "off"]


def test_the_answer_stands_right_under_the_question(soup):
    assert texts(soup.select("#s1 h2 + p")) == ["The top fifth brought 67.8% (n = 23,570). Core"]


def test_a_figure_stands_with_both_drawings_and_how_to_read_it(page, soup):
    figure = soup.select_one("figure.fig")
    assert [svg["class"] for svg in figure.find_all("svg")] == [["wide"], ["narrow"]]
    assert 'viewBox="0 0 736 400"' in page
    assert texts(figure.select("figcaption strong")) == ["The finding Core"]
    assert texts(figure.select(".read")) == ["How to read it. The further the curve bows, the worse."]


def test_tables_have_captions_row_headers_and_a_focusable_region(soup):
    for region in soup.select(".body .tab"):
        assert region["role"] == "region" and region["tabindex"] == "0"
        assert region.get("aria-label") or soup.find(id=region["aria-labelledby"]).name == "caption"
        for row in region.select("tbody tr"):
            assert row.find("th")["scope"] == "row"
    segments = soup.select_one("#s1 .tab")
    assert texts(segments.select("tbody tr"))[0] == "Core 4,355 30.0 [10.8, 60.3]"
    assert segments.select_one("tbody tr")["class"] == ["flag"]
    assert len(segments.select(".iv")) == 2


def test_a_plain_frame_is_set_in_house_style_without_its_row_numbers(soup):
    found = soup.select("#s1 .tab")[1]
    assert texts(found.select("thead th")) == ["model", "log-likelihood"]
    assert texts(found.select("tbody tr")) == ["Core −9582.4", "b NaN"]
    assert found.select_one("td")["class"] == ["num"]


def test_frames_with_two_header_rows_and_spanning_cells():
    frame = pd.DataFrame(
        [[1, 2], [3, 4]], columns=pd.MultiIndex.from_product([["spend"], ["mean", "sd"]]), index=["a", "b"]
    )
    found = BeautifulSoup(
        html.render(nb.new_notebook(cells=[*notebook().cells[:9], code("x", frame)]), META), "html.parser"
    )
    table = found.select("table")[-1]
    assert texts(table.select("thead th")) == ["", "spend mean", "spend sd"]
    assert texts(table.select("tbody tr")) == ["a 1 2", "b 3 4"]


def test_markdown_lets_no_html_and_no_picture_through(soup):
    assert texts(soup.select("#s1 > p"))[1] == "A <b>static</b> <u>line</u>."
    assert "example.org" not in str(soup)
    assert soup.find("img") is None


def test_pictures_are_data_and_tell_what_they_show():
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><script>window.XSS=1</script></svg>'
    cells = [
        code("a", {"image/png": "iVBORw0KGgo=\n", "text/plain": "A curve that rises"}),
        code("b", {"image/svg+xml": drawing, "text/plain": "<Figure size 640x480 with 1 Axes>"}),
    ]
    page = html.render(nb.new_notebook(cells=cells), META)
    first, second = BeautifulSoup(page, "html.parser").select("main img")
    assert (first["src"], first["alt"]) == ("data:image/png;base64,iVBORw0KGgo=", "A curve that rises")
    assert second["src"].startswith("data:image/svg+xml;base64,") and second["alt"] == "Figure without a description"
    assert "XSS" not in page and "No description has been provided" not in page


def test_printed_text_is_shown_and_warnings_are_not():
    cell = nb.new_code_cell("x", outputs=[nb.new_output("stream", name=name, text=f"{name} <b>") for name in OUT])
    pre = BeautifulSoup(html.render(nb.new_notebook(cells=[cell]), META), "html.parser").select("main section pre")
    assert [each.get_text() for each in pre] == ["stdout <b>", "x"]


def test_definitions_and_references_are_lists_of_their_kind(soup):
    definitions = soup.select_one("#method dl.defs")
    assert texts(definitions.find_all("dt")) == ["Lifetime value", "Frequency"]
    assert texts(definitions.find_all("dd")) == ["Expected spend.", "Purchases."]
    assert texts(soup.select("#refs ol.refs > li")) == ["Fader (2005). Marketing Science .", "Hardie (2013)."]


def test_code_is_folded_in_its_section_and_the_rest_under_method(soup):
    folds = {section["id"]: section.select_one("details.code pre") for section in soup.select(".body > section")}
    assert "plots.figure" in folds["s1"].get_text()
    shared = folds["method"].get_text()
    assert "client = crmlab.open(client)" in shared and "client.publish()" in shared and "worth.summary()" in shared
    assert folds["data"] is None and folds["refs"] is None


def test_footer_lists_parameters_and_provenance(soup):
    footer = " ".join(soup.footer.get_text(" ").split())
    assert "horizon_months 12 calibration_end none targets csat: 0.95" in footer
    assert "Notebook value_analysis.ipynb Run 21 November 2026, 12.4 s Versions crmlab 1.0, Python 3.11" in footer
    assert soup.footer.code.string == "ef" * 32


def test_headings_go_down_one_level_at_a_time(soup):
    levels = [int(found.name[1]) for found in soup.find_all(["h1", "h2", "h3", "h4"])]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_ids_are_unique_and_every_reference_resolves(soup):
    ids = [found["id"] for found in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    targets = [found["href"][1:] for found in soup.find_all(href=True) if found["href"].startswith("#")]
    targets += [found[name] for name in ("aria-labelledby",) for found in soup.find_all(attrs={name: True})]
    assert targets and set(targets) <= set(ids)


def test_the_same_inputs_give_the_same_bytes_and_leave_the_notebook_alone(page):
    given = notebook()
    before = copy.deepcopy(given)
    assert html.render(given, META) == page
    assert given == before


def test_two_threads_do_not_mix_their_pages(page):
    metas = [META | {"client": f"Client {place}"} for place in range(8)]
    given = notebook()
    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(lambda meta: html.render(given, meta), metas))
    assert pages == [page.replace("CDNOW", meta["client"]) for meta in metas]


def test_a_page_is_small(page):
    assert len(page.encode()) < 200_000


def test_data_quality_comes_from_the_run_where_the_notebook_has_none():
    given = notebook()
    given.cells = [cell for cell in given.cells if "Data: what" not in cell.source and "client.d" not in cell.source]
    read = {"transactions": {"rows": 100, "rejected": 2, "reasons": {"no date": 2}}}
    found = BeautifulSoup(html.render(given, META | {"data": read}), "html.parser")
    assert texts(found.select("#data tbody tr")) == ["transactions 100 98 2 no date: 2"]


def test_output_before_the_first_heading_is_kept_under_method():
    given = notebook()
    given.cells.insert(1, code("early", prose.answer("Seen early.")))
    found = BeautifulSoup(html.render(given, META), "html.parser")
    assert "Seen early." in found.select_one("#method").get_text()


def test_a_notebook_without_a_bottom_line_says_so():
    found = BeautifulSoup(html.render(nb.new_notebook(cells=notebook().cells[:1]), META), "html.parser")
    assert texts(found.select("#bottom-line p")) == ["This notebook states none."]


def test_an_unknown_block_is_refused():
    given = nb.new_notebook(cells=[code("x", {prose.MIME: {"type": "carousel"}})])
    with pytest.raises(ValueError, match="type of a block must be among .*, got 'carousel'"):
        html.render(given, META)


ERROR = {
    "ename": "InputError",
    "evalue": "data/x/transactions.csv: /home/ann/work/data/x/transactions.csv has no column `date`",
    "traceback": [
        "\x1b[0;31mInputError\x1b[0m  Traceback (most recent call last)",
        "File \x1b[0;32m/home/ann/work/.venv/lib/python3.11/site-packages/pandas/core/frame.py:12\x1b[0m, in f(a/b)",
        "File C:\\Users\\ann\\work\\crmlab\\data.py:7, see https://example.org/help/columns",
        "file:///home/ann/x.csv is 1/2 read, and '/tmp/y' is not",
    ],
    "cell": "frame = client.table('transactions')",
}


def test_a_failure_takes_the_place_of_the_bottom_line():
    found = BeautifulSoup(html.render_failed(META, ERROR, "../1998-03-31/value_analysis.html"), "html.parser")
    note = found.select_one(".lead .note.failed")
    assert texts(found.select("h1")) == ["CDNOW"]
    assert texts(note.select("p"))[:2] == [
        "Value analysis: failed. data/x/transactions.csv: transactions.csv has no column `date`",
        "Mend the input named above, then run the report again.",
    ]
    assert note.select_one("p a")["href"] == "../1998-03-31/value_analysis.html"
    assert "horizon_months" in found.footer.get_text()


def test_the_error_in_full_names_no_place_on_the_machine():
    trace = BeautifulSoup(html.render_failed(META, ERROR), "html.parser").select("details pre")[-1].get_text()
    assert trace.splitlines() == [
        "InputError  Traceback (most recent call last)",
        "File frame.py:12, in f(a/b)",
        "File data.py:7, see https://example.org/help/columns",
        "x.csv is 1/2 read, and 'y' is not",
    ]


def test_a_failure_of_the_notebook_shows_its_code_and_says_that_there_is_no_earlier_report():
    error = {"ename": "ZeroDivisionError", "evalue": "division by zero", "traceback": "", "cell": "1 / 0\n"}
    note = BeautifulSoup(html.render_failed(META, error), "html.parser").select_one(".note.failed")
    assert "An error (ZeroDivisionError) stopped the run, so nothing of it is shown." in note.get_text()
    assert "There is no earlier report to fall back on." in note.get_text()
    assert [pre.get_text() for pre in note.select("pre")] == ["1 / 0", "ZeroDivisionError: division by zero"]


def hostile_pages():
    meta = META | {"client": HOSTILE, "title": f"Value {HOSTILE}", "parameters": {HOSTILE: HOSTILE}}
    error = {"ename": HOSTILE, "evalue": HOSTILE, "traceback": [HOSTILE], "cell": HOSTILE}
    entry = {"client": HOSTILE, "client_name": HOSTILE, "notebook": "value_analysis", "as_of": "2026-06-30"}
    entry |= {"status": "failed", "reason": HOSTILE, "metrics": {}, "href": None, "failed_href": "failed.html"}
    failure = {"client_name": HOSTILE, "reason": f"{HOSTILE}\n{HOSTILE}"}
    client = Published(HOSTILE, (entry | {"title": HOSTILE},), failure)
    return {
        "report": html.render(notebook(HOSTILE), meta),
        "failed": html.render_failed(meta, error),
        "index": render_index({HOSTILE: client}),
        "history": render_history(client),
    }


@pytest.fixture(scope="module")
def pages(tmp_path_factory, page):
    folder = tmp_path_factory.mktemp("pages")
    written = {f"hostile {name}": text for name, text in hostile_pages().items()} | {"plain report": page}
    for name, text in written.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in written}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "name", ["plain report", "hostile report", "hostile failed", "hostile index", "hostile history"]
)
def test_a_browser_runs_nothing_asks_for_nothing_and_scrolls_one_way(browser, pages, name, width):
    context = browser.new_context(viewport={"width": width, "height": 900})
    try:
        opened, requests, messages = context.new_page(), [], []
        opened.on("request", lambda request: requests.append(request.url))
        opened.on("console", lambda message: messages.append(message.text))
        opened.on("pageerror", lambda error: messages.append(str(error)))
        opened.goto(pages[name])
        assert opened.evaluate("window.XSS") is None
        assert [url for url in requests if not url.startswith("data:")] == [pages[name]]
        assert messages == []
        assert opened.evaluate("document.documentElement.scrollWidth") == width
        own = "[...document.scripts].every(script => !script.src && document.body.lastElementChild === script)"
        assert opened.evaluate(own) and opened.evaluate("document.querySelectorAll('img').length") == 0
        if name.startswith("hostile"):
            assert HOSTILE in opened.evaluate("document.body.textContent")
            assert HOSTILE in opened.title() or name == "hostile index"
        if "report" in name:
            shown = opened.evaluate(
                "[...document.querySelectorAll('.fig > svg')].map(s => s.getBoundingClientRect().width > 0)"
            )
            assert shown == ([True, False] if width == 1280 else [False, True])
    finally:
        context.close()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "none"), ("", "none"), ([], "none"), ({}, "none"), (["a", "b"], "a, b"), ({"a": 1, "b": 2}, "a: 1, b: 2")],
)
def test_a_parameter_is_shown_as_a_reader_would_write_it(value, shown):
    page = html.render(nb.new_notebook(), META | {"parameters": {"given": value}})
    assert texts(BeautifulSoup(page, "html.parser").select(".foot section:first-child dd")) == [shown]
