"""Attacks by what is read: YAML, archives, expressions, SQL that want to run, to read more, or to fill the machine."""

import gzip
import io
import sqlite3
import time
import zipfile

import openpyxl
import pandas as pd
import pytest

from crmlab import data
from crmlab.contract import InputError
from crmlab.diagnosis.rules import rules
from crmlab.expressions import parse
from crmlab.params import load_params
from crmlab.reading import csv_files, workbooks
from crmlab.removal import Wanted, without
from tests.conftest import BASE, ROWS

# what is refused at once takes a second at most; a machine may be busy
SECONDS = 30
TENFOLD = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
LAUGHS = TENFOLD + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
MERGED = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: 1}}\n" for n in range(1, 12)
)


@pytest.fixture
def read(small):
    """Reads transactions of a project, whose client's file says this of them."""

    def read(form="", rows=None, name="transactions.csv"):
        if rows is not None:
            small.write(f"data/acme/{name}", rows)
        text = BASE.replace("source: data/acme/transactions.csv", f"source: data/acme/{name}{form and ', ' + form}")
        small.write("params/acme.yaml", text)
        relation, quality = data.open_table(
            data.connect(), load_params(small.project, "acme"), "transactions", small.project
        )
        return relation.fetchall(), quality

    return read


@pytest.mark.parametrize(
    "text",
    [
        f"{LAUGHS}client: *a11\n", f"{LAUGHS}language: *a11\n", f"{LAUGHS}data: *a11\n", f"{BASE}{LAUGHS}",
        f"{LAUGHS}data: {{transactions: {{source: x.csv, columns: {{amount: {{from: a, values: {{x: *a11}}}}}}}}}}\n",
        f"{MERGED}client: *a11\n", f"{BASE}{MERGED}", "client: &a [*a]\n", "client: &a {b: *a}\n", "? &a [*a]\n: 1\n",
        "client: " + "[" * 1_000, "client: " + "{a: " * 2_000, "- " * 5_000, "? " * 5_000, "client: " + "9" * 10_000,
        "a: &a " + "x" * 200_000 + "\nb: [" + "*a, " * 30_000 + "]\n", "#" + "x" * (1 << 20),
        "client: " + "x" * (1 << 20),
    ],
)  # fmt: skip
def test_yaml_that_grows_when_it_is_read_is_refused_at_once(small, text):
    small.write("params/acme.yaml", text)
    began = time.monotonic()
    with pytest.raises(InputError, match="params/acme.yaml") as caught:
        load_params(small.project, "acme")
    assert time.monotonic() - began < SECONDS and len(str(caught.value)) < 1_000


CALLS = ("os.system [touch ran]", "subprocess.check_output [[touch, ran]]", "builtins.exec ['open(\"ran\", \"w\")']",
         "builtins.eval ['open(\"ran\", \"w\")']", "posix.system [touch ran]", "pathlib.Path.touch [ran]")  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:", "!!python/object/new:", "!<tag:yaml.org,2002:python/object/apply:"]
)
def test_yaml_makes_no_object_and_calls_nothing(small, tag, call):
    function, arguments = call.split(" ", 1)
    value = f"{tag}{function}{'>' if tag.startswith('!<') else ''} {arguments}"
    for text in (f"{BASE}as_of: {value}\n", f"client: {value}\n", f"- {value}\n"):
        small.write("params/acme.yaml", text)
        with pytest.raises(InputError, match="is not valid YAML: could not determine a constructor"):
            load_params(small.project, "acme")
    assert not (small.root / "ran").exists()


@pytest.mark.parametrize(
    "tag", ["!!python/name:os.system", "!!python/module:os", "!!python/tuple [1]", "!ruby/object:A {}",
            "!!java.net.URL [x]", "!!python/bytes x", "!Ref x", "!include /etc/hostname", "!ENV ${HOME}"],
)  # fmt: skip
def test_yaml_knows_no_other_tags(small, tag):
    small.write("params/acme.yaml", f"{BASE}language: {tag}\n")
    with pytest.raises(InputError, match=r"params/acme.yaml: line \d+: is not valid YAML"):
        load_params(small.project, "acme")


PYTHON = (
    "__import__('os').system('touch ran')", "open('ran', 'w') == amount",
    "().__class__.__base__.__subclasses__() == amount",
    "amount.__class__ == 1", "[x for x in amount] == 1", "(lambda: open('ran', 'w'))() == amount",
    "eval('1') + amount > 0", "exec('import os') == amount", "amount.apply(print) > 1", "f'{open}' == amount",
    "getattr(amount, 'x') > 1", "9**9**9 > amount",
    "amount; import os", "@os.system('touch ran')", "${CRM_DB_URL} == amount", "{{ 7 * 7 }} == amount",
    "amount > 1) OR (1 = 1", "amount > 1; DROP TABLE x", "amount > 1 -- ", "read_csv('/etc/hostname') == amount",
    "`amount` == `x`; ATTACH 'ran'",
)  # fmt: skip


@pytest.mark.parametrize("text", PYTHON)
@pytest.mark.parametrize("slot", ["keep", "formula", "rule", "condition"])
def test_no_rule_filter_or_formula_reaches_python(small, read, slot, text):
    quoted = "'" + text.replace("'", "''") + "'"
    with pytest.raises((InputError, ValueError), match=r"^[^\n]+$"):
        match slot:
            case "keep":
                read(f"keep: {quoted}")
            case "formula":
                read(f"columns: {{amount: {{formula: {quoted}}}}}")
            case "rule":
                rules([{"name": "a", "when": text, "action": "b"}], {"amount": "number"}, what="strategy")
            case _:
                parse(text, {"amount": "number"})
    assert not (small.root / "ran").exists()


SQL = ("x'); DROP TABLE y; --", 'x"; COPY (SELECT 1) TO \'ran\'; --', "x' || getenv('HOME') || '", "$$", "x\\'", '""',
       "x;y", "(SELECT 1)", "*", "read_text('/etc/hostname')", "{x}", "%s", "?", "x\u2028y", "x/*y*/",
       "x--")  # fmt: skip


@pytest.mark.parametrize("text", SQL)
def test_what_stands_in_a_header_or_a_cell_is_no_sql(small, read, text):
    cell = '"' + text.replace('"', '""') + '"'
    given = f"customer_id,date,amount,product,{cell}\n{cell},2024-01-01,5,{cell},{cell}\n"
    rows, quality = read(rows=given)
    assert quality.accepted == 1 and rows[0][0] == text
    name = text.replace("'", "''")
    renamed, _quality = read(f"columns: {{product: '{name}'}}", rows=given.replace("product,", "other,"))
    assert text in renamed[0] and not (small.root / "ran").exists()


@pytest.mark.parametrize(
    "name", ["it's.csv", 'a"b.csv', "a;b.csv", "$HOME.csv", "a--b.csv", "ü 你.csv", "a%20b.csv", "a+b.csv"]
)
def test_a_files_name_is_no_sql_either(small, name):
    small.write(f"data/acme/{name}", ROWS)
    source = "'data/acme/" + name.replace("'", "''") + "'"
    small.write("params/acme.yaml", BASE.replace("data/acme/transactions.csv", source))
    params = load_params(small.project, "acme")
    assert data.open_table(data.connect(), params, "transactions", small.project)[1].accepted == 4


@pytest.mark.parametrize("name", ["t*.csv", "t?.csv", "[t]*.csv", "*.csv", "t**.csv"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_engine_takes_no_name_for_a_pattern(small, name, ending):
    """What is listed is read once, whatever a file is called."""
    frame = pd.DataFrame({"customer_id": ["1"], "date": ["2024-01-01"], "amount": [5]})
    for each in (name, "t1.csv", "t22.csv"):
        path = small.write(f"data/many/{each.replace('.csv', ending)}", "")
        frame.to_csv(path, index=False) if ending == ".csv" else frame.to_parquet(path)
    small.write("params/acme.yaml", BASE.replace("data/acme/transactions.csv", f"data/many/*{ending}"))
    relation, quality = data.open_table(
        data.connect(), load_params(small.project, "acme"), "transactions", small.project
    )
    assert quality.accepted == 3 and quality.rejected == 0


@pytest.mark.parametrize(
    "query",
    ["ATTACH 'ran' AS other", "PRAGMA writable_schema = 1", "DELETE FROM orders", "INSERT INTO orders VALUES (1, 2, 3)",
     "DROP TABLE orders", "CREATE TABLE ran (x)", "VACUUM INTO 'ran'", "SELECT load_extension('x')",
     "SELECT writefile('ran', 1)", "SELECT readfile('/etc/hostname')", "SELECT 1; DROP TABLE orders",
     "UPDATE orders SET amount = 1"],
)  # fmt: skip
def test_a_query_of_a_sqlite_file_only_reads(small, query):
    path = small.root / "data/acme/shop.sqlite"
    with sqlite3.connect(path) as shop:
        shop.execute("CREATE TABLE orders AS SELECT 'a' AS customer_id, '2024-01-01' AS date, 5 AS amount")
    shop.close()
    before = path.read_bytes()
    text = BASE.replace("transactions.csv}", 'shop.sqlite, query: "' + query + '"}')
    small.write("params/acme.yaml", text)
    with pytest.raises(InputError, match=r"transactions|shop.sqlite"):
        data.open_table(data.connect(), load_params(small.project, "acme"), "transactions", small.project)
    assert path.read_bytes() == before and not (small.root / "ran").exists()


@pytest.mark.parametrize(
    "bomb",
    [gzip.compress(b"1,2024-01-01,5\n" * 400_000), gzip.compress(b"\0" * 6_000_000), gzip.compress(b"x" * 6_000_000),
     b"".join(gzip.compress(b"1,2024-01-01,5\n" * 40_000) for _part in range(10)), gzip.compress(b"\n" * 6_000_000)],
)  # fmt: skip
def test_a_packed_file_that_fills_the_disk_is_refused(small, read, monkeypatch, bomb):
    monkeypatch.setattr(csv_files, "_MOST_BYTES", 1 << 20)
    packed = gzip.compress(b"customer_id,date,amount\n") + bomb
    with pytest.raises(
        InputError, match=r"t.csv.gz: unpacks to more than [\d,]+ bytes; if it is a table, give it unpacked"
    ):
        read(rows=packed, name="t.csv.gz")
    with pytest.raises(InputError, match="unpacks to more than"):
        without(small.root / "data/acme/t.csv.gz", Wanted(frozenset({"1"})))
    assert (small.root / "data/acme/t.csv.gz").read_bytes() == packed
    assert [path.name for path in (small.root / "data/acme").glob(".*")] == []


def test_a_packed_file_of_the_usual_kind_is_read(small, read, monkeypatch):
    monkeypatch.setattr(csv_files, "_MOST_BYTES", 1 << 10)
    monkeypatch.setattr(csv_files, "_MOST_TIMES", 50)
    rows = "".join(f"C{n * 7919 % 5000},2024-01-{n % 28 + 1:02},{n * 31 % 997}\n" for n in range(5_000))
    assert read(rows=gzip.compress(f"customer_id,date,amount\n{rows}".encode()), name="t.csv.gz")[1].accepted == 5_000


SHARED = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>a</t></si></sst>'
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def workbook(**changed):
    """A workbook of one row, some of its parts changed."""
    book, plain, made = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    book.active.append(["customer_id", "date", "amount"])
    book.active.append(["a", "2024-01-01", 5])
    book.save(plain)
    with zipfile.ZipFile(plain) as packed:
        parts = {part: packed.read(part).decode() for part in packed.namelist()}
    # texts in a part of their own, as Excel writes them
    parts |= {"xl/sharedStrings.xml": SHARED}
    types = parts["[Content_Types].xml"]
    parts["[Content_Types].xml"] = types.replace(
        "</Types>", f'<Override PartName="/xl/sharedStrings.xml" ContentType="{KIND}"/></Types>'
    )
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as written:
        for part, text in parts.items():
            change = next((each for name, each in changed.items() if part.endswith(f"/{name}.xml")), str)
            written.writestr(part, change(text))
    return made.getvalue()


def entities(reference, declared):
    def change(text):
        body = text.split("?>", 1)[-1].replace("</sst>", f"<si><t>{reference}</t></si></sst>")
        row = f'<row r="3"><c r="A3" t="inlineStr"><is><t>{reference}</t></is></c></row></sheetData>'
        return f"<?xml version='1.0'?><!DOCTYPE a [{declared}]>{body.replace('</sheetData>', row)}"

    return change


def further_row(cell):
    return lambda text: text.replace("</sheetData>", f"{cell}</sheetData>")


LOL = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "x" * 10}">' for n in range(10))
FILE = '<!ENTITY e SYSTEM "file:///etc/hostname">'


@pytest.mark.parametrize(
    "bomb",
    [workbook(sharedStrings=entities("&a9;", LOL)), workbook(sheet1=entities("&a9;", LOL)),
     workbook(styles=entities("&a9;", LOL)), workbook(workbook=entities("&a9;", LOL)),
     workbook(sharedStrings=entities("&e;", FILE)), workbook(sheet1=entities("&e;", FILE)),
     workbook(sheet1=further_row('<row r="2000000000"><c r="A2000000000"><v>1</v></c></row>')),
     workbook(sheet1=further_row('<row r="3"><c r="ZZZZZZ3"><v>1</v></c></row>')),
     workbook(sheet1=lambda text: text + " " * 3_000_000), workbook(sharedStrings=lambda text: text + " " * 3_000_000)],
)  # fmt: skip
def test_a_workbook_that_grows_is_refused_or_read_without_what_makes_it_grow(read, monkeypatch, bomb):
    monkeypatch.setattr(workbooks, "_MOST_BYTES", 2 << 20)
    began = time.monotonic()
    try:
        rows, _quality = read(rows=bomb, name="t.xlsx")
    except InputError as error:
        assert str(error).startswith("data/acme/t.xlsx: ") and len(str(error)) < 500 and "/tmp" not in str(error)
    else:
        assert [row[0] for row in rows] == ["a"]
    assert time.monotonic() - began < SECONDS


def test_texts_of_a_workbook_that_fill_the_memory_are_refused(small, read, monkeypatch):
    monkeypatch.setattr(workbooks, "_MOST_HELD", 1 << 20)
    bomb = workbook(sharedStrings=lambda text: text + " " * 3_000_000)
    with pytest.raises(InputError, match="unpacks to more than a workbook can hold; save the sheet as CSV"):
        read(rows=bomb, name="t.xlsx")
    with pytest.raises(InputError, match="unpacks to more than a workbook can hold"):
        without(small.root / "data/acme/t.xlsx", Wanted(frozenset({"a"})))


@pytest.mark.parametrize("sheet", ["../Sheet", "xl/worksheets/sheet1.xml", "Sheet\0", "' OR 1=1", "$Sheet", "Sheet!A1"])
def test_a_sheet_is_one_of_the_workbook_or_refused(small, read, sheet):
    with pytest.raises(InputError, match="has no sheet|special characters are not allowed"):
        read(f"sheet: {sheet!r}".replace("\\x00", "\0"), rows=workbook(), name="t.xlsx")


@pytest.mark.parametrize("part", ["../../ran.xml", "/ran.xml", "xl/../../ran.xml", "C:\\ran.xml"])
def test_a_workbook_unpacks_nothing_beside_itself(small, read, part):
    content = io.BytesIO(workbook())
    with zipfile.ZipFile(content, "a") as packed:
        packed.writestr(part, "ran")
    assert read(rows=content.getvalue(), name="t.xlsx")[1].accepted == 1
    assert not [path for path in small.root.parent.rglob("*ran.xml")]
