import gzip
import re

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlab import data
from crmlab.contract import InputError
from crmlab.params import load_params
from tests.conftest import BASE, ROWS

LENIENT = BASE + "max_rejected: 1\n"


def read(small, rows=None, *, params=LENIENT, table="transactions", file="transactions.csv"):
    small.write("params/acme.yaml", params)
    if rows is not None:
        small.write(f"data/acme/{file}", rows)
    relation, quality = data.open_table(data.connect(), load_params(small.project, "acme"), table, small.project)
    return relation.df(), quality


def from_file(name):
    return LENIENT.replace("transactions.csv", name)


def test_accepted_rows_have_the_contracts_names_and_types(small):
    frame, quality = read(small, ROWS)
    assert list(frame) == ["customer_id", "date", "amount"]
    assert frame["customer_id"].tolist() == ["1", "1", "2", "3"]
    assert frame["date"].iloc[1] == pd.Timestamp("2024-02-01")
    assert frame["amount"].tolist() == [5.0, 7.0, -1.0, 10.0]
    assert (quality.rows, quality.accepted, quality.rejected, quality.reasons) == (4, 4, 0, {})


@pytest.mark.parametrize("text", ["甲", " 甲", "甲\u3000", "\u00a0甲", "a\u00a0", "\ta", "a b", "b 甲 b", "é", "7"])
def test_blanks_around_a_text_are_no_part_of_it(small, text):
    frame, quality = read(small, f"customer_id,date,amount\n{text}, 2024-01-01\u3000,\u00a05\n")
    assert frame["customer_id"].tolist() == [text.strip()]
    assert (frame["date"].tolist(), frame["amount"].tolist()) == ([pd.Timestamp("2024-01-01")], [5.0])
    assert quality.rejected == 0


BAD = """customer_id,date,amount
1,2024-01-01,5
,2024-01-01,5
3,2024-02-30,5
4,2024-01-01,五
5,2024-01-01,
6,,5
7,2024-01-01,inf
8,infinity,5
9,2024-01-01,1e3
"""


def test_each_broken_row_is_counted_with_number_value_and_reason(small):
    frame, quality = read(small, BAD)
    assert frame["customer_id"].tolist() == ["1", "9"]
    assert (quality.rows, quality.rejected) == (9, 7)
    assert [(r.row, r.column, r.value, r.reason) for r in quality.examples] == [
        (3, "customer_id", "", "must not be empty"),
        (4, "date", "2024-02-30", "must be a date (YYYY-MM-DD)"),
        (5, "amount", "五", "must be a number"),
        (6, "amount", "", "must not be empty"),
        (7, "date", "", "must not be empty"),
        (8, "amount", "inf", "must be a number"),
        (9, "date", "infinity", "must be a date (YYYY-MM-DD)"),
    ]
    assert quality.reasons["amount must be a number"] == 2
    assert str(quality.examples[2]) == "data/acme/transactions.csv: row 5: amount: must be a number, got '五'"


def test_lines_that_cannot_be_split_are_counted_and_later_row_numbers_stay_right(small):
    rows = "customer_id,date,amount\n1,2024-01-01,5\n2,2024-01-01\n3,2024-01-01,5,6\n4,2024-02-30,5\n5,2024-01-01,x\n"
    frame, quality = read(small, rows)
    assert frame["customer_id"].tolist() == ["1"]
    assert (quality.rows, quality.rejected) == (5, 4)
    assert {(r.row, r.reason) for r in quality.examples} == {
        (3, "missing columns"),
        (4, "too many columns"),
        (5, "must be a date (YYYY-MM-DD)"),
        (6, "must be a number"),
    }


def test_a_file_read_before_does_not_lend_its_broken_lines_to_the_next(small):
    connection = data.connect()
    small.write("params/acme.yaml", LENIENT)
    small.write("data/acme/transactions.csv", ROWS + "9,9\n")
    params = load_params(small.project, "acme")
    assert data.open_table(connection, params, "transactions", small.project)[1].rejected == 1
    small.write("data/acme/transactions.csv", ROWS)
    assert data.open_table(connection, params, "transactions", small.project)[1].rejected == 0


def test_bounds_choices_order_and_repeats(small):
    params = LENIENT.replace("transactions: {source: data/acme/transactions.csv}", "{0}: {{source: data/acme/{0}.csv}}")
    rows = {
        "customers": "customer_id,registered_capital\n1,5\n1,6\n2,-3\n2,4\n",
        "surveys": "date,nps,invited\n2024-01-01,11,yes\n2024-01-01,0,maybe\n2024-01-01,10,NO\n2024-01-01,,\n",
        "opportunities": "customer_id,opened_on,closed_on,outcome\n1,2024-02-01,2024-01-31,won\n1,2024-02-01,,Won\n"
        "1,2024-02-01,,maybe\n",
        "acquisition_spend": "date,amount,new_customers\n2024-01-01,5,2.5\n2024-01-01,5,2.0\n",
    }
    found = {}
    for table, text in rows.items():
        frame, quality = read(small, text, params=params.format(table), table=table, file=f"{table}.csv")
        found[table] = (len(frame), [(r.row, r.column, r.reason) for r in quality.examples])
    assert found["customers"] == (
        2,
        [(3, "customer_id", "repeats an earlier row"), (4, "registered_capital", "must be at least 0")],
    )
    assert found["surveys"] == (2, [(2, "nps", "must be at most 10"), (3, "invited", "must be true or false")])
    assert found["opportunities"] == (
        1,
        [(2, "closed_on", "must not precede opened_on"), (4, "outcome", "must be one of won, lost, open")],
    )
    assert found["acquisition_spend"] == (1, [(2, "new_customers", "must be a whole number")])


REPORTED = """customer_id,opened_on,closed_on,outcome,amount
,2024-01-01,,won,5
1,soon,,won,5
1,0024-01-01,,won,5
1,2024-02-01,2024-01-01,won,5
1,2024-01-01,,maybe,5
1,2024-01-01,,won,-5
1,2024-01-01,,won,five
1,2024-01-01
1,2024-01-01,,won,5
"""


def test_reasons_are_english_in_errors_and_translated_in_reports(small, untranslated):
    params = LENIENT.replace("transactions", "opportunities")
    _, quality = read(small, REPORTED, params=params, table="opportunities", file="opportunities.csv")
    assert "data/acme/opportunities.csv: row 7: amount: must be at least 0, got '-5'" in map(str, quality.examples)
    assert (quality.rejected, len(quality.reasons)) == (8, 8)
    reported = quality.to_dict()["reasons"]
    assert list(reported.values()) == list(quality.reasons.values())
    rows = [example.to_dict() for example in quality.examples]
    assert list(rows[0]) == ["file", "row", "column", "value", "reason"]
    data = {"customer_id", "opened_on", "closed_on", "outcome", "amount", "won", "lost", "open"}
    for told in [*reported, *(row["reason"] for row in rows)]:
        assert set(re.findall(r"[a-z_]+", told)) <= data, told


def test_zones_are_converted_to_the_clients(small):
    rows = "customer_id,date,amount\n1,2024-01-01T20:00:00Z,1\n2,2024-01-01 20:00:00,1\n3,2024-01-01 20:00:00+09:00,1\n"
    frame, _ = read(small, rows, params=LENIENT + "timezone: Asia/Shanghai\n")
    assert frame["date"].astype(str).tolist() == ["2024-01-02 04:00:00", "2024-01-01 20:00:00", "2024-01-01 19:00:00"]


def test_a_trailing_delimiter_in_the_header_is_an_unnamed_column(small):
    rows = "".join(f"{line},\n" for line in ROWS.splitlines())
    assert read(small, rows)[1].accepted == 4


@pytest.mark.parametrize(
    "text",
    ["2024-01-02 10:00:00 UTC", "2024-01-02 10:00:00 Europe/Berlin", "2024-01-02 10:00+99:00", "epoch", "99-01-02",
     "0044-03-15 (BC)", "290000-12-31", "0001-01-01", "9999-12-31", "20240102"],
)  # fmt: skip
def test_dates_that_could_be_read_wrongly_are_rejected(small, text):
    frame, quality = read(small, ROWS + f"4,{text},1\n")
    assert (len(frame), quality.rejected, quality.examples[0].value) == (4, 1, text)


@pytest.mark.parametrize("text", ["2024-1-5", "2024/01/05", "2024-01-05T10:00", "2024-01-05 10:00:00.5"])
def test_dates_that_can_be_read_in_one_way_only_are_accepted(small, text):
    assert str(read(small, ROWS + f"4,{text},1\n")[0]["date"].iloc[-1])[:10] == "2024-01-05"


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + ROWS,
        ROWS.replace("\n", "\r\n"),
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        ROWS.replace("customer_id,date,amount", "Customer_ID, Date ,AMOUNT"),
        ROWS.replace("1,2024-01-01,5", '"1","2024-01-01"," 5 "'),
    ],
    ids=["bom", "crlf", "semicolon", "tab", "header case", "quoted"],
)
def test_dialects_of_csv_give_the_same_rows(small, content):
    frame, quality = read(small, content)
    assert (quality.rows, quality.rejected, frame["amount"].sum()) == (4, 0, 21.0)


def test_gzip_glob_and_parquet_give_the_same_rows(small):
    packed = read(small, gzip.compress(ROWS.encode()), params=from_file("t.csv.gz"), file="t.csv.gz")
    header, *lines = ROWS.splitlines()
    for i, line in enumerate(lines):
        small.write(f"data/acme/part-{i}.csv", f"{header}\n{line}\n")
    parts = read(small, params=from_file("part-*.csv"))
    duckdb.sql("SELECT 1 AS customer_id, DATE '2024-01-01' AS date, 5::DECIMAL(9,2) AS amount").write_parquet(
        str(small.root / "data/acme/t.parquet")
    )
    parquet, _ = read(small, params=from_file("t.parquet"))
    assert packed[0].equals(parts[0])
    assert parts[1].files == tuple(f"data/acme/part-{i}.csv" for i in range(4))
    assert parquet.equals(packed[0].iloc[:1])


def test_rows_of_several_files_keep_their_own_numbers(small):
    for name, day in (("a", "2024-01-01"), ("b", "2024-01-32")):
        small.write(f"data/acme/{name}.csv", f"customer_id,date,amount\n1,2024-01-01,1\n1,{day},1\n")
    _, quality = read(small, params=LENIENT.replace("transactions.csv", "?.csv"))
    assert [(r.file, r.row) for r in quality.examples] == [("data/acme/b.csv", 3)]


def test_mapped_columns_and_covariates(small):
    mapped = LENIENT.replace("transactions.csv", "transactions.csv, columns: {amount: dollar_value}")
    frame, _ = read(small, ROWS.replace("amount", "dollar_value"), params=mapped)
    assert frame["amount"].sum() == 21.0
    contracts = LENIENT.replace("transactions", "contracts")
    frame, _ = read(
        small,
        "customer_id,start,end,machines,colour\n1,2024-01-01,,3,red\n2,2024-01-01,,,\n",
        params=contracts,
        table="contracts",
        file="contracts.csv",
    )
    assert list(frame) == ["customer_id", "start", "end", "machines", "colour"]
    assert frame["machines"].tolist()[0] == 3.0
    assert frame["machines"].isna().tolist() == [False, True]
    assert frame["colour"].tolist()[0] == "red"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("customer_id,day,amount\n1,2024-01-01,5\n", "data/acme/transactions.csv has no column date"),
        ("customer_id,date,amout\n1,2024-01-01,5\n", r"has no column amount; did you mean amout\?"),
        ("customer_id,date,amount\n", "holds no rows below its header"),
        ("", "begins with an empty line; its first line must name the columns"),
        ("customer_id,date,amount, AMOUNT \n1,2024-01-01,5,5\n", "the header names AMOUNT twice"),
        (ROWS + '"K1,2024-01-01,5\n' + ROWS, "row 6: a quotation mark is not closed"),
        (ROWS + '"K1,2024-01-01,5\n' + ROWS + 'x",2024-01-01,5\n', "row 6: a quotation mark is not closed"),
        ("customer_id,date,amount,amount\n1,2024-01-01,5,5\n", "the header names amount twice"),
        ("客户,日期,金额\n".encode("gbk"), "cannot be read as UTF-8 text"),
        (
            ROWS.replace("2024-01-01", "01.01.2024"),
            "1 of 4 rows of transactions break the contract, more than max_rejected",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(small, rows, message):
    with pytest.raises(InputError, match=message) as caught:
        read(small, rows, params=BASE)
    assert len(str(caught.value).splitlines()) == 1


def test_a_table_of_which_no_row_is_left_stops_whatever_the_threshold(small):
    with pytest.raises(InputError, match="all 1 rows of transactions break the contract; mend the file"):
        read(small, "customer_id,date,amount\n1,x,5\n")


def test_a_file_that_is_no_parquet(small):
    with pytest.raises(InputError, match="t.parquet: cannot be read as Parquet"):
        read(small, "no parquet", params=from_file("t.parquet"), file="t.parquet")


def test_the_engine_keeps_to_the_memory_that_a_run_gives_it(monkeypatch):
    monkeypatch.setenv("CRMLAB_MEMORY_MB", "300")
    ((limit,),) = data.connect().execute("SELECT current_setting('memory_limit')").fetchall()
    assert limit == "286.1 MiB"


cells = st.sampled_from(["1", "2024-01-01", "2024-02-30", "", " ", "x", "-3.5", "nan", "1,5", '"', "\n", "𝟙", "1e400"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=12))
def test_every_row_is_either_accepted_or_counted_as_rejected(small, rows):
    """Whatever the cells hold, rows = accepted + rejected, and the accepted amounts are those that the file states."""
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    text = "customer_id,date,amount\n" + "\n".join(["keep,2024-01-01,2.5", *quoted]) + "\n"
    frame, quality = read(small, text)
    good = [r for r in rows if r[0].strip() and r[1] in ("2024-01-01",) and r[2] in ("1", "-3.5")]
    assert quality.rows == len(rows) + 1 == quality.accepted + quality.rejected
    assert len(frame) == quality.accepted == len(good) + 1
    assert frame["amount"].sum() == pytest.approx(2.5 + sum(float(r[2]) for r in good))
    assert sum(quality.reasons.values()) == quality.rejected


def test_an_unclosed_quotation_mark_stops_the_run_behind_any_number_of_other_faults(small):
    rows = ROWS + "5,5\n" * 8 + '"K1,2024-01-01,5\n' + "6,2024-01-01,5\n" * 50
    with pytest.raises(InputError, match="row 14: a quotation mark is not closed"):
        read(small, rows)


SURVEYED = LENIENT.replace("transactions", "surveys")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9 ", 9), ("９", 9), ("10分", 10), ("１０ 分", 10), ("8\u3000分", 8), ("7 points", 7), ("6 Pts", 6),
        ("9.0", 9), ("+3", 3), ("９．０", 9),
    ],
)  # fmt: skip
def test_scores_are_read_as_people_write_them(small, text, value):
    frame, quality = read(small, f"date,nps\n2024-01-01,{text}\n", params=SURVEYED, table="surveys", file="surveys.csv")
    assert (frame["nps"].tolist(), quality.rejected) == ([value], 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4.5", "must be a whole number"), ("４．５分", "must be a whole number"), ("11", "must be at most 10"),
        ("-1", "must be at least 0"), ("－1", "must be at least 0"), ("−1分", "must be at least 0"),
        ("9/10", "must be a number"), ('"1,5"', "must be a number"), ('"1，5"', "must be a number"),
        ("很满意", "must be a number"), ("分", "must be a number"), ("9分钟", "must be a number"),
        ("1_0", "must be a number"), ("1 0", "must be a number"), ("9%", "must be a number"),
        ("5万", "must be a number"), ("nan", "must be a number"), ("1e400", "must be a number"),
        ("1.2.3分", "must be a number"),
    ],
)  # fmt: skip
def test_what_is_no_score_is_left_out_with_its_reason(small, text, reason):
    rows = f"date,nps\n2024-01-01,{text}\n2024-01-01,7\n2024-01-01,\n"
    frame, quality = read(small, rows, params=SURVEYED, table="surveys", file="surveys.csv")
    assert (len(frame), frame["nps"].dropna().tolist()) == (2, [7])
    assert quality.reasons == {f"nps {reason}": 1}


def test_amounts_take_plain_and_full_width_digits_but_no_unit(small):
    texts = ["１２３．５", "－5", "100元", "5万", "1_000", "¥5", '"1,000"', "1e3"]
    rows = "customer_id,date,amount\n" + "".join(f"{at},2024-01-01,{text}\n" for at, text in enumerate(texts))
    frame, quality = read(small, rows)
    assert frame["amount"].tolist() == [123.5, -5.0, 1000.0]
    two_readings = "amount could be read in two ways; the client's file must say decimal: '.' or decimal: ','"
    assert quality.reasons == {"amount must be a number": 4, two_readings: 1}


def test_numbers_of_a_parquet_file_are_read_as_they_are(small):
    import duckdb as engine

    (small.root / "data/acme").mkdir(parents=True, exist_ok=True)
    target = small.root / "data/acme/surveys.parquet"
    rows = "SELECT DATE '2024-01-01' AS date, unnest([9.0, 4.5, 11.0, NULL]) AS nps, unnest([1, 2, 3, NULL]) AS csat"
    engine.sql(rows).write_parquet(str(target))
    params = SURVEYED.replace("surveys.csv", "surveys.parquet")
    frame, quality = read(small, params=params, table="surveys")
    assert frame["nps"].dropna().tolist() == [9] and len(frame) == 2
    assert quality.reasons == {"nps must be a whole number": 1, "nps must be at most 10": 1}


def test_comments_may_be_long_and_hold_anything(small):
    comments = ["好" * 10_000, "👍🏽" * 50, "<script>alert('x')</script>", "=1+1", "a\nb", 'he said ""no""']
    rows = "date,nps,comment\n" + "".join(f'2024-01-01,9,"{text}"\n' for text in comments)
    frame, quality = read(small, rows, params=SURVEYED, table="surveys", file="surveys.csv")
    assert quality.rejected == 0
    assert frame["comment"].tolist() == [text.replace('""', '"') for text in comments]
