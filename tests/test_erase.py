"""A customer who is erased is nowhere any more; everybody else is where they were."""

import csv
import gzip
import json
import os
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from crmlab import erase as module
from crmlab.cli import main
from crmlab.contract import InputError
from crmlab.erase import erase
from crmlab.privacy import pseudonym, pseudonym_key
from crmlab.report import audit
from crmlab.report.verification import verify

WHO = "KD0042"
# ids that hold the id, or most of it
OTHERS = ("KD00421", "XKD0042", "KD0042-1", "KD_0042", "kd0042", "KD004")
YAML = """\
client: Acme Pumps
currency: USD
max_rejected: 0.5
data:
  transactions: {source: data/acme/orders-*.csv, columns: {customer_id: Account}}
  contracts: {source: data/acme/contracts.parquet}
  surveys: {source: data/acme/surveys.csv.gz}
  customers: {source: data/acme/customers.csv, columns: {customer_id: {from: no, values: {old-42: KD0042}}}}
"""
ANALYSIS = (
    "import crmlab, pandas as pd\nfrom crmlab import intervals\nclient = crmlab.open(client, as_of)",
    "found = client.table('transactions').collect().to_pandas()\nids = sorted(set(found['customer_id']))\nids",
    "said = pd.DataFrame({'customer_id': ids}).assign(kind='call', severity='high', reason='r', action='a')",
    "client.publish(metrics={'rows': intervals.count(len(found), 'rows', 'Rows')},"
    " customers=[pd.DataFrame({'customer_id': ids, 'clv': 1.0})], alerts=[said])",
)


@pytest.fixture
def acme(small):
    """A client whose customer stands in four tables, each of another kind, and a page for each of two dates."""
    small.write("params/acme.yaml", YAML)
    small.write("params/beta.yaml", YAML.replace("Acme", "Beta"))
    people = (WHO, *OTHERS)
    for month in (1, 2):
        rows = "".join(f'2024-0{month}-{day + 1:02},{who},"{day},50"\r\n' for day, who in enumerate(people))
        small.write(f"data/acme/orders-{month}.csv", f"date,Account,amount\r\n{rows}".replace(',50"', '.50"'))
    small.write("data/acme/customers.csv", "no,name\nold-42,吴 Wu\nold-421,Li\n" + f"{WHO},吴 Wu\nKD004,Ma\n")
    surveys = "".join(f"2024-01-0{day + 1},{who},9,\n" for day, who in enumerate(people[:4]))
    small.write("data/acme/surveys.csv.gz", gzip.compress(f"date,customer_id,nps,comment\n{surveys}".encode()))
    starts = pa.array(["2024-01-01"] * len(people))
    table = pa.table({"customer_id": pa.array(people).dictionary_encode(), "start": starts})
    pq.write_table(table, small.root / "data/acme/contracts.parquet")
    return small


@pytest.fixture
def published(acme):
    """The same with what stood in the folder of reports, written by no kernel."""
    log = audit.Log(acme.write("reports/.lock", "").parent, acme.root)
    lines = "customer_id,clv\n" + "".join(f"{who},1\n" for who in (WHO, *OTHERS))
    for day in ("2024-01-31", "2024-02-29"):
        for name in ("value.html", "value.sealed.html", "value.ipynb", "value.pdf", "value.json", "value.failed.json"):
            acme.write(f"reports/acme/{day}/{name}", f"of {WHO}")
        for name in ("customers.csv", "customers/value.csv", "alerts.csv", "alerts/value.csv"):
            acme.write(f"reports/acme/{day}/confidential/{name}", "\ufeff" + lines if "/" not in name else lines)
    for page in ("index.html", "index.zh.html", "acme/index.html", "acme/failed.json", "beta/2024-01-31/value.html"):
        acme.write(f"reports/{page}", f"of {WHO}")
    log.note(
        "published", [path for path in (acme.root / "reports").rglob("*") if path.name[0] != "." and path.is_file()]
    )
    return acme


def run(small):
    return erase(small.project, small.root / "reports", "acme", WHO, pytest.fail)


def texts(folder):
    """What files hold, unpacked."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        yield path, content
        if path.suffix == ".gz":
            yield path, gzip.decompress(content)
        if path.suffix == ".parquet":
            yield path, str(pq.read_table(path).to_pylist()).encode()


def naming(folder, word=WHO):
    """Files that name the customer, by id and not within another's."""
    pattern = re.compile(rf"(?<![\w-]){word}(?![\w-])".encode())
    return sorted({path.relative_to(folder).as_posix() for path, content in texts(folder) if pattern.search(content)})


def test_the_id_is_nowhere_in_data_and_reports(published):
    assert len(naming(published.root / "data")) == 5
    run(published)
    assert naming(published.root / "data") == []
    assert naming(published.root / "reports") == ["beta/2024-01-31/value.html"], "another client's are not touched"
    assert "吴" not in (published.root / "data/acme/customers.csv").read_text()


def test_everybody_else_stays_to_the_byte(published):
    before = {path: content for path, content in texts(published.root / "data") if path.suffix == ".csv"}
    run(published)
    for path, content in before.items():
        kept = [line for line in content.splitlines(keepends=True) if not re.search(rb"(^|,)(KD0042|old-42),", line)]
        assert path.read_bytes() == b"".join(kept), path
    for who in OTHERS:
        assert {f"acme/{name}" for name in ("contracts.parquet", "orders-1.csv", "orders-2.csv")} <= set(
            naming(published.root / "data", who)
        )
    joined = published.root / "reports/acme/2024-01-31/confidential/customers.csv"
    with joined.open(encoding="utf-8-sig", newline="") as stream:
        assert [row[0] for row in csv.reader(stream)] == ["customer_id", *OTHERS]


def test_reports_of_every_date_go_and_are_to_be_made_again(published):
    receipt, _path = run(published)
    left = {path.relative_to(published.root / "reports/acme").as_posix() for path in texts_of(published)}
    csvs = {f"{day}/confidential/{name}" for day in receipt.dates
            for name in ("customers.csv", "customers/value.csv", "alerts.csv", "alerts/value.csv")}  # fmt: skip
    assert receipt.dates == ("2024-01-31", "2024-02-29")
    assert left == csvs | {f"erasures/{receipt.customer}.json"}
    assert not list((published.root / "reports").glob("*.html"))


def texts_of(small):
    return [path for path in (small.root / "reports/acme").rglob("*") if path.is_file()]


def test_the_receipt_tells_what_was_done_and_not_to_whom(published):
    receipt, path = run(published)
    text = path.read_text(encoding="utf-8")
    assert WHO not in text and "old-42" not in text and "吴" not in text
    assert json.loads(text)["customer"] == receipt.customer == pseudonym("acme", WHO, pseudonym_key(published.root))
    assert receipt.rows["data/acme/orders-1.csv"] == 1
    assert receipt.rows["data/acme/customers.csv"] == 2
    assert receipt.rows["reports/acme/2024-01-31/confidential/customers.csv"] == 1
    assert len(receipt.rows) == 5 + 8
    assert receipt.dropped == 2 * 6 + 4
    assert receipt.by_hand == ()


def test_the_audit_log_knows_of_it(published):
    run(published)
    *_, entry = [json.loads(line) for line in (published.root / "reports" / audit.NAME).read_text().splitlines()]
    assert (entry["event"], entry["client"], entry["customer"]) == (
        "erased",
        "acme",
        pseudonym("acme", WHO, pseudonym_key(published.root)),
    )
    assert WHO not in json.dumps(entry)
    assert verify(published.root / "reports", published.root).faults == ()


def test_who_is_not_there_cannot_be_erased(published):
    before = dict(texts(published.root))
    for wrong in ("KD00", "KD0042 x", "0042"):
        with pytest.raises(InputError, match=f"acme: no row of its files is that of customer {wrong}"):
            erase(published.project, published.root / "reports", "acme", wrong, pytest.fail)
    after = dict(texts(published.root))
    assert {path: after[path] for path in before if path.name != ".lock"} == {
        path: content for path, content in before.items() if path.name != ".lock"
    }


@pytest.mark.parametrize("kill_at", range(16))
def test_killed_anywhere_the_same_command_goes_on(published, monkeypatch, kill_at):
    """Before each file that takes another's place, and each that goes."""
    done = 0

    def counted(act):
        def acted(*arguments, **options):
            nonlocal done
            if str(published.root / "data") in str(arguments[0]) or str(published.root / "reports") in str(
                arguments[0]
            ):
                done += 1
                if done > 2 * kill_at:
                    raise KeyboardInterrupt
            return act(*arguments, **options)

        return acted

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted(os.replace))
        patch.setattr(module.Path, "unlink", counted(module.Path.unlink))
        with pytest.raises(KeyboardInterrupt):
            run(published)
    receipt, path = run(published)
    assert naming(published.root / "data") == []
    assert naming(published.root / "reports") == ["beta/2024-01-31/value.html"]
    assert receipt.dates == ("2024-01-31", "2024-02-29")
    assert json.loads(path.read_text(encoding="utf-8"))["dates"] == list(receipt.dates)
    assert verify(published.root / "reports", published.root).faults == ()


def test_what_cannot_be_done_here_is_named(published):
    published.write("data/acme/old/export.txt", f"{WHO};1")
    published.write("reports/log.jsonl", f'{{"reason": "{WHO}"}}')
    published.write("data/acme/calls.xlsx", "PK")
    published.write("data/acme/spend.csv", f"date,amount,channel\n2024-01-01,5,web\n2024-01-02,5,by {WHO}\n")
    more = "  interactions: {source: data/acme/calls.xlsx}\n  acquisition_spend: {source: data/acme/spend.csv}\n"
    more += "  payments: {source: '${CRM_URL}', query: SELECT 1}\n"
    published.write("params/acme.yaml", YAML + more)
    receipt, _path = run(published)
    assert receipt.by_hand == (
        "data/acme/calls.xlsx: is no workbook that can be read; take the customer out there",
        "data/acme/spend.csv: rows of others name the customer: 3",
        "params/acme.yaml: data.payments: comes from a database; take the customer out there",
        "data/acme/old/export.txt: names the customer",
        "reports/log.jsonl: names the customer",
    )


def test_the_command_makes_the_reports_again_without_the_customer(acme):
    acme.notebook("analysis", *ANALYSIS)

    def crmlab(*arguments):
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    assert crmlab("report", "acme", "--as-of", "2024-01-31").exit_code == 0
    assert crmlab("report", "acme").exit_code == 0
    before = figures(acme)
    assert naming(acme.root / "reports") != []
    result = crmlab("erase", "acme", WHO)
    assert result.exit_code == 0, result.output
    assert naming(acme.root / "data") == naming(acme.root / "reports") == []
    after = figures(acme)
    assert after == {day: rows - 1 if day == "2024-01-31" else rows - 2 for day, rows in before.items()}
    assert set(after) == {"2024-01-31", "2024-02-07"}
    for day in after:
        joined = (acme.root / f"reports/acme/{day}/confidential/customers.csv").read_text(encoding="utf-8-sig")
        assert sorted(joined.split("\n")[1:-1]) == sorted(f"{who},1" for who in OTHERS)
    assert WHO not in result.output and "receipt: " in result.output
    again = crmlab("erase", "acme", WHO)
    assert again.exit_code == 0 and " built" not in again.output


def figures(small):
    """By date, what the report says of the rows."""
    found = (json.loads(path.read_text()) for path in (small.root / "reports/acme").glob("*/analysis.json"))
    return {record["as_of"]: record["metrics"]["rows"]["value"] for record in found}
