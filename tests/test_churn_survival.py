"""Kaplan-Meier curves, median and mean lifetime, and the log-rank test, against published figures."""

import numpy as np
import pandas as pd
import pytest

from crmlab import tables
from crmlab.absence import Absent, FitError
from crmlab.aggregate.contracts import contract_ages
from crmlab.churn.kaplan_meier import kaplan_meier
from crmlab.churn.survival import lifetimes, log_rank
from tests.bench.coverage_retention import age_counts, coverage
from tests.test_aggregate_contracts import UNTIL, contracts

# Miller (1997), Survival analysis: acute myelogenous leukemia, weeks in remission, as in R's survival package
MAINTAINED = age_counts(
    [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [True, True, False, True, True, False, True, True, False, True, False]
)
NOT_MAINTAINED = age_counts([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [True] * 5 + [False] + [True] * 6)
AML = pd.concat([MAINTAINED.assign(group="maintained"), NOT_MAINTAINED.assign(group="not maintained")])


def test_aml_kaplan_meier_as_in_r_survival():
    curve = kaplan_meier(MAINTAINED)
    want = [0.909091, 0.818182, 0.715909, 0.613636, 0.490909, 0.368182, 0.184091]
    assert curve.steps["survival"].tolist() == pytest.approx(want, abs=5e-7)
    assert curve.steps["at_risk"].tolist() == [11, 10, 8, 7, 5, 4, 2]
    assert curve.at([0, 9, 12.9, 200]).tolist() == pytest.approx([1, want[0], want[0], want[-1]], abs=5e-7)


def test_aml_bands_and_median_as_in_r_survival_with_log_log():
    curve = kaplan_meier(NOT_MAINTAINED)
    first = curve.steps.iloc[0]
    assert (first["low"], first["high"]) == pytest.approx((0.4817, 0.9555), abs=5e-5)
    assert curve.median().value == 23 and kaplan_meier(MAINTAINED).median().value == 31
    assert (curve.median().low, curve.median().high) == (5, 33)
    assert kaplan_meier(MAINTAINED).median().low is None and kaplan_meier(MAINTAINED).median_low == 13


def test_aml_restricted_means_as_in_r_survival():
    """52.6 weeks and 22.7, as `print(survfit(...), rmean="common")` has them."""
    assert kaplan_meier(MAINTAINED).restricted_mean(161).value == pytest.approx(52.645, abs=5e-4)
    assert kaplan_meier(NOT_MAINTAINED).restricted_mean(161).value == pytest.approx(22.708, abs=5e-4)


def test_aml_log_rank_as_in_r_survival():
    statistic, p_value, more = log_rank(AML)
    assert (statistic, p_value) == pytest.approx((3.396, 0.0653), abs=5e-4)
    assert more > 0 and log_rank(AML, against="maintained")[2] == pytest.approx(-more)


def test_censored_at_an_age_are_at_risk_there():
    curve = kaplan_meier(age_counts([2, 2, 3], [True, False, True]))
    assert curve.steps["survival"].tolist() == pytest.approx([2 / 3, 0])
    assert curve.median().value == 3


def test_a_flat_half_gives_the_middle():
    assert kaplan_meier(age_counts([1, 1, 3, 4], [True] * 4)).median().value == 2


def test_delayed_entry_counts_nobody_at_risk_before_it():
    """Three come under observation at age 2: at age 1 one of one leaves, and the curve starts after that."""
    counts = age_counts([1, 3, 4, 5], [True, True, False, True], entered=[0, 2, 2, 2])
    curve = kaplan_meier(counts)
    assert curve.from_month == 1 and curve.steps["survival"].tolist() == pytest.approx([2 / 3, 0])
    assert curve.steps["at_risk"].tolist() == [3, 1]
    assert "All this holds for those who outlast 1 month; too few" in lifetimes(counts).summary()
    late = kaplan_meier(age_counts([3, 4, 4], [True, False, False], entered=[2, 2, 3]))
    assert late.steps["at_risk"].tolist() == [2], "who enters at an age is at risk after it"


def test_the_record_of_contracts_that_began_before_it():
    """Leavers of the past are not in the file: counted from the first month on, the rest seem to stay on and on."""
    rng = np.random.default_rng(3)
    start = pd.Timestamp("2020-03-01") + pd.to_timedelta(rng.integers(0, 1400, 3000), unit="D")
    life = np.ceil(rng.exponential(12, 3000)).astype(int)
    end = pd.Series([first + pd.DateOffset(months=int(each)) for first, each in zip(start, life, strict=True)])
    frame = contracts(*zip(map(str, range(3000)), start, end, strict=True))
    known = frame[frame["end"] >= "2023-04-01"]
    whole, part, wrong = (
        kaplan_meier(contract_ages(rows, until=UNTIL, observed_from=since))
        for rows, since in ((frame, None), (known, "2023-04-01"), (known, None))
    )
    ages = [3, 6, 12, 24]
    assert part.at(ages) == pytest.approx(whole.at(ages), abs=0.05)
    assert wrong.at(12) > whole.at(12) + 0.2


@pytest.mark.usefixtures("any_size")
def test_groups_are_tested_with_holms_adjustment():
    rng = np.random.default_rng(1)
    parts = [
        age_counts(np.ceil(rng.exponential(scale, 200)), [True] * 200).assign(group=name)
        for name, scale in (("a", 10), ("b", 10.5), ("c", 30), ("d", 10))
    ]
    counts = pd.concat(
        [*parts, age_counts([1], [True]).assign(group=None), age_counts([1.0, 2.0], [True, True]).assign(group="e")]
    )
    found = lifetimes(counts, by="plan")
    rows = found.groups.set_index("group")
    raw = {name: log_rank(counts.assign(group=counts["group"].fillna("?")), against=name)[1] for name in "abcd"}
    assert rows.index[-2:].tolist() == ["Others", "Not known"]
    assert rows.loc["c", "against"] == "longer" and rows.loc["c", "p_value"] == pytest.approx(6 * raw["c"])
    assert (rows.loc[list("abcd"), "p_value"] >= [raw[name] for name in "abcd"]).all() and rows["p_value"].max() <= 1
    assert "By plan, c stay longer than the others." in found.summary()
    assert found.p_value < 1e-6 and list(found.curves)[-1] == "Not known"
    tables.of(found, title="Lifetimes")


def test_two_groups_are_one_comparison():
    found = lifetimes(AML, by="treatment", fewest=1)
    assert found.groups["p_value"].tolist() == pytest.approx([0.0653] * 2, abs=5e-5)
    assert found.summary().endswith("By treatment, no difference in lifetime can be told.")
    assert found.to_month == 12 or found.to_month <= 45


def test_one_group_is_all_customers():
    found = lifetimes(AML, by=None)
    assert found.groups.empty and found.p_value is None and found.curves == {}
    assert found.table()["group"].tolist() == ["All customers"] and found.table()["customers"].tolist() == [23]
    assert found.summary().startswith("Half of the customers leave within 27 months (95% interval")
    alone = lifetimes(MAINTAINED.assign(group="x"), by="plan", fewest=1)
    assert alone.groups.empty and alone.by is None
    assert "Half of the customers leave within 31 months; the data bound that from below alone, at 13 months." in (
        alone.summary()
    )


def test_nobody_left():
    found = lifetimes(age_counts([5.0, 24.0, 30.0] * 10, [False] * 30))
    assert isinstance(found.median, Absent) and "more than half" in found.median.reason
    assert found.mean.value == found.to_month and found.mean.low is None
    assert found.summary().startswith(
        "More than half of the customers stay for longer than anybody has been observed: 100.0% (n = 30)."
    )
    tables.of(found, title="Lifetimes")


def test_everybody_left_at_once():
    found = lifetimes(age_counts([3.0] * 10, [True] * 10))
    assert found.median.value == 3 and found.curve.at(3) == 0
    assert found.mean.value == 3


def test_contracts_of_one_day():
    ages = contract_ages(contracts(*((str(each), "2024-03-01", "2024-03-01") for each in range(5))), until=UNTIL)
    assert lifetimes(ages).median.value == pytest.approx(1 / 31)


def test_nobody_observed_for_any_time_is_said():
    begun_today = contract_ages(contracts(("a", UNTIL, None)), until=UNTIL)
    for counts in (begun_today, MAINTAINED.head(0)):
        with pytest.raises(FitError, match="no customer has been observed for any time"):
            lifetimes(counts)


def test_groups_that_never_meet_cannot_be_compared():
    early, late = age_counts([1.0, 2.0], [True, True]), age_counts([9.0, 9.0], [True, False], entered=[5, 5])
    assert log_rank(pd.concat([early.assign(group="e"), late.assign(group="l")]))[1] == 1


@pytest.mark.parametrize("measure", ["lifetime", "late_lifetime"])
def test_intervals_cover(measure):
    assert coverage(measure, draws=100).between(0.88, 1).all()


def test_groups_that_leave_alike_are_seldom_called_different():
    assert coverage("comparison", draws=12).between(0.75, 1).all()


def test_all_is_translated(untranslated):
    assert set(untranslated(lifetimes(AML, by="treatment", fewest=1).summary())) <= {"treatment"}
    assert untranslated(lifetimes(age_counts([5.0] * 9, [False] * 9)).summary()) == []
