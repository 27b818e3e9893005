"""What a lender finds: verdicts by rule, conditions, and the cases in which a good look misleads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import tables
from crmlab.diagnosis.aspects import ASPECTS, Finding
from crmlab.diagnosis.debt_capacity import debt_capacity
from crmlab.diagnosis.debt_service import debt_service
from crmlab.diagnosis.due_diligence import LARGE, due_diligence
from crmlab.diagnosis.indicators import DEFAULTS
from crmlab.diagnosis.loan import Loan
from crmlab.diagnosis.targets import indicators
from crmlab.intervals import Estimate, count
from tests.test_diagnosis_retained_revenue import projected

BOOK = projected(*np.random.default_rng(4).lognormal(8, 0.5, 300), monthly=0.005, months=36)
LOAN = Loan(term_months=36, margin=0.5)
GOOD = {
    "customers": 2_000, "retention_rate": 0.9, "revenue_growth": 0.15, "top_10_share": 0.1, "csat": 0.97, "nps": 60.0,
    "overdue_share": 0.01, "default_rate": 0.01, "expected_credit_loss_rate": 0.005, "data_completeness": 0.99,
    "response_rate": 0.5,
}  # fmt: skip


def known(**changes):
    """Figures with an interval of a hundredth each way; None leaves one out."""
    values = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return {
        name: count(value, "customers", name) if name == "customers" else
        Estimate(value, value - 0.01 * abs(value), value + 0.01 * abs(value), "points" if name == "nps" else "share",
                 100, name)
        for name, value in values.items()
    }  # fmt: skip


def found(amount=100_000.0, **changes):
    service = debt_service(BOOK, LOAN, amount, stresses=()) if amount else None
    return due_diligence(
        known(**changes), indicators(), revenue=BOOK, service=service, capacity=debt_capacity(BOOK, LOAN)
    )


def finding(value, low, high, *, lower=False, sound=0.85, weak=0.7):
    return Finding("stability", "x", Estimate(value, low, high, "share", 10), sound, weak, lower)


@pytest.mark.parametrize(
    ("judged", "verdict"),
    [
        (finding(0.9, 0.86, 0.93), "sound"),
        (finding(0.9, 0.84, 0.95), "watch"),
        (finding(0.71, 0.6, 0.8), "watch"),
        (finding(0.69, 0.6, 0.9), "weak"),
        (finding(0.1, 0.05, 0.19, lower=True, sound=0.2, weak=0.4), "sound"),
        (finding(0.1, 0.05, 0.21, lower=True, sound=0.2, weak=0.4), "watch"),
        (finding(0.41, 0.1, 0.5, lower=True, sound=0.2, weak=0.4), "weak"),
        (Finding("stability", "x", Estimate(0.5, None, None, "share", 3, no_interval="y"), 0.4, 0.3, False), "sound"),
        (Finding("stability", "x", None, 0.85, 0.7, False), "unknown"),
        (Finding("stability", "x", Estimate(0.5, 0.4, 0.6, "share", 3), None, None, False), "shown"),
    ],
)
def test_verdicts_by_hand(judged, verdict):
    assert judged.verdict == verdict


@given(
    value=st.floats(0, 1), less=st.floats(0, 0.5), below=st.floats(0, 0.3), above=st.floats(0, 0.3), lower=st.booleans()
)
def test_a_worse_figure_never_gets_a_better_verdict(value, less, below, above, lower):
    order = ["weak", "watch", "sound"]
    ends = (0.2, 0.4) if lower else (0.85, 0.7)

    def rank(at):
        return order.index(finding(at, at - below, at + above, lower=lower, sound=ends[0], weak=ends[1]).verdict)

    assert rank(value + less if lower else value - less) <= rank(value)


def test_a_sound_base():
    result = found()
    assert {result.of(aspect) for aspect in ASPECTS} == {"sound"}
    assert result.summary().startswith("Nothing in the customer base speaks against lending. Sound: Stability, ")
    assert result.conditions().empty
    table = result.table().set_index("measure")
    assert table.loc["Retention rate", "goal"] == "Retention rate of at least 85.0%"
    tables.of(result, title="Test")
    tables.table(result.conditions(), title="Test")


def test_a_large_but_dissatisfied_customer_base():
    """The lender's case: many customers, none of them lost yet, few of them satisfied."""
    said = found(csat=0.6).summary()
    assert said.startswith(
        "The customer base is large but dissatisfied: 2,000 customers, Satisfaction (CSAT) 60.0% (95% interval 59.4% "
        "to 60.6%, n = 100)."
    )
    assert "Lend on these customers only under the conditions below." in said and "Weak: Satisfaction." in said
    asked = found(csat=0.6).conditions().set_index("aspect")["condition"]
    assert asked["Satisfaction"] == (
        "A plan with dates, reported every half year: Satisfaction (CSAT) of at least 95.0%."
    )
    few = found(csat=0.6, customers=LARGE - 1).summary()
    assert few.startswith("The customers are not satisfied: Satisfaction (CSAT) 60.0%") and "large" not in few


def test_a_few_key_accounts():
    result = found(top_10_share=0.7)
    assert result.summary().startswith("Revenue hangs on a few key accounts: ")
    asked = result.conditions().set_index("aspect")["condition"]["Dependence"]
    assert asked.startswith("A limit; the ten largest are reported") and asked.endswith("of at most 40.0%.")


def test_dependence_is_told_of_retained_revenue_where_nothing_else_is_known():
    few = projected(*[12_000.0] * 12, monthly=0.01, months=36)
    result = due_diligence({}, indicators(), revenue=few)
    assert result.of("dependence") == "weak" and result.customers == 12
    assert "key accounts" in result.summary()


def test_a_loan_that_is_too_large():
    result = found(amount=3_000_000.0)
    assert result.summary().startswith("Debt service is not covered: Least debt-service cover ")
    asked = result.conditions()
    assert asked["condition"].iloc[0] == "A covenant tested every year: Least debt-service cover of at least 1.20."
    assert asked["condition"].iloc[1].startswith("The largest loan over 36 months at 6.0%")


def test_covenants_bind_where_a_figure_becomes_weak():
    asked = found(retention_rate=0.8).conditions().set_index("aspect")["condition"]["Stability"]
    assert asked.endswith("nothing more is paid out: Retention rate of at least 72.5%.")
    assert (
        found(retention_rate=0.8)
        .summary()
        .startswith("The customer base carries a loan if the conditions below are kept. To watch: Stability. Sound: ")
    )


def test_what_is_not_known_is_asked_for_and_no_pass():
    result = found(amount=None, csat=None, nps=None, overdue_share=None, default_rate=None)
    assert result.of("satisfaction") == result.of("cover") == "unknown" and result.of("payment") == "sound"
    asked = result.conditions()
    assert asked["condition"].tolist()[:2] == [
        "Supply surveys of the customers, or make one: Satisfaction (CSAT), NPS.",
        "Supply instalments due and paid, by customer: Overdue share, Default rate.",
    ]
    assert set(asked["verdict"]) == {"not known"}
    assert "Not known: Satisfaction, Debt service." in result.summary()


def test_too_little_is_known_for_a_verdict():
    result = due_diligence({}, indicators())
    assert result.summary().startswith("Too little is known to lend on these customers: ask for the data first.")
    assert result.customers is None and set(result.conditions()["verdict"]) == {"not known"}
    tables.of(result, title="Test")


def test_a_figure_over_another_period_is_shown_and_not_judged():
    held = indicators(periods={"repurchase_rate": 6})
    result = due_diligence(known(repurchase_rate=0.5, retention_rate=None), held, revenue=BOOK)
    row = result.table().set_index("measure").loc["Repurchase rate, 6 months"]
    assert row["verdict"] == "shown only" and row["value"] == "50.0%"


def test_every_measure_is_an_indicator_or_the_lender_s_own():
    own = {"second_year_revenue", "debt_service_cover"}
    named = {name for aspect in ASPECTS.values() for name in aspect.measures}
    assert named - own <= {each.name for each in DEFAULTS}


def test_all_is_translated(untranslated):
    result = found(csat=0.6, top_10_share=0.7, nps=None, retention_rate=0.8)
    texts = [result.summary(), *result.table()["measure"], *result.conditions()["condition"]]
    assert all(set(untranslated(text)) <= {"CSAT", "NPS"} for text in texts)
