import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from bs4 import BeautifulSoup

from crmlab.report.index import portfolios, render_index
from crmlab.report.published import Published

TODAY = date(1998, 7, 10)


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


def read(*clients, **how):
    return BeautifulSoup(render_index({each.id: each for each in clients}, today=TODAY, **how), "html.parser")


@pytest.fixture(scope="module")
def soup():
    return read(CDNOW, VESTBY, HALDEN)


def texts(found):
    return [" ".join(each.get_text(" ").split()) for each in found]


def cells(row):
    heads = texts(row.find_parent("table").select("thead th"))[1:]
    return dict(zip(heads, texts(row.select("td")), strict=True))


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
        "Lifetime value": "$767k [745, 789]",
        "Revenue": "$2.5m",
        "From the top fifth": "67.8% [66.9, 68.6]",
        "Bought again": "48.9% [48.2, 49.5]",
        "Customers": "23,570",
        "As of": "built 30 June 1998",
        "Reports": "Value NPS skipped",
    }
    assert not row.select(".old")


def test_a_client_without_figures_shows_dashes(soup):
    assert texts(soup.select(".ledger tbody tr")[2].select("td.num")) == ["–"] * 5


def test_a_value_whose_interval_has_no_end_stands_without_one():
    metrics = {"clv_total": metric(767_123, 745_000, None, "USD", 9), "revenue": metric(None, None, None, "USD", 9)}
    found = [client("cdnow", entry("cdnow", metrics=metrics)), client("halden", entry("halden"))]
    found = cells(read(*found).select_one(".ledger tbody tr"))
    assert (found["Lifetime value"], found["Revenue"]) == ("$767.1k", "–")


def test_names_lead_to_the_history_and_reports_to_their_pages(soup):
    links = [[(link.get_text(), link["href"]) for link in row.select("a")] for row in soup.select(".ledger tbody tr")]
    assert links == [
        [
            ("Halden", "halden/index.html"),
            ("Value: why it failed", "halden/1998-06-30/value_analysis.failed.html"),
            ("last good Value, 31 March 1998", "halden/1998-03-31/value_analysis.html"),
        ],
        [("Cdnow", "cdnow/index.html"), ("Value", "cdnow/1998-06-30/value_analysis.html")],
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
    row = read(client("cdnow", *found)).select_one(".ledger tbody tr")
    grey = [head for head, cell in zip(cells(row), row.select("td"), strict=True) if "old" in cell.get("class", ())]
    assert grey == ["Lifetime value", "Revenue", "From the top fifth", "Customers"]


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
    assert cells(row)["As of"] == "failed no report yet" and cells(row)["Reports"] == "no report"


def test_the_bottom_line_names_the_failed(soup):
    stopped = client("adler", entry("adler"), failure=FAILURE)
    worse = client("baker", entry("baker", "failed", failed_href="x.html"))
    says = [texts(read(*each).select(".say")) for each in ([stopped], [stopped, CDNOW], [stopped, CDNOW, HALDEN])]
    assert says == [
        ["The one client could not be reported on: Adler."],
        ["One of 2 clients could not be reported on: Adler."],
        ["One of 3 clients has a report that failed: Halden. One of 3 clients could not be reported on: Adler."],
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


DIAGNOSIS = {
    "overall_score": metric(78.0, 75.0, 81.0, "points", 900),
    "rating": {"value": "B"},
    "indicator": metric(0.5, 0.4, 0.6, "share", 900),
}


def scheduled(name, as_of, limit=100, status="ok", **more):
    return client(name, entry(name, status, as_of=as_of, stale_after_days=limit, **more))


def test_a_score_stands_with_its_grade_and_comes_first():
    row = read(client("cdnow", entry("cdnow"), entry("cdnow", notebook="crm_diagnosis", metrics=DIAGNOSIS)))
    assert texts(row.select("thead th")) == [
        "Client",
        "Rating and score",
        "Lifetime value",
        "Revenue",
        "From the top fifth",
        "Bought again",
        "Customers",
        "As of",
        "Reports",
    ]
    assert texts(row.select("td .grade")) == ["B 78.0 [75.0, 81.0]"]
    assert texts(row.select(".go a")) == ["Diagnosis", "Value"]


def test_only_figures_that_some_client_has_have_a_column():
    one = {"nps": metric(46, 42, 50, "points", 900), "repeat_share": metric(None, None, None, "share", 9)}
    found = read(
        client("a", entry("a", metrics=one)), client("b", entry("b", metrics={"roi": METRICS["repeat_share"]}))
    )
    assert texts(found.select("thead th"))[1:-2] == ["Net promoter score", "Return on CRM"]
    assert cells(found.select("tbody tr")[0])["Net promoter score"] == "+46.0 [42.0, 50.0]"
    assert cells(found.select("tbody tr")[1])["Net promoter score"] == "–"


@pytest.mark.parametrize(
    ("days", "limit", "shown", "mark"),
    [
        (10, 10, "current 30 June 1998 10 days", "good"),
        (10, 9, "stale 30 June 1998 10 days", "stale"),
        (1, 9, "current 30 June 1998 1 day", "good"),
        (1234, 9, "stale 30 June 1998 1,234 days", "stale"),
        (-3, 9, "current 30 June 1998", "good"),
        (1234, None, "built 30 June 1998", "good"),
    ],
)
def test_age_counts_from_the_day_of_building_and_makes_stale_past_the_limit(days, limit, shown, mark):
    found = {"x": scheduled("x", "1998-06-30", limit)}
    soup = BeautifulSoup(render_index(found, today=date(1998, 6, 30) + timedelta(days)), "html.parser")
    row = soup.select_one(".ledger tbody tr")
    assert cells(row)["As of"] == shown
    assert row.select_one(".st")["class"] == ["st", mark]
    assert (row.get("data-d"), row.get("data-m")) == (("1998-06-30", str(limit)) if limit else (None, None))
    assert bool(row.select("td.num.old")) == (mark == "stale")


def test_the_failed_come_first_then_the_stale_then_the_rest():
    found = [
        scheduled("alder", "1998-06-30"),
        scheduled("birch", "1998-06-30", status="skipped"),
        scheduled("cedar", "1998-03-01"),
        scheduled("douglas", "1997-03-01", status="failed", reason="x"),
        client("elm", entry("elm")),
    ]
    soup = read(*found)
    assert texts(soup.select("tbody th")) == ["Douglas", "Cedar", "Alder", "Elm", "Birch"]
    assert [row["data-k"] for row in soup.select("tbody tr")] == ["failed", "stale", "current", "ok", "skipped"]
    assert texts(soup.select(".say")) == [
        "One of 5 clients has a report that failed: Douglas. One of 5 clients is stale: Cedar."
    ]
    assert [note["class"][1:] for note in soup.select("#broken .note")] == [
        ["failed", "bad"],
        ["stale", "clock"],
        ["skipped", "idle"],
    ]
    assert texts(soup.select(".note.stale")) == [
        "Cedar: stale. The latest data are of 1 March 1998, 131 days ago; the limit is 100 days."
    ]
    assert texts(soup.select(".facts > div"))[0] == "Built 10 July 1998"
    assert "Stale 1" in texts(soup.select(".facts > div"))
    assert texts(read(found[2]).select(".say")) == [
        "No report of the one client failed. The one client is stale: Cedar."
    ]


def test_what_many_lack_for_one_reason_is_told_once():
    many = [client(f"c{i}", entry(f"c{i}", "skipped", "nps_analysis", reason="no surveys")) for i in range(7)]
    other = client("d", entry("d", "skipped", "nps_analysis", reason="another reason"))
    notes = read(*many, other).select("#broken .note")
    assert texts(notes) == [
        "Nps analysis: skipped for 7 clients. No surveys. Clients: C0, C1, C2, C3, C4 and 2 more.",
        "D: Nps analysis skipped. Another reason.",
    ]


def test_the_curve_of_the_first_figure_with_two_dates_stands_beside_it():
    def at(as_of, value, **more):
        return entry("x", as_of=as_of, metrics={"clv_total": metric(value, None, None, "USD", 9), **more})

    later = {"repeat_share": METRICS["repeat_share"]}
    soup = read(client("x", at("1998-03-31", 100.0), at("1998-06-30", 150.0)), client("y", entry("y", metrics=later)))
    assert texts(soup.select("thead th"))[1:-2] == ["Lifetime value", "Lifetime value by date", "Bought again"]
    (curve,) = soup.select("svg.spark")
    assert (curve["role"], curve["aria-label"]) == ("img", "Lifetime value by date, 2 dates: from $100 to $150")
    assert curve.find_parent("td")["data-v"] == "0.5"
    assert "Each curve has a scale of its own." in soup.caption.get_text()
    empty = soup.select("tbody tr")[1].select("td")[1]
    assert (empty["class"], empty.get_text()) == (["none"], "")


def test_sums_in_several_currencies_are_marked_with_theirs():
    euros = {"revenue": metric(5, None, None, "EUR", 9)}
    soup = read(client("a", entry("a")), client("b", entry("b", metrics=euros)))
    assert [cell["data-u"] for cell in soup.select("td[data-u]")] == ["USD", "EUR"]
    assert "Sums stand in each client’s own currency" in soup.caption.get_text()
    alone = read(client("a", entry("a")))
    assert not alone.select("td[data-u]") and "currency" not in alone.caption.get_text()


def test_a_portfolio_speaks_the_language_of_most_and_has_the_other_beside_it():
    english, chinese = client("a", entry("a", language="en")), client("b", entry("b", language="zh"))
    assert portfolios({}) == portfolios({"a": english}) == {"en": "index.html"}
    assert portfolios({"b": chinese}) == {"zh": "index.html"}
    assert portfolios({"a": english, "b": chinese}) == {"en": "index.html", "zh": "index.zh.html"}
    third = client("c", entry("c", language="zh"))
    both = {"a": english, "b": chinese, "c": third}
    assert portfolios(both) == {"zh": "index.html", "en": "index.en.html"}
    pages = {code: read(*both.values(), language=code) for code in ("en", "zh")}
    assert [(pages[code].html["lang"], pages[code].select_one(".mast nav a")["href"]) for code in pages] == [
        ("en", "index.html"),
        ("zh-CN", "index.en.html"),
    ]
    assert pages["en"].select_one(".mast nav a")["lang"] == "zh-CN"
    assert texts(pages["en"].select(".whole small")) == ["in Chinese", "in Chinese"]
    assert read(*both.values()).html["lang"] == "zh-CN"


def test_the_page_is_whole_without_its_script(soup):
    assert soup.select_one("#find").has_attr("hidden") and not soup.select("thead button")
    assert re.search(r"script-src 'sha256-[\w+/=]+'", soup.find("meta", attrs={"http-equiv": True})["content"])
    heads = texts(soup.select("thead th"))
    assert [f"--h{place}:'{head}'" for place, head in enumerate(heads, 1)] == [
        each for each in soup.table["style"].split(";") if each
    ]


def portfolio(n):
    """As many clients with all analyses at eight dates; one in twenty failed, one in ten is stale."""
    published = {
        "crm_diagnosis": DIAGNOSIS,
        "value_analysis": METRICS | {"clv_to_cac": metric(3.4, 3.0, 3.9, "ratio", 9)},
        "churn_modelling": {"retention_rate": metric(0.886, 0.871, 0.9, "share", 9)},
        "nps_analysis": {"nps": metric(46.2, 42.1, 50.3, "points", 9)},
        "roi_evaluation": {"roi": metric(0.3, 0.2, 0.4, "share", 9)},
    }
    found = []
    for place in range(n):
        name, entries = f"client{place:03}", []
        for back in range(8):
            as_of = (date(1998, 6, 30) - timedelta(91 * (back + 2 * (place % 10 == 3)))).isoformat()
            for notebook, metrics in published.items():
                status = "ok"
                if back == 0 and place % 20 == 7 and notebook == "value_analysis":
                    status = "failed"
                if place % 3 == 1 and notebook == "nps_analysis":
                    status, metrics = "skipped", {}
                scaled = {
                    key: each | {end: each[end] * (1 + place / 1000 - back / 50) for end in ("value", "low", "high")}
                    if each.get("low")
                    else each
                    for key, each in metrics.items()
                }
                more = {"stale_after_days": 100, "metrics": scaled, "reason": "the client supplies no table surveys"}
                named = {"client_name": f"Client {place} Holdings", "language": "zh" if place % 4 == 0 else "en"}
                entries.append(entry(name, status, notebook, as_of, **more, **named))
        found.append(client(name, *sorted(entries, key=lambda each: (each["as_of"], each["notebook"]))))
    return {each.id: each for each in found}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("portfolio") / "index.html"
    path.write_text(render_index(portfolio(500), today=TODAY), encoding="utf-8")
    return path


def test_the_index_of_500_clients_is_below_a_megabyte(large):
    assert large.stat().st_size < 1_000_000


@pytest.fixture
def opened(browser, large):
    """The large portfolio, opened on the day it was built."""

    def page(path=large, now=TODAY, width=1280):
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="en-US", timezone_id="UTC")
        contexts.append(context)
        made = context.new_page()
        made.clock.set_fixed_time(now.isoformat())
        made.on("pageerror", lambda error: errors.append(str(error)))
        made.on("console", lambda message: errors.append(message.text))
        made.goto(path.as_uri())
        return made

    contexts, errors = [], []
    yield page
    for context in contexts:
        context.close()
    assert errors == []


SHOWN = "rows => rows.filter(row => !row.hidden).map(row => row.cells[0].textContent.trim())"


def names(page):
    return page.eval_on_selector_all(".ledger tbody tr", SHOWN)


def test_the_index_of_500_clients_opens_in_under_a_second(opened):
    page = opened()
    driver = page.context.new_cdp_session(page)
    # its own time on the processor: how many others want that is none of the page's doing
    driver.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds():
        page.reload()
        found = driver.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in found if each["name"] == "TaskDuration")

    assert min(seconds() for _try in range(5)) < 1
    assert page.locator("[role=status]").inner_text() == "500 of 500 clients shown"


def test_rows_are_sorted_by_the_headers_and_by_the_select(opened):
    page = opened()
    before = names(page)
    score = page.get_by_role("button", name="Rating and score")
    score.focus()
    page.keyboard.press("Enter")
    assert page.locator("th[aria-sort]").evaluate_all(
        "heads => heads.map(head => [head.cellIndex, head.ariaSort])"
    ) == [[1, "descending"]]
    assert names(page)[0] == "Client 499 Holdings"
    page.keyboard.press("Enter")
    assert names(page)[0] == "Client 0 Holdings"
    page.get_by_label("Sort by").select_option("Client")
    assert names(page)[:3] == ["Client 0 Holdings", "Client 1 Holdings", "Client 2 Holdings"]
    page.get_by_role("button", name="Reverse the order").click()
    assert names(page)[0] == "Client 499 Holdings"
    page.get_by_label("Sort by").select_option("Net promoter score")
    assert page.locator("tbody tr").last.locator("td").nth(2).inner_text() == "–"
    page.get_by_label("Sort by").select_option("what needs attention")
    assert names(page) == before
    assert page.locator("th[aria-sort]").count() == 0


def test_rows_are_found_by_name_and_state(opened):
    page = opened()
    page.get_by_label("Find a client").fill("CLIENT 12")
    assert len(names(page)) == 11
    assert page.locator("[role=status]").inner_text() == "11 of 500 clients shown"
    page.locator("#find-state").select_option("failed")
    assert names(page) == ["Client 127 Holdings"]
    page.get_by_label("Find a client").fill("no such client")
    assert page.locator("[role=status]").inner_text() == "0 of 500 clients shown"


def test_on_a_phone_the_headers_give_way_to_the_select(opened):
    page = opened(width=390)
    assert not page.locator("thead").is_visible()
    page.get_by_label("Sort by").select_option("Rating and score")
    assert names(page)[0] == "Client 499 Holdings"
    first = page.locator("tbody tr").first.locator("td").first
    assert first.evaluate("cell => getComputedStyle(cell, '::before').content") == '"Rating and score"'
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_page_opened_later_counts_ages_anew_and_marks_what_became_stale(opened, tmp_path):
    found = [scheduled("alder", "1998-06-30"), scheduled("birch", "1998-06-30", 200), client("cdnow", entry("cdnow"))]
    path = tmp_path / "index.html"
    path.write_text(render_index({each.id: each for each in found}, today=TODAY), encoding="utf-8")
    page = opened(path, TODAY + timedelta(91))
    assert page.locator("tbody tr td:nth-last-child(2)").all_inner_texts() == [
        "stale\n30 June 1998\n101 days",
        "current\n30 June 1998\n101 days",
        "built\n30 June 1998",
    ]
    assert page.locator(".st").first.locator("use").get_attribute("href") == "#clock"
    assert page.locator("tbody tr").first.locator("td.old").count() == 5
    assert page.locator("[role=status]").inner_text() == (
        "3 of 3 clients shown · Stale since this page was built: Alder"
    )
    page.locator("#find-state").select_option("stale")
    assert names(page) == ["Alder"]


def test_sorted_by_a_sum_those_of_one_currency_stay_together(opened, tmp_path):
    sums = {"alder": (5, "USD"), "birch": (7, "EUR"), "cedar": (9, "USD"), "elm": (2, "EUR"), "fir": (None, "USD")}
    found = {
        name: client(name, entry(name, metrics={"revenue": metric(value, None, None, unit, 9)}))
        for name, (value, unit) in sums.items()
    }
    path = tmp_path / "index.html"
    path.write_text(render_index(found, today=TODAY), encoding="utf-8")
    page = opened(path)
    page.get_by_label("Sort by").select_option("Revenue")
    assert names(page) == ["Birch", "Elm", "Cedar", "Alder", "Fir"]
    page.get_by_role("button", name="Revenue").click()
    assert names(page) == ["Elm", "Birch", "Alder", "Cedar", "Fir"]
