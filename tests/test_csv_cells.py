"""What stands in the CSV files that we write: no formula, every number as it was, every id found again."""

import csv
import io
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.csv_cells import LINE_END, guarded, guarded_frame, unguarded, unguarded_frame

# by which Excel, LibreOffice and Google Sheets know a formula, whatever blanks stand before it
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
texts = st.text() | st.text(st.sampled_from("=+-@＝\t\r\n '1.e5a;\u3000"), max_size=8)


def reads_as_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@given(texts)
def test_no_text_stands_there_as_a_formula(text):
    written = guarded(text)
    assert not FORMULA.match(written) or reads_as_number(written)


@given(texts)
def test_every_text_comes_back(text):
    assert unguarded(guarded(text)) == text


@given(st.lists(texts, unique=True, max_size=20))
def test_no_two_ids_become_one(ids):
    assert len({guarded(each) for each in ids}) == len(ids)


@given(st.floats(allow_nan=False) | st.integers())
def test_numbers_stay_as_they_are(number):
    assert guarded(number) == number
    for text in (repr(number), f"{number:+}", f"{number:e}", f"{number:.6g}"):
        assert guarded(text) == text


@pytest.mark.parametrize(
    "text", ["-5", "+3.2", "-1e3", "-.5", "+1.", "1e-7", "-inf", "", "Ann", "a=b", "1-2", "'t Hof", "–"]
)
def test_what_is_harmless_stays(text):
    assert guarded(text) == text


def test_a_frame_of_every_kind_of_column():
    frame = pd.DataFrame(
        {
            "id": ["=1", "-5", None],
            "kind": pd.Categorical(["@a", "b", "@a"]),
            "amount": [-5.5, 3.0, None],
            "day": pd.to_datetime(["2024-01-01", None, "2024-01-02"]),
            "sure": [True, False, True],
            "@column": [1, -2, 3],
            7: ["+x", -1, True],
        }
    )
    before = frame.copy(deep=True)
    safe = guarded_frame(frame)
    assert safe["id"].tolist()[:2] == ["'=1", "-5"] and safe["kind"].tolist() == ["'@a", "b", "'@a"]
    assert safe[7].tolist() == ["'+x", -1, True] and "'@column" in safe
    pd.testing.assert_frame_equal(safe[["amount", "day", "sure"]], frame[["amount", "day", "sure"]])
    pd.testing.assert_frame_equal(unguarded_frame(safe).astype({"kind": "category"}), frame, check_dtype=False)
    pd.testing.assert_frame_equal(frame, before)


# nothing comes after a NUL in what pandas reads
@given(st.lists(st.tuples(texts.filter(lambda text: "\0" not in text), st.floats(allow_nan=False)), min_size=1))
def test_a_file_that_is_read_back_is_what_was_written(rows):
    frame = pd.DataFrame(rows, columns=["who", "amount"])
    written = guarded_frame(frame).to_csv(index=False, lineterminator=LINE_END)
    read = pd.read_csv(io.StringIO(written, newline=""), dtype={"who": str}, keep_default_na=False)
    assert unguarded_frame(read)["who"].tolist() == frame["who"].tolist()
    assert unguarded_frame(read)["amount"].tolist() == frame["amount"].tolist()
    for row in csv.reader(io.StringIO(written, newline="")):
        assert len(row) == 2 and not FORMULA.match(row[0]) or reads_as_number(row[0])
