from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from crmlab.report.index import render_index
from crmlab.report.published import Published


def metric(value, low, high, unit, n, **more):
    return {"value": value, "low": low, "high": high, "unit": unit, "n": n, "label": "x"} | more


METRICS = {
    "customers": metric(23_570, None, None, "customers", 23_570, no_interval="a full count, not a sample"),
    "revenue": metric(2_500_315.63, None, None, "USD", 23_570, no_interval="a full count, not a sample"),
    "clv_total": metric(767_123, 745_000, 789_000, "USD", 23_570),
    "top_20_percent_share": metric(0.678, 0.669, 0.686, "share", 23_570),
    "repeat_share": metric(0.489, 0.482, 0.495, "share", 23_570),
}
FAILURE = {"client": "adler", "client_name": "Adler", "status": "failed"}
FAILURE |= {"reason": "params/adler.yaml: line 3: no such key\nthe folder is empty"}


def entry(client, status="ok", notebook="value_analysis", as_of="1998-06-30", **more):
    found = {"client": client, "client_name": client.title(), "notebook": notebook, "as_of": as_of, "status": status}
    found |= {"reason": None, "metrics": METRICS if status == "ok" else {}, "failed_href": None}
    return found | {"href": f"{client}/{as_of}/{notebook}.html" if status == "ok" else None} | more


def client(name, *entries, failure=None):
    return Published(name, entries, failure)


CDNOW = client(
    "cdnow",
    entry("cdnow", "skipped", "nps_analysis", reason="the client supplies no surveys table"),
    entry("cdnow"),
)
VESTBY = client("vestby", entry("vestby", "skipped", reason="The client supplies no transactions table."))
HALDEN = client(
    "halden",
    entry("halden", as_of="1998-03-31"),
    entry(
        "halden",
        "failed",
        title="Value analysis",
        reason="8.1% of transactions broke the contract.",
        failed_href="halden/1998-06-30/value_analysis.failed.html",
    ),
)


def read(*clients):
    return BeautifulSoup(render_index({each.id: each for each in clients}), "html.parser")


@pytest.fixture(scope="module")
def soup():
    return read(CDNOW, VESTBY, HALDEN)


def texts(found):
    return [" ".join(each.get_text(" ").split()) for each in found]


def cells(row):
    return {cell["data-label"]: " ".join(cell.get_text(" ").split()) for cell in row.select("td")}


def test_one_row_per_client_the_failed_first(soup):
    assert texts(soup.select(".ledger tbody th")) == ["Halden", "Cdnow", "Vestby"]
    assert texts(soup.select(".ledger tbody .st")) == ["failed", "built", "skipped"]
    assert [state["class"] for state in soup.select(".ledger tbody .st")] == [
        ["st", "bad"],
        ["st", "good"],
        ["st", "idle"],
    ]
    assert all(state.use for state in soup.select(".st"))


def test_figures_stand_with_their_intervals_and_their_labels(soup):
    row = soup.select(".ledger tbody tr")[1]
    assert cells(row) == {
        "Customers": "23,570",
        "Revenue": "$2.5m",
        "Lifetime value": "$767k [745, 789]",
        "From the top fifth": "67.8% [66.9, 68.6]",
        "Bought again": "48.9% [48.2, 49.5]",
        "As of": "built 30 June 1998",
        "Reports": "Nps analysis skipped Value analysis",
    }
    assert not row.select(".old")


def test_a_client_without_figures_shows_dashes(soup):
    assert texts(soup.select(".ledger tbody tr")[2].select("td.num")) == ["–"] * 5


def test_a_value_whose_interval_has_no_end_stands_without_one():
    metrics = {"clv_total": metric(767_123, 745_000, None, "USD", 9), "revenue": metric(None, None, None, "USD", 9)}
    found = cells(read(client("cdnow", entry("cdnow", metrics=metrics))).select_one(".ledger tbody tr"))
    assert (found["Lifetime value"], found["Revenue"]) == ("$767.1k", "–")


def test_names_lead_to_the_history_and_reports_to_their_pages(soup):
    links = [[(link.get_text(), link["href"]) for link in row.select("a")] for row in soup.select(".ledger tbody tr")]
    assert links == [
        [
            ("Halden", "halden/index.html"),
            ("Value analysis: why it failed", "halden/1998-06-30/value_analysis.failed.html"),
            ("last good Value analysis, 31 March 1998", "halden/1998-03-31/value_analysis.html"),
        ],
        [("Cdnow", "cdnow/index.html"), ("Value analysis", "cdnow/1998-06-30/value_analysis.html")],
        [("Vestby", "vestby/index.html")],
    ]


def test_an_id_that_is_no_link_is_quoted():
    assert read(client("a b#", entry("a b#"))).select_one(".ledger tbody th a")["href"] == "a%20b%23/index.html"


def test_figures_of_an_earlier_date_are_grey_and_dated(soup):
    row = soup.select_one(".ledger tbody tr")
    assert cells(row)["Lifetime value"] == "$767k [745, 789]"
    assert cells(row)["As of"] == "failed 30 June 1998 figures of 31 March 1998"
    assert len(row.select("td.num.old")) == 5


def test_only_the_figures_of_a_report_that_failed_are_grey():
    later = {"repeat_share": METRICS["repeat_share"]}
    found = [entry("cdnow", "failed", metrics=METRICS), entry("cdnow", notebook="x_analysis", metrics=later)]
    grey = read(client("cdnow", *found)).select("td.num.old")
    assert [cell["data-label"] for cell in grey] == ["Customers", "Revenue", "Lifetime value", "From the top fifth"]


def test_what_did_not_run_is_told_with_its_reason(soup):
    notes = soup.select("#broken .note")
    assert [note["class"] for note in notes] == [["note", "failed", "bad"]] + [["note", "skipped", "idle"]] * 2
    assert texts(notes) == [
        "Halden: Value analysis failed. 8.1% of transactions broke the contract. Mend the cause, then run "
        "make report CLIENT=halden . The error in full. The last good report, 31 March 1998.",
        "Cdnow: Nps analysis skipped. The client supplies no surveys table.",
        "Vestby: Value analysis skipped. The client supplies no transactions table.",
    ]


def test_a_client_that_could_not_be_started_fails_with_its_reasons_beside_its_last_figures():
    found = client("adler", entry("adler"), failure=FAILURE)
    soup = read(found, CDNOW)
    row = soup.select_one(".ledger tbody tr")
    assert texts(row.select("th")) == ["Adler"] and cells(row)["As of"] == "failed 30 June 1998"
    assert cells(row)["Customers"] == "23,570" and len(row.select("td.num.old")) == 5
    note = soup.select_one("#broken .note.failed")
    assert texts(note.select("p b")) == ["Adler: no report could be started."]
    assert texts(note.select("li")) == ["params/adler.yaml: line 3: no such key.", "The folder is empty."]
    assert "make report CLIENT=adler" in note.get_text()
    assert texts(soup.select(".facts > div"))[-1] == "Not started 1"


def test_a_client_that_never_had_a_report_still_has_its_row():
    row = read(client("adler", failure=FAILURE)).select_one(".ledger tbody tr")
    assert cells(row)["As of"] == "failed no report yet" and cells(row)["Reports"] == "none"


def test_the_bottom_line_names_the_failed(soup):
    stopped = client("adler", entry("adler"), failure=FAILURE)
    worse = client("baker", entry("baker", "failed", failed_href="x.html"))
    says = [texts(read(*each).select(".say")) for each in ([stopped], [stopped, CDNOW], [stopped, CDNOW, HALDEN])]
    assert says == [
        ["The one client could not be reported on: Adler."],
        ["One of 2 clients could not be reported on: Adler."],
        ["One of 3 clients has a report that failed: Halden; one could not be reported on: Adler."],
    ]
    assert texts(soup.select(".say")) == ["One of 3 clients has a report that failed: Halden."]
    assert texts(read(HALDEN).select(".say")) == ["The one client has a report that failed: Halden."]
    assert texts(read(CDNOW, VESTBY, HALDEN, worse).select(".say")) == [
        "2 of 4 clients have a report that failed: Baker, Halden."
    ]


def test_of_many_failed_the_bottom_line_names_the_first():
    many = [client(f"c{place}", entry(f"c{place}", "failed")) for place in range(7)]
    assert texts(read(*many).select(".say")) == [
        "7 of 7 clients have a report that failed: C0, C1, C2, C3, C4 and 2 more."
    ]


def test_all_well_and_nothing_yet():
    well = client("cdnow", entry("cdnow"))
    soup = read(well)
    assert texts(soup.select(".say")) == ["No report of the one client failed."]
    assert soup.select_one("#broken") is None
    assert texts(read(well, VESTBY).select(".say")) == ["No report of the 2 clients failed."]
    assert texts(read().select(".say")) == ["No client has been reported on yet."]


def test_the_latest_date_counts():
    found = client("cdnow", entry("cdnow", as_of="1998-03-31"), entry("cdnow", as_of="1998-06-30"))
    assert [link["href"] for link in read(found).select(".go a")] == ["cdnow/1998-06-30/value_analysis.html"]


def test_every_anchor_resolves_and_the_order_of_clients_does_not_matter(soup):
    ids = {found["id"] for found in soup.find_all(id=True)}
    assert {link["href"][1:] for link in soup.find_all(href=True) if link["href"].startswith("#")} <= ids
    namesake = replace(CDNOW, id="cdnow2")
    assert str(read(CDNOW, namesake, HALDEN)) == str(read(HALDEN, namesake, CDNOW))
