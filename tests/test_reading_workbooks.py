import io
import re
import zipfile
from datetime import date, datetime, time

import openpyxl
import pandas as pd
import pytest

from crmlab.contract import InputError
from tests.reading import read

HEADER = ["customer_id", "date", "amount", "product"]


def workbook(**sheets) -> bytes:
    """A workbook of these sheets, each a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return saved(book)


def saved(book) -> bytes:
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def opened(small, rows, form="", **options):
    return read(small, workbook(orders=rows), form, file="t.xlsx", **options)


def test_cells_have_the_types_that_excel_gave_them(small):
    frame, quality = opened(
        small,
        [
            HEADER,
            [1001, datetime(2024, 3, 5), 1234.5, "水泵"],
            ["A-7", date(2024, 3, 6), 7, 12.25],
            [1002.0, "2024-03-07", "8.50", True],
            [1003, datetime(2024, 3, 5, 10, 30), -1e-3, None],
        ],
    )
    assert quality.rejected == 0
    assert frame["customer_id"].tolist() == ["1001", "A-7", "1002", "1003"]
    assert frame["date"].iloc[0] == pd.Timestamp("2024-03-05") and frame["date"].iloc[3].hour == 10
    assert frame["amount"].tolist() == [1234.5, 7, 8.5, -0.001]
    assert frame["product"].tolist()[:3] == ["水泵", "12.25", "true"]


@pytest.mark.parametrize("form", ["", 'decimal: ","', 'decimal: "."'])
def test_a_number_is_itself_whatever_a_comma_means_in_the_texts_beside_it(small, form):
    rows = [HEADER, ["1", "2024-01-01", 1.234], ["2", "2024-01-01", 12.5], ["3", "2024-01-01", "1.234,56"]]
    frame, quality = opened(small, rows, form)
    assert frame["amount"].tolist() == ([1.234, 12.5] if '"."' in form else [1.234, 12.5, 1234.56])
    assert quality.rejected == (1 if '"."' in form else 0)
    if quality.rejected:
        assert quality.examples[0].value == "1.234,56"


def test_rows_keep_the_numbers_that_the_sheet_shows(small):
    rows = [
        ["Orders of 2024"],
        [],
        HEADER,
        ["1", "2024-01-01", 5],
        [],
        ["2", "2024-01-40", 5],
        ["3", "2024-01-01", "x"],
    ]
    frame, quality = opened(small, rows, "header: 3")
    assert (len(frame), quality.rows) == (1, 3)
    assert [(each.row, each.column, each.value) for each in quality.examples] == [
        (6, "date", "2024-01-40"), (7, "amount", "x")
    ]  # fmt: skip


def test_days_counted_by_excel_are_dates_only_where_that_is_stated(small):
    rows = [HEADER, ["1", 45356, 5], ["2", 45356.5, 5]]
    with pytest.raises(InputError) as caught:
        opened(small, rows)
    assert "row 2: date: must be a date (YYYY-MM-DD), got '45356'" in caught.value.detail
    frame, _ = opened(small, rows, "dates: excel")
    assert frame["date"].astype(str).tolist() == ["2024-03-05 00:00:00", "2024-03-05 12:00:00"]


def test_cells_that_failed_and_times_are_no_numbers_and_no_dates(small):
    rows = [
        HEADER,
        ["1", "2024-01-01", "=1/0"],
        ["2", time(10, 30), 5],
        ["3", "2024-01-01", 5],
        ["#N/A", "2024-01-01", 5],
    ]
    packed = zipfile.ZipFile(io.BytesIO(workbook(orders=rows)))
    # what Excel would have kept of the formula
    sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    sheet = re.sub(
        r'<c r="C2"[^>]*><f>1/0</f><v ?/?>(</v>)?</c>', '<c r="C2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', sheet
    )
    assert "#DIV/0!" in sheet
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        for name in packed.namelist():
            target.writestr(name, sheet if name.endswith("sheet1.xml") else packed.read(name))
    _, quality = read(small, written.getvalue(), file="t.xlsx")
    assert [(each.row, each.column, each.value) for each in quality.examples] == [
        (2, "amount", "#DIV/0!"), (3, "date", "10:30:00")
    ]  # fmt: skip


def test_the_sheet_is_named_where_there_are_several(small):
    one, other = [HEADER, ["1", "2024-01-01", 5]], [HEADER, ["1", "2024-01-01", 6]]
    with pytest.raises(InputError, match="t.xlsx: has several sheets; say sheet: with one of 订单, 退货"):
        read(small, workbook(订单=one, 退货=other), file="t.xlsx")
    frame, _ = read(small, None, "sheet: 退货", file="t.xlsx")
    assert frame["amount"].tolist() == [6]
    with pytest.raises(InputError, match=r"has no sheet Orders; did you mean orders\?"):
        read(small, workbook(orders=one, notes=other), "sheet: Orders", file="t.xlsx")


def test_hidden_sheets_are_read_where_they_are_named_alone(small):
    book = openpyxl.load_workbook(io.BytesIO(workbook(orders=[HEADER, ["1", "2024-01-01", 5]], lists=[["x"]])))
    book["lists"].sheet_state = "hidden"
    assert read(small, saved(book), file="t.xlsx")[0]["amount"].tolist() == [5]


def test_a_workbook_that_is_wrong_about_its_own_size_is_read_whole(small):
    packed = zipfile.ZipFile(io.BytesIO(workbook(orders=[HEADER, *([str(n), "2024-01-01", n] for n in range(50))])))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        for name in packed.namelist():
            content = packed.read(name)
            target.writestr(name, re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:B2"', content))
    assert b'ref="A1:B2"' in zipfile.ZipFile(written).read("xl/worksheets/sheet1.xml")
    frame, quality = read(small, written.getvalue(), file="t.xlsx")
    assert (quality.rows, frame["amount"].sum()) == (50, sum(range(50)))


def test_many_rows_come_in_batches(small, monkeypatch):
    from crmlab.reading import staging

    monkeypatch.setattr(staging, "BATCH", 7)
    rows = [[str(n), "2024-01-01", n if n < 20 else f"{n}.0"] for n in range(30)]
    frame, quality = opened(small, [HEADER, *rows])
    assert (quality.rows, frame["amount"].sum()) == (30, sum(range(30)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "row 1 is empty; it must name the columns"),
        ([HEADER], "holds no rows below its header"),
        ([["customer_id", "date", "date"]], "the header names date twice"),
        ([["customer_id", "date"], ["1", "2024-01-01"]], "has no column amount"),
    ],
)
def test_a_sheet_that_cannot_be_used(small, rows, message):
    with pytest.raises(InputError, match=message) as caught:
        opened(small, rows)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"no workbook", b"PK\x03\x04", workbook(a=[HEADER])[:2000]])
def test_a_file_that_is_no_workbook(small, content):
    with pytest.raises(InputError, match="t.xlsx: cannot be read as a workbook: .*; save it anew") as caught:
        read(small, content, file="t.xlsx")
    assert len(str(caught.value).splitlines()) == 1


def test_a_workbook_that_unpacks_to_more_than_any_is_refused(small, monkeypatch):
    from crmlab.reading import workbooks

    monkeypatch.setattr(workbooks, "_MOST_BYTES", 1000)
    with pytest.raises(InputError, match="unpacks to more than a workbook can hold; save the sheet as CSV"):
        opened(small, [HEADER, ["1", "2024-01-01", 5]])


def test_files_that_excel_leaves_beside_an_open_workbook_are_no_data(small):
    small.write("data/acme/~$t.xlsx", b"owner")
    small.write("data/acme/t.xlsx", workbook(a=[HEADER, ["1", "2024-01-01", 5]]))
    text = "client: A\ncurrency: USD\ndata: {transactions: {source: data/acme/*.xlsx}}\n"
    assert read(small, params=text)[1].files == ("data/acme/t.xlsx",)
    small.write("data/acme/old.xls", b"x")
    with pytest.raises(InputError, match=r"old.xls: must be one of .* save it as .xlsx"):
        read(small, params=text.replace("*.xlsx", "old.xls"))
