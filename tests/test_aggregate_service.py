"""Service cases: against hand-made ones, and the same on every engine."""

from datetime import date

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmlab.aggregate.service import service_cases

UNTIL = date(2024, 6, 30)
COLUMNS = ["customer_id", "opened_at", "first_response_at", "resolved_at", "kind", "channel", "reopened"]


def rows(*entries) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=COLUMNS)
    times = {name: pd.to_datetime(frame[name], format="ISO8601") for name in COLUMNS[1:4]}
    return frame.assign(**times).astype({"reopened": "boolean"})


CASES = rows(
    ("A", "2024-06-01 08:00", "2024-06-01 10:00", "2024-06-02 08:00", "repair", "phone", False),
    ("A", "2024-06-03 08:00", "2024-06-03 18:00", "2024-06-07 08:00", "repair", "web", True),
    ("B", "2024-06-10 08:00", None, None, "repair", "phone", False),  # waits for 20.67 days
    ("B", "2024-06-29 12:00", "2024-06-29 13:00", "2024-07-02 09:00", "complaint", "phone", False),  # open for 36 hours
    ("C", "2024-06-30 22:00", None, None, "complaint", None, None),  # two hours old
    ("C", "2024-06-20 08:00", None, "2024-06-20 20:00", "complaint", "web", False),  # nobody noted the first answer
    ("D", "2024-07-01 00:00", None, None, "repair", "phone", False),  # not yet opened
)


def in_duckdb(frame: pd.DataFrame):
    connection = duckdb.connect()
    connection.register("cases", frame)
    return connection.sql("select * from cases")


def group(cases, name: str) -> dict:
    found = cases.groups[(cases.groups["group"] == name) & (cases.groups["total"] == 0)]
    (row,) = found.to_dict("records")
    return row


def test_counts_of_one_kind():
    repair = group(service_cases(CASES, until=UNTIL), "repair")
    assert (repair["cases"], repair["customers"]) == (3, 2)
    assert (repair["response_ended"], repair["response_open"], repair["response_unknown"]) == (2, 1, 0)
    assert (repair["response_judged"], repair["response_within"]) == (3, 1)
    assert (repair["resolution_judged"], repair["resolution_within"]) == (3, 1)
    # the open case may still be opened again, once it has been resolved
    assert (repair["reopen_known"], repair["reopened"]) == (2, 1)


def test_a_case_is_judged_once_it_is_as_old_as_the_target():
    complaint = group(service_cases(CASES, until=UNTIL), "complaint")
    # one was answered in an hour, one is younger than the target, of one the first answer is not known
    assert (complaint["response_judged"], complaint["response_within"], complaint["response_unknown"]) == (1, 1, 1)
    # the resolution of 2 July has not come yet, and the case is younger than 48 hours
    assert (complaint["resolution_ended"], complaint["resolution_open"]) == (1, 2)
    assert (complaint["resolution_judged"], complaint["resolution_within"]) == (1, 1)


def test_the_last_row_is_all_cases():
    cases = service_cases(CASES, until=UNTIL)
    whole = cases.groups[cases.groups["total"] == 1].iloc[0]
    parts = cases.groups[cases.groups["total"] == 0]
    assert whole["cases"] == parts["cases"].sum() == 6
    assert whole["customers"] == 3
    assert whole["response_within"] == parts["response_within"].sum()


def test_sums_over_customers_of_products():
    repair = group(service_cases(CASES, until=UNTIL), "repair")
    # A: 2 judged, 1 within; B: 1 judged, none within
    products = [repair[f"response_within_{name}"] for name in ("nn", "ns", "ss")]
    assert products == [2 * 2 + 1, 2 * 1, 1]


def test_hours_come_back_in_classes_half_a_per_cent_wide():
    times = service_cases(CASES, until=UNTIL).times
    own = times[(times["group"] == "repair") & (times["total"] == 0) & (times["measure"] == "response")]
    assert own["hours"].tolist() == pytest.approx([2, 10, 20 * 24 + 16], rel=0.003)
    assert own["ended"].tolist() == [1, 1, 0]
    assert own["open"].tolist() == [0, 0, 1]


def test_an_answer_within_the_same_second_took_no_time():
    found = service_cases(rows(("A", "2024-06-01", "2024-06-01", "2024-06-02", "x", "y", False)), until=UNTIL).times
    assert found.loc[found["measure"] == "response", "hours"].tolist() == [0.0, 0.0]


def test_targets_by_kind():
    options = {"until": UNTIL, "resolution_target_hours": {"repair": 100, "": 10}}
    cases = service_cases(CASES, **options)
    assert group(cases, "repair")["resolution_within"] == 2
    assert group(cases, "repair")["resolution_target"] == 100
    assert group(cases, "complaint")["resolution_within"] == 0
    by_channel = service_cases(CASES, by="channel", **options)
    # kinds with targets of their own meet in a channel
    assert pd.isna(group(by_channel, "phone")["resolution_target"])
    assert group(by_channel, "web")["resolution_within"] == 1
    assert group(by_channel, "")["cases"] == 1


def test_a_kind_without_a_target_is_not_judged():
    cases = service_cases(CASES, until=UNTIL, response_target_hours={"complaint": 4})
    assert group(cases, "repair")["response_judged"] == 0
    assert group(cases, "complaint")["response_judged"] == 1


def test_months_of_opening():
    months = service_cases(CASES, until=UNTIL).months
    assert months["month"].tolist() == [pd.Timestamp("2024-06-01")]
    assert months.loc[0, ["cases", "response_within", "reopened"]].tolist() == [6, 2, 1]


def test_columns_that_are_not_there():
    cases = service_cases(CASES[["customer_id", "opened_at"]], until=UNTIL)
    whole = cases.groups[cases.groups["total"] == 1].iloc[0]
    assert (whole["cases"], whole["response_ended"], whole["reopen_known"]) == (6, 0, 0)


def test_no_case():
    cases = service_cases(CASES, until="2024-01-01")
    assert cases.groups.empty and cases.times.empty and cases.months.empty


def test_the_same_on_every_engine():
    by_engine = [service_cases(frame, until=UNTIL, by="channel") for frame in (CASES, in_duckdb(CASES))]
    for name in ("groups", "times", "months"):
        assert_frame_equal(*(getattr(cases, name) for cases in by_engine), check_dtype=False)


def test_tables_are_not_changed():
    before = CASES.copy()
    service_cases(CASES, until=UNTIL)
    assert_frame_equal(CASES, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "region"}, "`by` must be kind or channel, got 'region'"),
        ({"response_target_hours": 0}, "`response_target_hours` must be hours above zero, or such by kind; got 0"),
        ({"resolution_target_hours": {"x": "8"}}, "`resolution_target_hours` must be hours above zero"),
        ({"until": None}, "`until` must be a date, got None"),
    ],
)
def test_misuse(options, message):
    with pytest.raises(ValueError, match=message):
        service_cases(CASES, **({"until": UNTIL} | options))


def test_a_table_of_something_else():
    with pytest.raises(ValueError, match="must have the columns customer_id and opened_at; missing: opened_at"):
        service_cases(CASES.drop(columns="opened_at"), until=UNTIL)
