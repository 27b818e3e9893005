"""Rows taken out of files: all of the customer's, no one else's, and not a byte of the rest."""

import gzip
import re
import stat
import zipfile
from datetime import datetime

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.contract import InputError
from crmlab.removal import Wanted, without
from crmlab.removal.csv_files import rewrite_csv
from tests.test_reading_workbooks import workbook

C1 = Wanted(frozenset({"C1"}))
IDS = ("C1", "C10", "C1-1", "XC1", "c1", "C2", "", " C1 ", "C1\u3000")
OURS = {"C1", " C1 ", "C1\u3000"}


def field(value, delimiter):
    """A field as a program writes it."""
    return '"' + value.replace('"', '""') + '"' if any(sign in value for sign in f'\r\n"{delimiter}') else value


def erased(path, wanted=C1, **form):
    removal = without(path, wanted, **form)
    removal.commit()
    return removal


@given(
    rows=st.lists(st.tuples(st.sampled_from(IDS), st.text('aC1é林,;|\t"\n\r ', max_size=8)), max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-16-le", "utf-16-be"]),
    packed=st.booleans(),
    last=st.booleans(),
)
def test_whatever_a_csv_file_holds_the_rest_stays_to_the_byte(
    tmp_path_factory, rows, delimiter, end, mark, encoding, packed, last
):
    rows = [(customer, text.replace("\r", "") if end == "\n" else text) for customer, text in rows]
    mark = mark or encoding.startswith("utf-16")
    header = ("\ufeff" if mark and encoding != "gb18030" else "") + delimiter.join(["note", " Customer_ID "]) + end
    lines = [
        (customer, field(text, delimiter) + delimiter + field(customer, delimiter) + end) for customer, text in rows
    ]
    if lines and not last:
        lines[-1] = (lines[-1][0], lines[-1][1].removesuffix(end))
    path = tmp_path_factory.mktemp("any") / ("a.csv.gz" if packed else "a.csv")
    content = (header + "".join(line for _, line in lines)).encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)
    before = path.read_bytes()
    removal = erased(path, encoding="gb18030" if encoding == "gb18030" else None)
    kept = (header + "".join(line for customer, line in lines if customer not in OURS)).encode(encoding)
    now = path.read_bytes()
    assert (gzip.decompress(now) if packed else now) == kept
    assert removal.rows == sum(customer in OURS for customer, _ in rows)
    assert removal.rows or now == before


def test_bytes_that_are_no_text_stay(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"customer_id,note\nC1,a\nC2,\xff\xfe\x80\nC3,\x00\n")
    erased(path)
    assert path.read_bytes() == b"customer_id,note\nC2,\xff\xfe\x80\nC3,\x00\n"


def test_lines_above_the_header_stay(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('A list of "customers\n\ncustomer_id;note\nC1;a\nC2;b\n')
    assert erased(path, header=3).rows == 1
    assert path.read_text() == 'A list of "customers\n\ncustomer_id;note\nC2;b\n'


def test_rows_of_others_that_name_the_customer_are_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("customer_id,note\nC1,a\nC2,referred by C1.\nC3,C10 and XC1 and C1-1\nC4,C1\n")
    removal = erased(path)
    assert (removal.rows, removal.named) == (1, [2, 4])


def test_a_short_number_names_nobody(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("customer_id,amount\n12,5\n13,12\n112,12\n")
    removal = erased(path, Wanted(frozenset({"12"})))
    assert (removal.rows, removal.named, path.read_text()) == (1, [], "customer_id,amount\n13,12\n112,12\n")


def test_a_quotation_mark_that_is_never_closed_hides_no_row_in_silence(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('customer_id,note\nC2,"open\nC1,a\nC3,b\n')
    removal = erased(path)
    assert (removal.rows, removal.named) == (0, [2])


def test_another_column_may_hold_the_id(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("account,customer_id\nC1,x\ny,C1\n")
    assert erased(path, Wanted(frozenset({"C1"}), "Account")).keyed
    assert path.read_text() == "account,customer_id\ny,C1\n"
    assert not erased(path, Wanted(frozenset({"C1"}), "kunde")).keyed


def test_modes_and_links_stay(tmp_path):
    path, link = tmp_path / "real.csv", tmp_path / "link.csv"
    path.write_text("customer_id\nC1\nC2\n")
    path.chmod(0o640)
    link.symlink_to(path)
    erased(link)
    assert link.is_symlink() and path.read_text() == "customer_id\nC2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.csv", "real.csv"]


def test_until_it_is_put_in_place_the_old_file_stands(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("customer_id\nC1\n")
    removal = without(path, C1)
    assert path.read_text() == "customer_id\nC1\n"
    removal.commit()
    assert path.read_text() == "customer_id\n"


@pytest.mark.parametrize("name, content", [
    ("a.xlsx", b"PK"), ("a.sqlite", b"x"), ("a.csv", b""), ("a.csv.gz", b"no gzip"),
    ("a.csv", b'customer_id,"no end\nC1,2\n'),
    ("a.csv", b"customer_id,note\nC1," + b"x" * 200_000 + b"\n"),
])  # fmt: skip
def test_what_cannot_be_rewritten_is_left_alone(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{name}: "):
        without(path, C1)
    assert path.read_bytes() == content and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("type_, ids, wanted", [
    (pa.string(), ["C1", "C10", None, " C1", "C2"], {"C1"}),
    (pa.dictionary(pa.int8(), pa.string()), ["C1", "C10", None, "C1", "C2"], {"C1"}),
    (pa.int64(), [12, 112, None, 12, 13], {"12"}),
    (pa.float64(), [12.0, 112.0, None, 12.0, 13.0], {"12.0"}),
])  # fmt: skip
def test_parquet_keeps_its_order_types_and_all_else(tmp_path, type_, ids, wanted):
    path = tmp_path / "a.parquet"
    table = pa.table({"customer_id": pa.array(ids, type_), "n": pa.array(range(5))}).replace_schema_metadata({"a": "b"})
    pq.write_table(table, path, row_group_size=2, compression="zstd")
    removal = erased(path, Wanted(frozenset(wanted)))
    found = pq.read_table(path)
    assert removal.rows == 2
    assert found["n"].to_pylist() == [1, 2, 4]
    assert found.schema.equals(table.schema, check_metadata=True)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_nothing_in_a_parquet_file_remembers_who_is_gone(tmp_path):
    """Neither statistics nor dictionaries, of the engine's or of the file's."""
    path = tmp_path / "a.parquet"
    ids = pa.array(["KUNDE-77", "C2", "C3"]).dictionary_encode()
    pq.write_table(pa.table({"customer_id": ids, "note": ["KUNDE-77 x", "b", "of KUNDE-77"]}), path, compression="none")
    assert b"KUNDE-77" in path.read_bytes()
    removal = erased(path, Wanted(frozenset({"KUNDE-77"})))
    assert (removal.rows, removal.named) == (1, [2])
    assert path.read_bytes().count(b"KUNDE-77") == path.read_bytes().count(b"of KUNDE-77") > 0


def cells(path):
    book = openpyxl.load_workbook(path)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}


def test_a_workbook_loses_the_customers_rows_of_every_sheet(tmp_path):
    path, day = tmp_path / "a.xlsx", datetime(2024, 1, 5)
    head = ["Customer_ID", "date", "note"]
    orders = [head, ["C1", day, "a"], ["C10", day, "b"], [" C1", day, "c"], ["C2", day, "of C1"]]
    path.write_bytes(workbook(orders=orders, notes=[["text"], ["C10"]]))
    removal = erased(path)
    assert (removal.rows, removal.named) == (2, [3])
    assert cells(path) == {"orders": [head, orders[2], orders[4]], "notes": [["text"], ["C10"]]}
    with zipfile.ZipFile(path) as packed:
        assert not [name for name in packed.namelist() if re.search(rb">\s*C1\s*<", packed.read(name))]


def test_a_number_of_a_workbook_is_an_id_too(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(orders=[["customer_id"], [12], [112], [12.0], ["12"]]))
    assert erased(path, Wanted(frozenset({"12"}))).rows == 3
    assert cells(path) == {"orders": [["customer_id"], [112]]}


def test_a_workbook_that_holds_more_than_cells_is_left_alone(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(orders=[["customer_id", "n"], ["C1", 1], ["C2", "=B2"]]))
    before = path.read_bytes()
    with pytest.raises(InputError, match="a.xlsx: holds more than cells"):
        without(path, C1)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_nobody_else_may_read_the_new_file_while_it_is_written(tmp_path, monkeypatch):
    path, modes = tmp_path / "a.csv", []
    path.write_text("customer_id,amount\nC1,5\nC2,6\n")
    path.chmod(0o640)

    def looked_at(removal, *given):
        modes.append(stat.S_IMODE(removal.new.stat().st_mode))
        rewrite_csv(removal, *given)
        modes.append(stat.S_IMODE(removal.new.stat().st_mode))

    monkeypatch.setattr("crmlab.removal.rewrite_csv", looked_at)
    (tmp_path / ".a.csv.erasing").write_text("left by one that was killed")
    removal = without(path, C1)
    assert modes == [0o600, 0o600]
    removal.commit()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and path.read_text() == "customer_id,amount\nC2,6\n"
