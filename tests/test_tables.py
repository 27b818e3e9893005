import datetime

import pandas as pd
import pytest

from crmlab import prose, tables
from crmlab.intervals import Estimate, wilson

HOSTILE = '<script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "segment": ["Core", "Quiet", "All"],
            "customers": [4355, 3525, 7880],
            "active": [0.8213, 0.23, 0.55],
            "spend_each": [
                Estimate(139.21, 132.8, 146.4, "USD", 4355),
                Estimate(7.2, 6.9, 8.1, "USD", 3525),
                None,
            ],
            "total": [607_123.4, -26.5, None],
            "since": pd.to_datetime(["1997-01-05", "1997-03-31", None]),
        }
    )


def texts(table):
    rows = table.content["rows"] + table.content["total"]
    return [[" ".join(filter(None, (cell["text"], cell.get("bounds")))) for cell in row] for row in rows]


def test_cells_are_read_as_a_reader_expects(frame):
    found = tables.table(frame, title="Segments", formats={"active": "share", "total": "money"}, currency="USD")
    assert [column["label"] for column in found.content["columns"]] == [
        "Segment",
        "Customers",
        "Active, %",
        "Spend each, $",
        "Total, $",
        "Since",
    ]
    assert texts(found) == [
        ["Core", "4,355", "82.1", "139 [133, 146]", "607,123", "5 January 1997"],
        ["Quiet", "3,525", "23.0", "7 [7, 8]", "−26", "31 March 1997"],
        ["All", "7,880", "55.0", "–", "–", "–"],
    ]
    assert [column["kind"] for column in found.content["columns"]] == ["text", "num", "num", "num", "num", "num"]


def test_small_sums_keep_their_cents():
    found = tables.table(pd.DataFrame({"who": ["a", "b"], "spend": [4.5, 32.0]}), title="T", formats={"spend": "money"})
    assert texts(found) == [["a", "4.50"], ["b", "32.00"]]


def test_bars_total_and_flag(frame):
    found = tables.table(frame, title="T", bars={"spend_each": (0, 200)}, total=True, flag="Quiet").content
    assert found["columns"][4] == {"label": "$0 to $200", "kind": "bar"}
    assert found["rows"][0][4]["bar"] == {"v": "69.6%", "l": "66.4%", "h": "73.2%"}
    assert [row[0]["text"] for row in found["rows"]] == ["Core", "Quiet"]
    assert [row[0]["text"] for row in found["total"]] == ["All"]
    assert found["flag"] == "Quiet"


def test_a_named_index_becomes_the_first_column():
    frame = pd.DataFrame({"n": [2]}, index=pd.Index(["a"], name="segment"))
    assert texts(tables.table(frame, title="T")) == [["a", "2"]]


def test_the_frame_stays_as_it_was(frame):
    before = frame.copy(deep=True)
    tables.table(frame, title="T", bars={"spend_each": (0, 200)})
    pd.testing.assert_frame_equal(frame, before)


def test_an_empty_frame_has_headers_and_no_rows():
    found = tables.table(pd.DataFrame({"segment": [], "n": []}), title="T").content
    assert (len(found["columns"]), found["rows"], found["total"]) == (2, [], [])


def test_jupyterlab_gets_a_great_table_with_everything_escaped():
    frame = pd.DataFrame({HOSTILE: [HOSTILE], "share": [wilson(3, 10)], "on": [datetime.date(2026, 1, 2)]})
    found = tables.table(frame, title=HOSTILE, subtitle=HOSTILE, formats={"on": "date"})
    html = found._repr_mimebundle_()["text/html"]
    assert "gt_table" in html and "30.0 [10.8, 60.3]" in html and "2 January 2026" in html
    assert "<script" not in html and "<img" not in html
    assert found._repr_mimebundle_()[prose.MIME]["type"] == "table"


def test_the_same_table_gives_the_same_bytes(frame):
    one, two = (tables.table(frame, title="T")._repr_mimebundle_() for _ in range(2))
    assert one == two


def test_data_quality_counts_and_marks_what_was_not_supplied():
    rows = [
        {"table": "transactions", "rows": 69_659, "accepted": 69_600, "rejected": 59, "remarks": "kept"},
        {"table": "payments", "rows": None, "accepted": None, "rejected": None, "remarks": "not supplied"},
    ]
    assert texts(tables.data_quality(rows)) == [
        ["transactions", "69,659", "69,600", "59", "kept"],
        ["payments", "–", "–", "–", "not supplied"],
    ]


def test_rejected_rows_show_the_value_as_typed():
    row = {
        "table": "transactions",
        "file": "t.csv",
        "row": 1007,
        "column": "date",
        "value": HOSTILE,
        "reason": "no date",
    }
    found = tables.rejected_rows([row])
    assert texts(found) == [["transactions", "t.csv", "1007", "date", HOSTILE, "no date"]]


def test_no_rejected_row_is_said_in_a_sentence():
    assert tables.rejected_rows([]).text == "No row broke a rule."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"formats": {"custmers": "integer"}},
            "`formats` names the column 'custmers'; the frame has segment, customers",
        ),
        ({"formats": {"customers": "dollars"}}, "`formats` must be among text, .*, got 'dollars'"),
        ({"labels": {"x": "X"}}, "`labels` names the column 'x'"),
        ({"bars": {"x": (0, 1)}}, "`bars` names the column 'x'"),
    ],
)
def test_mistakes_are_named(frame, options, message):
    with pytest.raises(ValueError, match=message):
        tables.table(frame, title="T", **options)


def test_ends_of_an_interval_stand_in_brackets_beside_their_number():
    frame = pd.DataFrame({"parameter": ["r"], "estimate": [0.2428], "low": [0.2188], "high": [0.2694]})
    shown = tables.table(frame, title="Fit", formats={"estimate": "ratio"}, intervals={"estimate": ("low", "high")})
    assert [column["label"] for column in shown.content["columns"]] == ["Parameter", "Estimate"]
    assert shown.content["rows"] == [[{"text": "r"}, {"text": "0.243", "bounds": "[0.219, 0.269]"}]]
    with pytest.raises(ValueError, match="`intervals` names the column 'lower'"):
        tables.table(frame, title="Fit", intervals={"estimate": ("lower", "high")})
