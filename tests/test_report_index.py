import pytest
from bs4 import BeautifulSoup

from crmlab.report.index import render_index


def metric(value, low, high, unit, n, **more):
    return {"value": value, "low": low, "high": high, "unit": unit, "n": n, "label": "x"} | more


METRICS = {
    "customers": metric(23_570, None, None, "customers", 23_570, no_interval="a full count, not a sample"),
    "revenue": metric(2_500_315.63, None, None, "USD", 23_570, no_interval="a full count, not a sample"),
    "clv_total": metric(767_123, 745_000, 789_000, "USD", 23_570),
    "top_20_percent_share": metric(0.678, 0.669, 0.686, "share", 23_570),
    "repeat_share": metric(0.489, 0.482, 0.495, "share", 23_570),
}


def entry(client, status="ok", notebook="value_analysis", as_of="1998-06-30", **more):
    found = {"client": client, "client_name": client.title(), "notebook": notebook, "as_of": as_of, "status": status}
    found |= {"reason": None, "metrics": METRICS if status == "ok" else {}, "failed_href": None}
    return found | {"href": f"{client}/{as_of}/{notebook}.html" if status == "ok" else None} | more


@pytest.fixture
def entries():
    return [
        entry("cdnow"),
        entry("cdnow", "skipped", "nps_analysis", reason="the client supplies no surveys table"),
        entry("vestby", "skipped", reason="The client supplies no transactions table."),
        entry(
            "halden",
            "failed",
            title="Value analysis",
            reason="8.1% of transactions broke the contract.",
            href="halden/1998-03-31/value_analysis.html",
            failed_href="halden/1998-06-30/value_analysis.failed.html",
        ),
    ]


def read(entries):
    return BeautifulSoup(render_index(entries), "html.parser")


def texts(found):
    return [" ".join(each.get_text(" ").split()) for each in found]


def test_one_row_per_client_the_failed_first(entries):
    soup = read(entries)
    assert texts(soup.select(".ledger tbody th")) == ["Halden", "Cdnow", "Vestby"]
    assert texts(soup.select(".ledger tbody .st")) == ["failed", "built", "skipped"]
    assert [state["class"] for state in soup.select(".ledger tbody .st")] == [
        ["st", "bad"],
        ["st", "good"],
        ["st", "idle"],
    ]
    assert all(state.use for state in soup.select(".st"))


def test_figures_stand_with_their_intervals_and_their_labels(entries):
    row = read(entries).select(".ledger tbody tr")[1]
    cells = {cell["data-label"]: " ".join(cell.get_text(" ").split()) for cell in row.select("td")}
    assert cells == {
        "Customers": "23,570",
        "Revenue": "$2.5m",
        "Lifetime value": "$767k [745, 789]",
        "From the top fifth": "67.8% [66.9, 68.6]",
        "Bought again": "48.9% [48.2, 49.5]",
        "As of": "built 30 June 1998",
        "Reports": "Nps analysis skipped Value analysis",
    }


def test_a_client_without_figures_shows_dashes(entries):
    row = read(entries).select(".ledger tbody tr")[2]
    assert texts(row.select("td.num")) == ["–"] * 5


def test_reports_are_linked_and_a_failure_leads_to_its_page_and_to_the_last_good_report(entries):
    soup = read(entries)
    links = [[(link.get_text(), link["href"]) for link in row.select("a")] for row in soup.select(".ledger tbody tr")]
    assert links == [
        [
            ("Value analysis: why it failed", "halden/1998-06-30/value_analysis.failed.html"),
            ("last good Value analysis", "halden/1998-03-31/value_analysis.html"),
        ],
        [("Value analysis", "cdnow/1998-06-30/value_analysis.html")],
        [],
    ]


def test_what_did_not_run_is_told_with_its_reason(entries):
    notes = read(entries).select("#broken .note")
    assert [note["class"] for note in notes] == [["note", "failed", "bad"]] + [["note", "skipped", "idle"]] * 2
    assert texts(notes) == [
        "Halden: Value analysis failed. 8.1% of transactions broke the contract. Mend the cause, then run "
        "make report CLIENT=halden . The error in full. The last good report.",
        "Cdnow: Nps analysis skipped. The client supplies no surveys table.",
        "Vestby: Value analysis skipped. The client supplies no transactions table.",
    ]


def test_the_bottom_line_names_the_failed(entries):
    assert texts(read(entries).select(".say")) == ["One of 3 clients has a report that failed: Halden."]
    both = [*entries, entry("adler", "failed", failed_href="x.html")]
    assert texts(read(both).select(".say")) == ["2 of 4 clients have a report that failed: Adler, Halden."]


def test_all_well_and_nothing_yet():
    soup = read([entry("cdnow")])
    assert texts(soup.select(".say")) == ["No report of the one client failed."]
    assert soup.select_one("#broken") is None
    assert texts(read([entry("cdnow"), entry("vestby")]).select(".say")) == ["No report of the 2 clients failed."]
    assert texts(read([]).select(".say")) == ["No client has been reported on yet."]


def test_the_latest_run_of_a_notebook_counts():
    later = entry("cdnow", as_of="1998-06-30")
    soup = read([later, entry("cdnow", as_of="1998-03-31")])
    assert [link["href"] for link in soup.select(".go a")] == [later["href"]]


def test_every_anchor_resolves_and_the_order_of_entries_does_not_matter(entries):
    soup = read(entries)
    ids = {found["id"] for found in soup.find_all(id=True)}
    assert {link["href"][1:] for link in soup.find_all(href=True) if link["href"].startswith("#")} <= ids
    assert render_index(entries) == render_index(entries[::-1])
