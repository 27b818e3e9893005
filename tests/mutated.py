"""Files of every kind, spoiled at random, and what must hold of each whatever became of it."""

import csv
import gzip
import io
import random
import re
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

import openpyxl

from crmlab import data
from crmlab.contract import InputError
from crmlab.params import load_params
from crmlab.reading.sql import BLANKS
from tests.reading import HEAD

AMOUNTS = ("5", "12.50", "-3.25", "1000", "0.125", "7", "250.75", "19.99")
# what people, programs and accidents put into cells
CELLS = (
    "", " ", "x", "nan", "inf", "-", "1,5", "1.234", "1,234.50", "1.234,50", "(5)", "5-", "$5", "５", "1e3", "1e400",
    "2024-02-30", "2024年3月5日", "3/5/2024", "13/5/2024", "20240305", "45356", '"', '""', 'a"b', "a\nb", "\r", "\0",
    ",", ";", "\t", "=1+1", "甲" * 300, "\ufeff", "\u2028", "NULL", "0x10", "1_000", "9" * 400, "--5", "+5", "５,５",
    "'", "\\",
)  # fmt: skip
PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$")


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, how its rows become bytes, and what YAML says of it beside its source."""

    file: str
    form: str
    delimiter: str = ""
    encoding: str = "utf-8"


KINDS = (
    Kind("t.csv", "", ",", "utf-8"),
    Kind("t.csv", "encoding: utf-8", ",", "utf-8-sig"),
    Kind("t.csv", "decimal: ',', dates: dmy", ";"),
    Kind("t.csv", "keep: product != 'b'", "\t"),
    Kind("t.csv", "encoding: gb18030, columns: {product: {from: product, values: {a: A}}}", "|", "gb18030"),
    Kind("t.csv", "", ",", "utf-16"),
    Kind("t.csv.gz", "columns: {margin: {formula: amount / 2}}", ","),
    Kind("t.xlsx", ""),
    Kind("t.sqlite", "query: SELECT * FROM t"),
    Kind("t.parquet", ""),
)


def spoiled(kind: Kind, draw: random.Random) -> bytes:
    """A file whose cells, or whose bytes, are not as they should be."""
    rows = [
        [str(n), f"2024-{1 + n % 12:02}-{1 + n % 28:02}", draw.choice(AMOUNTS), draw.choice("abc")]
        for n in range(1, 16)
    ]
    for _spot in range(draw.choice((0, 1, 1, 2, 5))):
        rows[draw.randrange(len(rows))][draw.randrange(4)] = draw.choice(CELLS)
    content = _written(kind, [["customer_id", "date", "amount", "product"], *rows])
    for _spot in range(draw.choice((0, 0, 1, 1, 3, 20))):
        content = _mutated(content, draw)
    return content


def _written(kind: Kind, rows: list[list[str]]) -> bytes:
    if kind.delimiter:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=kind.delimiter, lineterminator="\n").writerows(rows)
        content = text.getvalue().encode(kind.encoding, "replace")
        return gzip.compress(content, mtime=0) if kind.file.endswith(".gz") else content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / kind.file
        if kind.file.endswith(".xlsx"):
            book = openpyxl.Workbook()
            for row in rows:
                # what a workbook cannot hold at all
                book.active.append([re.sub(r"[\0-\x08\x0b-\x1f]", "", cell)[:300] for cell in row])
            book.save(path)
        elif kind.file.endswith(".sqlite"):
            with sqlite3.connect(path) as database:
                database.execute("CREATE TABLE t (customer_id, date, amount, product)")
                database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows[1:])
            database.close()
        else:
            import pyarrow as pa
            import pyarrow.parquet as parquet

            columns = dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True))
            parquet.write_table(pa.table(columns), path)
        return path.read_bytes()


def _mutated(content: bytes, draw: random.Random) -> bytes:
    if not content:
        return content
    at, to = sorted(draw.randrange(len(content) + 1) for _end in range(2))
    match draw.randrange(6):
        case 0:
            return content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]
        case 1:
            return (
                content[:at]
                + draw.choice((b'"', b"\n", b"\r\n", b",", b";", b"\0", b"\xff", b"'", b"\t"))
                + content[at:]
            )
        case 2:
            return content[:at] + content[at + 1 :]
        case 3:
            return content[:to] if draw.random() < 0.3 else content[:at] + content[min(to, at + 8) :]
        case 4:
            return content[:at] + content[at : min(to, at + 30)] + content[at:]
    return content[:at] + draw.choice(CELLS).encode("utf-8", "replace") + content[at:]


def check(small, kind: Kind, content: bytes) -> str:
    """Read a file and hold what came of it against what it says; `refused`, `plain` or `compared`.

    `compared`: every accepted amount is the one that another reader of CSV finds in that row.
    """
    small.write(f"data/acme/{kind.file}", content)
    small.write("params/acme.yaml", f"{HEAD}data: {{transactions: {{source: data/acme/{kind.file}, {kind.form}}}}}\n")
    connection = data.connect()
    try:
        params = load_params(small.project, "acme")
        relation, quality = data.open_table(connection, params, "transactions", small.project)
    except InputError as error:
        assert 0 < len(str(error)) < 3000 and "Traceback" not in str(error)
        return "refused"
    accepted = relation.fetchall()
    assert quality.rows == quality.accepted + quality.filtered + quality.rejected
    assert len(accepted) == quality.accepted > 0
    assert sum(quality.reasons.values()) == quality.rejected
    if not kind.delimiter:
        return "plain"
    read = connection.execute(
        'SELECT _row, customer_id, amount, _rule IS NULL FROM "checked transactions" ORDER BY _row'
    ).fetchall()
    return _compared(kind, content, read, quality)


def _compared(kind: Kind, content: bytes, read: list[tuple], quality) -> str:
    """Whether each accepted amount stands in a row of its own in the file, as another reader sees it."""
    try:
        text = (gzip.decompress(content) if kind.file.endswith(".gz") else content).decode(kind.encoding)
        rows = [
            row
            for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=kind.delimiter)
            if row
        ]
    except (UnicodeError, csv.Error, OSError, EOFError):
        return "plain"
    header = [name.strip().lower() for name in rows[0]]
    if "amount" not in header or "customer_id" not in header:
        return "plain"
    assert quality.rows == len(rows) - 1, f"{quality.rows} rows read of {len(rows) - 1}"
    who, what = header.index("customer_id"), header.index("amount")
    cells = [(row[who].strip(BLANKS), row[what].strip(BLANKS)) for row in rows[1:] if len(row) == len(header)]
    for _row, customer, amount, kept in read:
        if not kept:
            continue
        found = [cell for name, cell in cells if name == customer]
        assert found, f"customer {customer!r} is in no row"
        plain = [float(cell) for cell in found if PLAIN.match(cell)]
        if len(plain) == len(found) and kind.form.find("decimal") < 0:
            assert amount in plain, f"{amount} for {found}"
    return "compared"
