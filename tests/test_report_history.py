import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from crmlab.report.history import change, render_history
from crmlab.report.published import Published

FULL = "a full count, not a sample"


EN, ZH = {"language": "en"}, {"language": "zh"}


def counted(value, unit="customers"):
    return {"value": value, "low": None, "high": None, "unit": unit, "n": 9, "label": "x", "no_interval": FULL}


def estimated(value, low, high, unit="share", label="x"):
    return {"value": value, "low": low, "high": high, "unit": unit, "n": 9, "label": label}


def entry(as_of, metrics, status="ok", notebook="value_analysis", **more):
    found = {"client": "cdnow", "client_name": "CDNOW", "notebook": notebook, "as_of": as_of, "status": status}
    found |= {"reason": None, "metrics": metrics, "failed_href": None, "currency": "USD"}
    return found | {"href": f"cdnow/{as_of}/{notebook}.html" if status == "ok" else None} | more


MARCH = {
    "customers": counted(20_000),
    "revenue": counted(2_000_000.0, "USD"),
    "clv_total": estimated(700_000, 680_000, 720_000, "USD"),
    "top_20_percent_share": estimated(0.678, 0.669, 0.686),
    "repeat_share": estimated(0.45, 0.44, 0.46),
}
JUNE = {
    "customers": counted(23_570),
    "revenue": counted(1_900_000.0, "USD"),
    "clv_total": estimated(767_123, 745_000, 789_000, "USD"),
    "top_20_percent_share": estimated(0.67, 0.66, 0.68),
    "repeat_share": estimated(0.489, 0.482, 0.495),
}
ENTRIES = (
    entry("1998-03-31", MARCH),
    entry("1998-06-30", {}, "skipped", "nps_analysis", reason="the client supplies no table surveys"),
    entry("1998-06-30", JUNE),
)


def read(*entries, failure=None):
    return BeautifulSoup(render_history(Published("cdnow", entries, failure)), "html.parser")


@pytest.fixture(scope="module")
def soup():
    return read(*ENTRIES)


def texts(found):
    return [" ".join(each.get_text(" ").split()) for each in found]


def cells(row):
    heads = texts(row.find_parent("table").select("thead th"))[1:]
    return dict(zip(heads, texts(row.select("td")), strict=True))


def test_the_title_block_names_the_client_and_leads_back(soup):
    assert soup.title.string == "CDNOW: all reports by date"
    assert texts(soup.select("h1")) == ["CDNOW"]
    assert soup.select_one(".mast a")["href"] == "../index.html"
    assert texts(soup.select(".facts > div")) == [
        "Dates 2",
        "First 31 March 1998",
        "Latest 30 June 1998",
        "Currency US dollars",
    ]


def test_one_row_per_date_the_newest_first_each_with_its_change(soup):
    newest, oldest = soup.select(".ledger tbody tr")
    assert texts([newest.th, oldest.th]) == ["30 June 1998 built", "31 March 1998 built"]
    assert cells(newest) == {
        "Customers": "23,570 +17.9%",
        "Revenue": "$1.9m −5.0%",
        "Lifetime value": "$767k [745, 789] +9.6% intervals apart",
        "From the top fifth": "67.0% [66.0, 68.0] −0.8 points intervals overlap",
        "Bought again": "48.9% [48.2, 49.5] +3.9 points intervals apart",
        "Reports": "Value NPS skipped",
    }
    assert cells(oldest)["Customers"] == "20,000 –"


def test_the_verdict_tells_changes_that_show_from_those_that_do_not(soup):
    assert texts(soup.select(".say")) == [
        "Since 31 March 1998 lifetime value changed by +9.6%, revenue by −5.0%, the share who bought again by "
        "+3.9 points and customers by +17.9%; the intervals of the share of revenue from the top fifth overlap, so no "
        "change can be told from them."
    ]


def test_the_table_is_read_row_by_row_and_named(soup):
    table = soup.select_one(".ledger table")
    assert [header["scope"] for header in table.select("thead th")] == ["col"] * 7
    assert [header["scope"] for header in table.select("tbody th")] == ["row"] * 2
    assert {row["role"] for row in table.select("tr")} == {"row"}
    assert soup.find(id=soup.select_one(".ledger .tab")["aria-labelledby"]).name == "caption"
    assert texts(table.select("caption strong")) == ["CDNOW at 2 dates, from 31 March 1998 to 30 June 1998"]
    assert all(cell["role"] == "cell" for cell in table.select("td"))


def test_links_count_from_the_folder_of_the_client(soup):
    assert [link["href"] for link in soup.select(".ledger a")] == [
        "1998-06-30/value_analysis.html",
        "1998-03-31/value_analysis.html",
    ]


def test_only_figures_that_the_client_has_at_some_date_have_a_column():
    found = read(entry("1998-03-31", {}), entry("1998-06-30", {"revenue": JUNE["revenue"], "cac": counted(1)}))
    assert texts(found.select("thead th")) == ["As of", "Revenue", "Reports"]
    assert cells(found.select("tbody tr")[1])["Revenue"] == "– –"


def test_a_date_without_figures_is_stepped_over_and_the_row_says_so():
    failed = {"failed_href": "cdnow/1998-05-31/value_analysis.failed.html", "reason": "FitError: no maximum"}
    found = read(ENTRIES[0], entry("1998-05-31", {}, "failed", **failed), ENTRIES[2])
    newest, middle, _ = found.select("tbody tr")
    assert texts([newest.th]) == ["30 June 1998 built changes since 31 March 1998"]
    assert cells(newest)["Customers"] == "23,570 +17.9%"
    assert cells(middle)["Customers"] == "– –"
    assert texts([middle.th]) == ["31 May 1998 failed"]
    assert [(link.get_text(), link["href"]) for link in middle.select("a")] == [
        ("Value: why it failed", "1998-05-31/value_analysis.failed.html"),
        ("last good Value, 31 March 1998", "1998-03-31/value_analysis.html"),
    ]
    assert texts(found.select("#broken .note b")) == ["31 May 1998: Value analysis failed."]


def test_reports_skipped_are_told_of_the_latest_date_alone():
    skipped = [entry(as_of, {}, "skipped", "nps_analysis", reason="no table") for as_of in ("1998-03-31", "1998-06-30")]
    found = read(ENTRIES[0], skipped[0], skipped[1], ENTRIES[2])
    assert texts(found.select("#broken .note")) == ["30 June 1998: Nps analysis skipped. No table."]


@pytest.mark.parametrize(
    ("entries", "verdict"),
    [
        ([ENTRIES[0]], "31 March 1998 is the first date with figures; what changes will show at the next."),
        (
            [ENTRIES[0], entry("1998-06-30", JUNE, "failed")],
            "Value analysis failed as of 30 June 1998; figures in grey are those of the last good run.",
        ),
        (
            [ENTRIES[0], entry("1998-06-30", {}, "failed"), entry("1998-06-30", {}, "failed", "nps")],
            "Value analysis and Nps failed as of 30 June 1998; no good run of it stands.",
        ),
        ([ENTRIES[0], ENTRIES[1]], "As of 30 June 1998 every report was skipped."),
        (
            [ENTRIES[0], entry("1998-06-30", {"cac": counted(1)})],
            "The reports as of 30 June 1998 hold none of the headline figures.",
        ),
        (
            [ENTRIES[0], entry("1998-06-30", {"revenue": counted(3.0, "EUR")})],
            "No figure as of 30 June 1998 can be compared with that of 31 March 1998.",
        ),
        (
            [ENTRIES[0], entry("1998-06-30", {"customers": counted(20_000), "revenue": counted(2_000_000.0, "USD")})],
            "Since 31 March 1998 revenue and customers stayed the same.",
        ),
        (
            [ENTRIES[0], entry("1998-06-30", {"customers": counted(1), "revenue": counted(3.0, "EUR")})],
            "Since 31 March 1998 customers changed by −100.0%; revenue cannot be compared.",
        ),
    ],
)
def test_the_verdict_of_every_state(entries, verdict):
    assert texts(read(*entries).select(".say")) == [verdict]


def test_a_client_that_could_not_be_started_shows_why_above_its_earlier_reports():
    failure = {
        "client": "cdnow",
        "client_name": "CDNOW",
        "status": "failed",
        "reason": "data/x.csv: empty\nno currency",
    }
    found = read(*ENTRIES, failure=failure)
    assert texts(found.select(".say")) == ["The last run could start no report; what stands below is of earlier runs."]
    assert texts(found.select(".lead .note li")) == ["data/x.csv: empty.", "No currency."]
    assert len(found.select(".ledger tbody tr")) == 2
    alone = read(failure=failure)
    assert texts(alone.select(".say")) == ["No report could be started yet."]
    assert alone.select_one(".ledger") is None and texts(alone.select("h1")) == ["CDNOW"]


def test_every_anchor_resolves():
    for found in (read(*ENTRIES), read(failure={"reason": "x"})):
        ids = [each["id"] for each in found.find_all(id=True)]
        assert len(ids) == len(set(ids))
        assert {link["href"][1:] for link in found.find_all(href=True) if link["href"].startswith("#")} <= set(ids)


@pytest.mark.parametrize(
    ("new", "old", "shown", "basis"),
    [
        (counted(110), counted(100), "+10.0%", ""),
        (counted(90), counted(100), "−10.0%", ""),
        (counted(100), counted(100), "±0.0%", ""),
        (counted(0), counted(0), "±0.0%", ""),
        (counted(1300), counted(100), "+1,200%", ""),
        (counted(5), counted(0), "–", ""),
        (counted(5), counted(-4), "–", ""),
        (counted(5), None, "–", ""),
        (None, counted(5), "–", ""),
        (counted(5), counted(None), "–", ""),
        (counted(5, "USD"), counted(5, "EUR"), "–", "not comparable"),
        (estimated(5, 4, 6, "USD", "over 12 months"), estimated(5, 4, 6, "USD", "over 24"), "–", "not comparable"),
        (estimated(46, 42, 50, "points"), estimated(-14, -17, -11, "points"), "+60.0 points", "intervals apart"),
        (estimated(0.5, 0.4, 0.6), estimated(0.50004, 0.4, 0.6), "±0.0 points", "intervals overlap"),
        (estimated(5, 4, 6, "USD", "值") | ZH, estimated(4, 3, 5, "USD") | EN, "+25.0%", "intervals overlap"),
        (estimated(5, 4, 6, "USD", "值") | ZH, estimated(4, 3, 5, "EUR") | EN, "–", "not comparable"),
        (estimated(5, 4, 6, "USD", "值") | ZH, estimated(4, 3, 5, "USD", "别") | ZH, "–", "not comparable"),
        (estimated(0.5, 0.4, 0.6), estimated(0.3, 0.2, 0.4), "+20.0 points", "intervals overlap"),
        (estimated(0.5, 0.41, 0.6), estimated(0.3, 0.2, 0.4), "+20.0 points", "intervals apart"),
        (estimated(0.3, 0.2, 0.4), estimated(0.5, 0.41, 0.6), "−20.0 points", "intervals apart"),
        (estimated(0.5, None, None), estimated(0.3, 0.2, 0.4), "+20.0 points", "no interval"),
        (estimated(0.5, 0.45, None), estimated(0.3, 0.2, 0.4), "+20.0 points", "no interval"),
    ],
)
def test_a_change_and_what_it_rests_on(new, old, shown, basis):
    assert change(new, old) == {"change": shown, "basis": basis}


shares = st.tuples(*[st.floats(0, 1)] * 3).map(sorted).map(lambda ends: estimated(ends[1], ends[0], ends[2]))


@given(shares, shares)
def test_turning_two_dates_round_turns_the_sign_alone(new, old):
    turned = str.maketrans("+−", "−+")
    forth, back = change(new, old), change(old, new)
    assert forth["basis"] == back["basis"]
    assert forth["change"] == back["change"].translate(turned)


def test_a_history_speaks_the_language_of_its_latest_report_and_leads_to_the_portfolio_it_is_given():
    entries = (entry("1998-03-31", MARCH, language="en"), entry("1998-06-30", JUNE, language="zh", stale_after_days=90))
    page = render_history(Published("cdnow", entries), home="../index.zh.html")
    found = BeautifulSoup(page, "html.parser")
    assert (found.html["lang"], found.select_one(".mast a")["href"]) == ("zh-CN", "../index.zh.html")
    # labels in two languages are no hindrance
    assert len(found.select("tbody tr:first-child .change")) == 5
    assert "–" not in texts(found.select("tbody tr:first-child .change"))


def test_the_rail_says_after_how_many_days_data_are_stale():
    found = read(entry("1998-06-30", JUNE, stale_after_days=90))
    assert texts(found.select(".facts > div"))[-1] == "Stale after 90 days"
