from datetime import date

import numpy as np
import pandas as pd
import pytest

from crmlab import absence, tables
from crmlab.absence import Absent
from crmlab.messages import speaking
from crmlab.nps import words
from crmlab.nps.needs import SIGNALS, customer_signals, mentions

UNTIL = date(2026, 9, 30)


def mentioned(text):
    found = mentions(words.plain(pd.Series([text]))).iloc[0]
    return {name for name in SIGNALS if found[name]}


@pytest.mark.parametrize(
    ("text", "signals"),
    [
        ("多次来电无人处理", {"complaint"}),
        ("售后响应不及时", {"complaint"}),
        ("没有投诉，一切正常", set()),
        ("合作顺利，没有延误", set()),
        ("没有投诉，但是太慢", {"complaint"}),
        ("询问新机型参数", {"need", "purchase"}),
        ("不再续租", set()),
        ("能否提供夜间服务", {"need"}),
        ("设备性能稳定，省油", set()),
        ("The engineer was RUDE and I waited two hours", {"complaint"}),
        ("I can't complain", set()),
        ("no complaints, no delays", set()),
        ("please send a quotation for two more units", {"need", "purchase"}),
        ("ｗｅ ｗｉｓｈ to renew", {"need", "purchase"}),
        ("we won't renew", set()),
        ("collate the results", set()),
        ("😀😀 10/10", set()),
        ("", set()),
    ],
)
def test_notes_mention_what_they_say(text, signals):
    assert mentioned(text) == signals


def notes():
    texts = ["询问续租条件"] * 6 + ["多次来电无人处理"] * 3 + ["履带脱落"] * 11
    frame = pd.DataFrame({"comment": texts, "customer_id": [f"C{place % 8}" for place in range(20)]})
    frame["date"] = pd.Timestamp("2026-09-01")
    frame.loc[:2, "date"] = pd.Timestamp("2025-01-01")
    return frame


def test_signals_are_counted_with_their_intervals():
    found = customer_signals(notes(), until=UNTIL)
    rows = found.signals.set_index("signal")
    assert rows["notes"].to_dict() == {"complaint": 3, "need": 6, "purchase": 6}
    assert rows["customers"].to_dict() == {"complaint": 3, "need": 6, "purchase": 6}
    share = rows["share"]["purchase"]
    assert share.value == 0.3 and share.low < 0.3 < share.high and share.n == 20
    assert "30.0% something the customer may buy" in found.summary()
    assert found.summary().endswith("3 customers have mentioned something to buy since 31 March 2026: a call may pay.")


def test_customers_are_those_of_late_with_the_likeliest_buyers_first():
    customers = customer_signals(notes(), until=UNTIL).customers
    assert customers["customer_id"].tolist() == ["C3", "C4", "C5", "C0", "C6", "C7"]
    assert customers["purchase_signals"].tolist() == [1, 1, 1, 0, 0, 0]
    assert customers["last_signal_on"].eq(pd.Timestamp("2026-09-01")).all()
    longer = customer_signals(notes(), until=UNTIL, recent_months=24).customers
    assert longer["purchase_signals"].sum() == 6


def test_typical_notes_are_masked_and_named_by_their_signal():
    frame = notes()
    frame["comment"] = frame["comment"] + " <b>１３８００１３８０００</b>"
    found = customer_signals(frame, until=UNTIL)
    shown = found.typical.table()
    assert set(shown["signal"]) == {"Complaint", "Purchase signal"}
    assert shown["comment"].str.contains("[phone number]", regex=False).all()
    assert "<b>" not in tables.of(found.typical, title="x").gt.as_raw_html().replace("&lt;b&gt;", "")


def test_order_of_rows_changes_nothing():
    mixed = notes().sample(frac=1, random_state=2)
    one, other = customer_signals(notes(), until=UNTIL), customer_signals(mixed, until=UNTIL)
    assert one.customers.equals(other.customers) and one.signals.map(str).equals(other.signals.map(str))


def test_names_of_signals_are_in_the_report_s_language():
    found = customer_signals(notes(), until=UNTIL)
    assert found.table()["signal"].tolist() == ["Complaint", "Need or wish", "Purchase signal"]
    with speaking("zh"):
        assert tables.of(found, title="x").content["rows"]


@pytest.mark.parametrize("texts", [[], [None] * 20, ["😀"] * 20, ["late"] * 9])
def test_too_few_notes_are_absent_with_the_reason(texts):
    frame = pd.DataFrame({"comment": np.array(texts, dtype=object)})
    found = absence.attempt(customer_signals, frame, until=UNTIL)
    assert isinstance(found, Absent) and "at least 10 notes with words" in found.reason


def test_notes_without_dates_or_names_still_count():
    found = customer_signals(notes()[["comment"]], until=UNTIL)
    assert found.customers.empty and found.signals["customers"].eq(0).all()
    assert list(found.table()) == ["signal", "notes", "share", "customers"]
    assert found.summary().endswith(").") or found.summary().endswith(".")


def test_misuse_is_named():
    with pytest.raises(ValueError, match="must have the column comment"):
        customer_signals(pd.DataFrame(), until=UNTIL)
    with pytest.raises(ValueError, match="`recent_months` must be at least 1, got 0"):
        customer_signals(notes(), until=UNTIL, recent_months=0)
