"""Service levels: medians, shares within the target, reopening; open cases; intervals that hold."""

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import Absent, attempt
from crmlab.aggregate.service import service_cases
from crmlab.nps.service import service_levels
from crmlab.nps.service_score import score_by_service
from crmlab.tables import of
from tests.bench.coverage_nps_drivers import draw_answers, service_coverage

pytestmark = [pytest.mark.filterwarnings("error::RuntimeWarning"), pytest.mark.usefixtures("any_size")]
UNTIL = pd.Timestamp("2024-12-31")


def cases(hours, *, customers=None, waiting=(), kind="repair") -> pd.DataFrame:
    """Cases resolved after so many hours, answered after a tenth of them; `waiting` ones are so many hours old."""
    hours = np.asarray(hours, dtype=float)
    opened = pd.Series([pd.Timestamp("2024-01-01")] * len(hours), dtype="datetime64[us]")
    resolved = opened + pd.to_timedelta(hours, unit="h")
    answered = opened + pd.to_timedelta(hours / 10, unit="h")
    young = pd.Series(UNTIL + pd.Timedelta(days=1) - pd.to_timedelta(np.asarray(waiting, float), unit="h"))
    n = len(hours) + len(waiting)
    nothing = pd.Series([pd.NaT] * len(waiting), dtype="datetime64[us]")
    return pd.DataFrame(
        {
            "customer_id": range(n) if customers is None else customers,
            "opened_at": pd.concat([opened, young.dt.tz_localize(None)], ignore_index=True),
            "first_response_at": pd.concat([answered, nothing], ignore_index=True),
            "resolved_at": pd.concat([resolved, nothing], ignore_index=True),
            "kind": kind,
            "reopened": [False] * n,
        }
    )


def levels(frame: pd.DataFrame, **options):
    return service_levels(service_cases(frame, until=UNTIL, **options))


def test_median_and_its_order_statistics():
    found = levels(cases(range(1, 21)))
    median = found.total["resolution_median"]
    assert median.value == pytest.approx(10.5, rel=0.003)
    # of 20 values the order statistics of a 95% interval lie between the 5th and 6th, and 15th and 16th
    assert 5 < median.low < 6.03 and 15 < median.high < 16.05
    assert found.total["response_median"].value == pytest.approx(1.05, rel=0.003)


def test_open_cases_wait_as_long_as_they_have():
    # Kaplan-Meier by hand: at 10 hours 6 at risk, at 20 five, at 30 one of the three that are left
    found = levels(cases([10, 20, 30, 40], waiting=[25, 25]))
    curve = found.curves["resolution"]
    assert curve["waiting"].tolist() == pytest.approx([5 / 6, 4 / 6, 2 / 6, 0])
    assert found.total["resolution_median"].value == pytest.approx(30, rel=0.003)
    assert int(found.total["open"]) == 2
    assert "2 cases are still open, and count as waiting so far." in found.summary()
    # leaving the open ones out would say 25 hours
    assert levels(cases([10, 20, 30, 40])).total["resolution_median"].value == pytest.approx(25, rel=0.003)


def test_half_of_the_cases_have_not_ended():
    found = levels(cases([10, 20], waiting=[100, 100, 100]))
    assert found.total["resolution_median"] is None
    assert found.total["resolution_within"].value == pytest.approx(2 / 5)
    assert "resolution_median" not in found.table()


def test_share_within_the_target_and_wilson():
    found = levels(cases([10] * 30 + [100] * 10), resolution_target_hours=48)
    within = found.total["resolution_within"]
    assert (within.value, within.n) == (0.75, 40)
    assert 0.58 < within.low < 0.6 and 0.85 < within.high < 0.87


def test_cases_of_one_customer_are_worth_fewer():
    hours, customers = [10] * 30 + [100] * 10, [place // 5 for place in range(40)]
    alone, alike = levels(cases(hours)), levels(cases(hours, customers=customers))
    assert alike.total["resolution_median"].low is None  # eight customers who agree are eight cases
    width = [each.total["resolution_within"].high - each.total["resolution_within"].low for each in (alone, alike)]
    assert width[1] > 1.8 * width[0]


def test_cases_of_a_single_customer_have_no_interval():
    found = levels(cases(range(1, 30), customers=["A"] * 29))
    for name in ("resolution_median", "resolution_within", "reopened"):
        assert found.total[name].low is None
        assert found.total[name].no_interval == "the cases of one customer"


def test_one_case():
    found = levels(cases([10]))
    assert found.total["resolution_median"].value == pytest.approx(10, rel=0.003)
    assert found.total["resolution_median"].low is None
    assert "1 hours" not in found.summary()


def test_too_few_cases_to_bound_a_median():
    found = levels(cases([1, 2, 3, 4]))
    assert found.total["resolution_median"].no_interval == "too few cases, or of too few customers"


def test_groups_the_largest_first_and_the_slowest_named():
    frame = pd.concat(
        [cases([10] * 80, kind="repair"), cases([90] * 40, kind="delivery"), cases([10], kind=None)], ignore_index=True
    )
    frame["customer_id"] = range(len(frame))
    found = levels(frame)
    assert found.groups["group"].tolist() == ["repair", "delivery", "Not known"]
    assert found.table()["group"].tolist() == ["repair", "delivery", "Not known", "All cases"]
    assert "Least often answered in time: delivery, 0.0%" in found.summary()


def test_targets_by_kind_are_spoken_of_as_such():
    found = levels(cases([10] * 20), response_target_hours={"repair": 2})
    assert found.summary().startswith("100.0% of cases got their first answer within the target of their kind")


def test_summary_is_whole_sentences():
    said = levels(cases([10] * 30 + [100] * 10)).summary()
    assert said.startswith("75.0% of cases got their first answer within 4 hours (95% interval")
    assert "Half of the cases are resolved after 10.0 hours" in said
    assert "0.0% of cases are opened again (95% interval 0.0% to" in said


def test_estimates_are_published_by_name():
    found = levels(cases([10] * 30 + [100] * 10)).estimates()
    assert set(found) == {
        "response_median_hours", "response_within", "resolution_median_hours", "resolution_within", "reopen_rate",
    }  # fmt: skip


def test_months_have_intervals():
    months = levels(cases([10] * 30)).months
    assert months.loc[0, "resolution_within"].value == 1
    assert months.loc[0, "resolution_within"].low < 0.95


def test_no_first_answer_on_record():
    found = levels(cases([10] * 20).drop(columns="first_response_at"))
    assert found.total["response_median"] is None and found.total["response_within"] is None
    assert "How fast cases are answered is not known." in found.summary()
    assert "response" not in found.curves


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (cases([]), "no service case is on record"),
        (
            cases([5])[["customer_id", "opened_at"]],
            "no service case says when it was answered or resolved, or whether it was opened again",
        ),
    ],
)
def test_what_cases_cannot_tell_is_absent(frame, reason):
    found = attempt(service_levels, service_cases(frame, until=UNTIL))
    assert isinstance(found, Absent) and found.reason == reason


def test_days_alone_put_medians_on_whole_days():
    found = levels(cases([0] * 5 + [24] * 20 + [48] * 5))
    median = found.total["resolution_median"]
    assert median.value == pytest.approx(24, rel=0.003)
    assert median.low == pytest.approx(24, rel=0.003) and median.high == pytest.approx(24, rel=0.003)


def test_intervals_hold_the_truth():
    # of 40, 95% leaves fewer than 33 once in a thousand
    assert service_coverage(40, 60).min() >= 0.825


def test_table_is_shown():
    content = of(levels(cases([10] * 30)), title="Service").content
    assert "Median hours to the first answer" in [column["label"] for column in content["columns"]]


def test_every_word_can_be_translated(untranslated):
    found = levels(cases([10] * 30 + [100] * 10, waiting=[3]))
    assert set(untranslated(found.summary())) <= {"n"}


def test_score_of_the_best_and_the_worst_served():
    known = draw_answers(400, np.random.default_rng(0))
    found = score_by_service(known)
    first = found.differences.set_index("measure").loc["response_hours"]
    rows = found.bands[found.bands["measure"] == "response_hours"]
    assert len(rows) == 4 and rows["low"].is_monotonic_increasing
    assert first["difference"].value == pytest.approx(rows.iloc[0]["nps"].value - rows.iloc[-1]["nps"].value)
    assert first["difference"].low > 0 and first["borne_out"]
    assert found.summary().startswith("By ")
    assert "Net promoter score" in [c["label"] for c in of(found, title="Score").content["columns"]]


def test_the_score_does_not_go_with_service():
    rng = np.random.default_rng(1)
    known = pd.DataFrame({"customer_id": range(300), "nps": rng.integers(0, 11, 300)})
    found = score_by_service(known.assign(response_hours=rng.gamma(2, 3, 300)))
    assert found.summary() == "The score cannot be told to go with how fast customers are served."


def test_all_answers_alike_have_a_difference_without_interval():
    known = pd.DataFrame({"customer_id": range(100), "nps": 10, "response_hours": np.arange(100.0)})
    difference = score_by_service(known).differences["difference"].iloc[0]
    assert (difference.value, difference.no_interval) == (0, "all answers alike")


def test_no_service_before_the_answers():
    found = attempt(score_by_service, pd.DataFrame({"customer_id": ["A"], "nps": [9.0], "response_hours": [1.0]}))
    assert isinstance(found, Absent)
    assert found.reason == "too few answers are of customers with a service case before them"
