import gzip
import os
import stat
import tempfile
from pathlib import Path

import pytest

from crmlab.contract import InputError
from tests.conftest import BASE, ROWS
from tests.reading import read

CHINESE = "客户,日期,金额,产品\n甲公司,2024-01-01,5,水泵\n乙公司,2024-02-01,7.5,“阀门”\n"
NAMES = "columns: {customer_id: 客户, date: 日期, amount: 金额, product: 产品}"


@pytest.mark.parametrize(
    ("encoding", "stated"),
    [
        ("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("utf-8", "encoding: utf-8"), ("gbk", "encoding: gbk"),
        ("gb18030", "encoding: GB18030"), ("gb2312", "encoding: gb2312"), ("utf-16-le", "encoding: utf-16-le"),
        ("big5hkscs", "encoding: big5hkscs"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_encodings_give_the_same_rows(small, encoding, stated, packed):
    text = CHINESE if not encoding.startswith("big5") else CHINESE.translate(str.maketrans("户额产阀门", "戶額產閥門"))
    columns = NAMES if not encoding.startswith("big5") else NAMES.translate(str.maketrans("户额产", "戶額產"))
    content = text.encode(encoding)
    file = "t.csv.gz" if packed else "t.csv"
    frame, quality = read(small, gzip.compress(content) if packed else content, f"{columns}, {stated}", file=file)
    assert (quality.rows, quality.rejected) == (2, 0)
    assert frame["customer_id"].tolist() == ["甲公司", "乙公司"]
    assert frame["amount"].tolist() == [5, 7.5]
    assert frame["product"].tolist()[1].strip("“”") in ("阀门", "閥門")


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_by_its_mark(small, order):
    frame, _ = read(small, ("\ufeff" + CHINESE).encode(order), NAMES)
    assert frame["customer_id"].tolist() == ["甲公司", "乙公司"]


def test_a_file_in_another_encoding_is_no_guess(small):
    with pytest.raises(InputError, match="cannot be read as UTF-8 text.*say encoding: gb18030"):
        read(small, CHINESE.encode("gbk"), NAMES)
    with pytest.raises(InputError, match=r"is not gb18030 throughout \(line 4, bytes b'\\xff"):
        read(small, CHINESE.encode("gbk") + b"\xff\xff\n", NAMES + ", encoding: gb18030")
    with pytest.raises(InputError, match="is no text, or in another encoding; say encoding: utf-16"):
        read(small, ROWS.encode("utf-16-le"))
    with pytest.raises(InputError, match=r"encoding must be an encoding such as gb18030.*got 'gb-18030x'"):
        read(small, ROWS, "encoding: gb-18030x")


def test_rows_in_another_encoding_are_counted_one_by_one(small):
    header, first, *rest = ROWS.encode().splitlines(keepends=True)
    rows = header + first + "甲,2024-01-01,5\n".encode("gbk") + b"".join(rest)
    with pytest.raises(InputError, match="t.csv: row 3: cannot be read as UTF-8 text; say encoding: gb18030"):
        read(small, rows)
    frame, quality = read(small, rows, "encoding: utf-8")
    assert (quality.rows, quality.accepted, quality.rejected) == (5, 4, 1)
    assert quality.examples[0].reason == "invalid encoding"


def test_what_is_written_for_the_engine_is_private_and_does_not_stay(small, monkeypatch):
    folder = small.root / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    seen = []
    unlink = Path.unlink

    def watched(path, **options):
        if path.parent == folder:
            seen.append((stat.S_IMODE(os.stat(path).st_mode), path.read_text(encoding="utf-8")))
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", watched)
    read(small, CHINESE.encode("gbk"), NAMES + ", encoding: gbk")
    assert seen == [(0o600, CHINESE)]
    with pytest.raises(InputError, match="has no column 客户号"):
        read(small, CHINESE.encode("gbk"), NAMES.replace("客户", "客户号") + ", encoding: gbk")
    assert len(seen) == 2 and not list(folder.glob("*.csv"))


def test_a_long_file_is_written_piece_by_piece_without_a_character_cut(small, monkeypatch):
    from crmlab.reading import csv_files

    monkeypatch.setattr(csv_files, "_PIECE", 7)
    frame, _ = read(small, CHINESE.encode("gb18030"), NAMES + ", encoding: gb18030")
    assert frame["customer_id"].tolist() == ["甲公司", "乙公司"]


@pytest.mark.parametrize("sign", [",", ";", "\\t", "|", "~", "^", "||", " ", "¦"])
def test_any_delimiter(small, sign):
    plain = sign.replace("\\t", "\t")
    stated = "" if plain in ",;\t|" else f'delimiter: "{sign}"'
    frame, quality = read(small, ROWS.replace(",", plain), stated)
    assert (quality.rejected, frame["amount"].sum()) == (0, 21)


def test_commas_in_quoted_names_of_columns_do_not_make_it_a_file_of_commas(small):
    rows = 'customer_id;date;amount;"a, b, c, d, e"\n1;2024-01-01;5;x\n'
    assert read(small, rows)[0]["amount"].tolist() == [5]


@pytest.mark.parametrize("sign", ['"', "\\n", "12345"])
def test_a_sign_that_cannot_divide(small, sign):
    with pytest.raises(InputError, match="delimiter must be a sign or a few, no quotation mark and no end of a line"):
        read(small, ROWS, f"delimiter: {sign!r}" if sign != "\\n" else 'delimiter: "\\n"')


def test_quoted_line_ends_are_part_of_a_text(small):
    rows = 'customer_id,date,amount,product\n1,2024-01-01,5,"a\nb"\n2,2024-01-01,6,"c\r\n\r\nd"\n3,2024-13-01,7,x\n'
    frame, quality = read(small, rows)
    assert frame["product"].tolist() == ["a\nb", "c\r\n\r\nd"]
    assert (quality.rows, quality.rejected) == (3, 1)


def test_a_header_in_quotation_marks_may_go_on_in_the_next_line(small):
    frame, quality = read(
        small, '"customer_id","date","amount\n(USD)"\n1,2024-01-01,5\n', 'columns: {amount: "amount\\n(USD)"}'
    )
    assert (frame["amount"].tolist(), quality.rows) == ([5], 1)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_names_of_columns_may_stand_below_a_title(small, end):
    rows = ("Orders of 2024,,\n,,\n" + ROWS + "x,2024-01-40,5\n").replace("\n", end)
    frame, quality = read(small, rows, "header: 3")
    assert (quality.rows, quality.rejected, frame["amount"].sum()) == (5, 1, 21)
    assert quality.examples[0].row == 8
    with pytest.raises(InputError, match="line 40 is empty; line 40 must name the columns"):
        read(small, rows, "header: 40")


def test_a_broken_line_below_a_title_has_its_own_number(small):
    _, quality = read(small, "Orders\n" + ROWS + "5,5\n6,2024-01-40,5\n", "header: 2")
    assert [(each.row, each.reason) for each in quality.examples] == [
        (7, "missing columns"), (8, "must be a date (YYYY-MM-DD)")
    ]  # fmt: skip


def test_a_header_that_never_ends(small):
    with pytest.raises(InputError, match="a quotation mark in the header is not closed"):
        read(small, 'customer_id,"date,amount\n' + ROWS)


def test_a_packed_file_that_is_cut_off(small):
    with pytest.raises(InputError, match="t.csv.gz: cannot be read"):
        read(small, gzip.compress(ROWS.encode() * 100)[:-20], file="t.csv.gz")


def test_names_of_files_that_end_alike_are_told_apart(small):
    small.write("data/acme/orders.csv", ROWS)
    small.write("data/acme/old-orders.csv", ROWS + "9,9\n")
    small.write("params/acme.yaml", BASE.replace("transactions.csv", "*orders.csv") + "max_rejected: 1\n")
    _, quality = read(small, None, params=(small.root / "params/acme.yaml").read_text())
    assert [each.file for each in quality.examples] == ["data/acme/old-orders.csv"]
