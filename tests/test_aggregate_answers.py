"""Answers by cell: against hand-made cases and plain sums, the same on every engine; and the base beside them."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlab.aggregate.answer_base import answer_base
from crmlab.aggregate.answers import survey_answers
from tests.bench.coverage_nps import answers as plain_answers

UNTIL = date(2024, 12, 31)
COLUMNS = ["date", "customer_id", "nps", "csat", "touchpoint", "comment", "invited"]


def surveys(*entries) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=COLUMNS[: len(entries[0])])
    frame = frame.assign(date=pd.to_datetime(frame["date"], format="ISO8601"))
    kinds = {"nps": float, "csat": float, "invited": "boolean"}
    return frame.astype({name: kind for name, kind in kinds.items() if name in frame})


def in_duckdb(*frames):
    connection = duckdb.connect()
    found = []
    for place, frame in enumerate(frames):
        connection.register(f"t{place}", frame)
        found.append(connection.sql(f"select * from t{place}"))
    return found


def cell(*entries, **options) -> dict:
    found = survey_answers(surveys(*entries), until=UNTIL, **options)
    return found.cells.iloc[0].to_dict() if len(found.cells) else {}


def test_hand_case():
    found = survey_answers(
        surveys(
            ("2024-01-01", "a", 10, None, "x"),
            ("2024-02-01", "a", 6, None, "y"),
            ("2024-01-01", "b", 7, None, "x"),
            ("2024-01-01", None, 0, None, "x"),
            ("2024-01-01", "c", None, 5, "x"),
            ("2025-01-01", "d", 10, None, "x"),
        ),
        until=UNTIL,
    )
    row = found.cells.iloc[0]
    assert [row[name] for name in ("answers", "promoters", "detractors", "people")] == [4, 1, 2, 3]
    assert [row[f"score_{score}"] for score in (0, 6, 7, 10)] == [1, 1, 1, 1]
    # sums over a (2 answers, one promoter, one detractor), b and the nameless one
    products = found.products.iloc[0]
    assert [products[name] for name in ("answers_answers", "promoters_detractors", "answers_detractors")] == [6, 1, 3]
    assert (found.missing, found.left_out, found.until) == ((), {"repeated": 0, "outside": 0}, UNTIL)


def random_surveys(seed, n=400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2022-01-01") + pd.to_timedelta(np.arange(n) * 2.5, unit="D")
    who = [None if at < 8 else f"c{at:02}" for at in rng.integers(0, 60, n)]
    frame = pd.DataFrame({"date": day, "customer_id": who, "nps": rng.integers(0, 11, n).astype(float)})
    frame["csat"] = rng.integers(1, 6, n).astype(float)
    frame["touchpoint"] = rng.choice(np.array(["x", "y", None], dtype=object), n)
    frame["invited"] = True
    frame.loc[rng.random(n) < 0.3, ["nps", "csat"]] = None
    return frame


PROFILES = pd.DataFrame({"customer_id": [f"c{at:02}" for at in range(50)], "region": list("nsnse") * 10})


@pytest.mark.parametrize(
    ("question", "by"),
    [("nps", ()), ("nps", "touchpoint"), ("nps", "quarter"), ("nps", "month"), ("nps", "region"), ("csat", ()),
     ("nps", ("region", "touchpoint")), ("response", ()), ("response", "quarter"), ("csat", "touchpoint")],
)  # fmt: skip
def test_engines_agree_with_one_another_and_with_plain_sums(question, by):
    frame = random_surveys(1)
    engine = in_duckdb(frame, PROFILES)
    found = [survey_answers(*tables, until=UNTIL, question=question, by=by) for tables in ((frame, PROFILES), engine)]
    for part in ("cells", "products"):
        assert_frame_equal(*(getattr(one, part) for one in found), check_dtype=False)
    names = (by,) if isinstance(by, str) else by
    rows = frame if question == "response" else frame[frame[question].notna()]
    rows = rows.merge(PROFILES, on="customer_id", how="left")
    rows = rows.assign(
        quarter=rows["date"].dt.to_period("Q").dt.to_timestamp(), month=rows["date"].dt.to_period("M").dt.to_timestamp()
    )
    value = rows["nps"].notna() if question == "response" else rows[question]
    value = (value - 1) / 4 if question == "csat" else value
    who = rows["customer_id"].fillna(pd.Series(rows.index.astype(str), rows.index) + " alone")
    keys = [rows[name].astype(object).where(rows[name].notna(), "~") for name in names]
    at = pd.Series(0, rows.index) if not names else pd.Series(list(zip(*keys, strict=True)), rows.index).map(
        {key: place for place, key in enumerate(sorted(set(zip(*keys, strict=True))))}
    )  # fmt: skip
    plain = plain_answers(value, who, at, question=question)
    numbers = [name for name in plain.cells if name in found[1].cells]
    assert len(numbers) >= 3
    assert_frame_equal(found[1].cells[numbers], plain.cells[numbers], check_dtype=False)
    assert_frame_equal(found[1].products, plain.products[list(found[1].products)], check_dtype=False)


@pytest.mark.parametrize(
    ("entries", "promoters", "detractors", "repeated"),
    [
        # by the time of day, the last one counts, high or low
        ([("2024-01-01 09:00", "a", 0), ("2024-01-01 17:00", "a", 10)], 1, 0, 1),
        ([("2024-01-01 17:00", "a", 0), ("2024-01-01 09:00", "a", 10)], 0, 1, 1),
        # without one, the lowest
        ([("2024-01-01", "a", 10), ("2024-01-01", "a", 3), ("2024-01-01", "a", 9)], 0, 1, 2),
        # ten times in a day
        ([(f"2024-01-01 10:0{at}", "a", at) for at in range(10)], 1, 0, 9),
        # on another day, by another person, or by nobody known, it is another answer
        ([("2024-01-01", "a", 10), ("2024-01-02", "a", 10), ("2024-01-01", "b", 10)], 3, 0, 0),
        ([("2024-01-01", None, 10), ("2024-01-01", None, 10)], 2, 0, 0),
    ],
)
def test_of_several_answers_on_a_day_the_last_counts(entries, promoters, detractors, repeated):
    for tables in ([surveys(*entries)], in_duckdb(surveys(*entries))):
        found = survey_answers(*tables, until=UNTIL)
        row = found.cells.iloc[0]
        assert (row["promoters"], row["detractors"], found.left_out["repeated"]) == (promoters, detractors, repeated)


def test_on_one_day_two_touchpoints_are_two_answers():
    found = cell(("2024-01-01", "a", 10, None, "x"), ("2024-01-01", "a", 9, None, "y"))
    assert (found["answers"], found["people"]) == (2, 1)


@pytest.mark.parametrize(
    ("scale", "given", "satisfied", "level", "outside"),
    [((1, 5), (5, 4, 3), 2, 1.0 + 0.75 + 0.5, 0), ((0, 100), (80, 79.5, 0), 1, 1.595, 0),
     ((1, 10), (9, 8, 11), 1, 1.6667, 1), ((1, 5), (0, 5, 100), 1, 1.0, 2), ((1, 7), (6, 7, 5.5), 2, 2.5833, 0)],
)  # fmt: skip
def test_satisfaction_is_read_on_its_scale(scale, given, satisfied, level, outside):
    entries = [("2024-01-01", f"c{at}", None, value) for at, value in enumerate(given)]
    found = survey_answers(surveys(*entries), until=UNTIL, question="csat", csat_scale=scale)
    row = found.cells.iloc[0]
    assert (row["satisfied"], found.left_out["outside"]) == (satisfied, outside)
    assert row["level"] == pytest.approx(level, abs=1e-3)


def test_invitations_and_their_answers():
    entries = [
        ("2024-01-01", "a", 9, None, None, None, True),
        ("2024-01-01", "b", None, None, None, None, True),
        ("2024-01-01", "c", None, None, None, "only words", True),
        ("2024-01-01", "d", None, None, None, None, None),
        ("2024-01-01", "e", 3, None, None, None, False),
    ]
    found = cell(*entries, question="response")
    assert (found["answers"], found["responses"]) == (4, 2)


def test_since_and_until_are_whole_days():
    entries = [("2024-01-01 00:00", "a", 9), ("2024-01-02 23:59", "b", 9), ("2024-01-03", "c", 9)]
    found = survey_answers(surveys(*entries), since="2024-01-02", until="2024-01-02")
    assert (found.cells["answers"].tolist(), found.since) == ([1], date(2024, 1, 2))


def test_periods_are_named_by_their_first_day():
    entries = [("2023-12-31", "a", 9), ("2024-03-31", "b", 9), ("2024-04-01", "c", 9)]
    by_quarter = survey_answers(surveys(*entries), until=UNTIL, by="quarter").cells["quarter"]
    assert [str(day.date()) for day in by_quarter] == ["2023-10-01", "2024-01-01", "2024-04-01"]
    by_month = survey_answers(surveys(*entries), until=UNTIL, by="month").cells["month"]
    assert [str(day.date()) for day in by_month] == ["2023-12-01", "2024-03-01", "2024-04-01"]


@pytest.mark.parametrize(
    ("frame", "options", "missing"),
    [
        (surveys(("2024-01-01", "a")), {}, ("nps",)),
        (surveys(("2024-01-01", "a", 9)), {"by": "touchpoint"}, ("touchpoint",)),
        (surveys(("2024-01-01", "a", 9)), {"by": "region", "profiles": PROFILES.drop(columns="region")}, ("region",)),
        (surveys(("2024-01-01", "a", 9)), {"by": ("region", "size")}, ("region", "size")),
        (surveys(("2024-01-01", "a", 9))[["date", "nps"]], {"by": "region", "profiles": PROFILES}, ("customer_id",)),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(frame, options, missing):
    found = survey_answers(frame, options.pop("profiles", None), until=UNTIL, **options)
    assert found.missing == missing and found.cells.empty


def test_nobody_answered():
    blank = surveys(("2024-01-01", "a", None), ("2024-01-01", None, None))
    for tables in ([blank], in_duckdb(blank)):
        for by in ((), "month", "touchpoint"):
            frame = survey_answers(*tables, until=UNTIL, by=() if by == "touchpoint" else by)
            assert frame.cells.empty and frame.products.empty


def test_misuse_is_named():
    frame = surveys(("2024-01-01", "a", 9))
    with pytest.raises(ValueError, match="`question` must be among nps, csat, response, got 'ces'"):
        survey_answers(frame, until=UNTIL, question="ces")
    with pytest.raises(ValueError, match="`csat_scale` must be the lowest and the highest answer"):
        survey_answers(frame, until=UNTIL, csat_scale=[5, 1])
    with pytest.raises(ValueError, match="`until` must be a date"):
        survey_answers(frame, until=None)
    with pytest.raises(ValueError, match="`base` must be among running, all, got 'none'"):
        answer_base(frame, PROFILES, until=UNTIL, base="none")


CUSTOMERS = pd.DataFrame(
    {
        "customer_id": list("abcdef"),
        "region": ["n", "n", "s", "s", None, "n"],
        "registered_capital": [1.0, 2.0, 3.0, 4.0, 5.0, np.nan],
        "acquired_on": pd.to_datetime(["2020-01-01"] * 5 + ["2025-06-01"]),
    }
)
CONTRACTS = pd.DataFrame(
    {
        "customer_id": list("aabcd"),
        "start": pd.to_datetime(["2020-01-01", "2024-01-01", "2023-01-01", "2025-01-01", "2023-01-01"]),
        "end": pd.to_datetime(["2021-01-01", None, "2024-12-31", None, "2024-12-30"]),
        "satisfaction": [1.0, 3.0, 5.0, 4.0, 4.5],
    }
)
SURVEYS = surveys(*((f"2024-0{at + 1}-01", name, 5 + at) for at, name in enumerate("abcd")))


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_the_base_is_those_with_a_running_contract_or_all(engine):
    tables = [SURVEYS, CUSTOMERS, CONTRACTS]
    tables = in_duckdb(*tables) if engine == "duckdb" else tables
    running = answer_base(*tables, until=UNTIL, by=["region", "colour"])
    assert (running.base, running.missing, running.answers.by) == ("running", ("colour",), ("region",))
    assert running.customers.to_dict("list") == {"region": ["n"], "customers": [2]}
    every = answer_base(*tables, until=UNTIL, by=["region"], base="all").customers
    assert every["customers"].tolist() == [2, 2, 1] and every["region"].isna().tolist() == [False, False, True]
    assert answer_base(*tables[:2], until=UNTIL, by=["region"]).base == "all"


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_numbers_become_fifths_of_the_customers(engine):
    tables = [SURVEYS, CUSTOMERS, CONTRACTS]
    tables = in_duckdb(*tables) if engine == "duckdb" else tables
    capital = answer_base(*tables, until=UNTIL, by=["registered_capital"], base="all").customers
    assert capital.dropna()["registered_capital"].tolist() == [1, 2, 3, 4, 5]
    of_contracts = answer_base(*tables, until=UNTIL, by=["satisfaction"], base="all")
    # a's contracts have a mean of 2; b 5, c 4, d 4.5; e and f have none
    assert of_contracts.customers["satisfaction"].tolist()[:4] == [1, 2, 4, 5]
    assert of_contracts.answers.cells["satisfaction"].tolist() == [1, 2, 4, 5]
