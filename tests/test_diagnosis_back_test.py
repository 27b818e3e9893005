"""The score held against what came after: by hand, with signals that are there and that are not."""

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import Absent, FitError
from crmlab.aggregate.customer_outcomes import OUTCOMES as COLUMNS_OF_OUTCOMES
from crmlab.aggregate.customer_outcomes import customer_histories
from crmlab.aggregate.customer_standing import COLUMNS
from crmlab.diagnosis.back_test import OUTCOMES, back_test
from crmlab.diagnosis.outcome import PREDICTS, REVERSED, UNCLEAR, outcome_test, share_of_rows

DAYS = pd.to_datetime(["2023-12-31", "2024-12-31"])


def histories(**columns) -> pd.DataFrame:
    """Customers on one day with a few columns known; the rest is empty."""
    names = [*(name for names in COLUMNS.values() for name in names), *COLUMNS_OF_OUTCOMES]
    found = pd.DataFrame(columns, columns=["scored_on", "customer_id", *names])
    found["scored_on"] = columns.get("scored_on", DAYS[0])
    found["customer_id"] = columns.get("customer_id", [f"{n:04d}" for n in range(len(found))])
    return found.astype(dict.fromkeys(names, float))


def signal(n=1000, strength=1.0, seed=0, **further) -> pd.DataFrame:
    """Who says worse leaves more often, the more so the stronger the signal."""
    rng = np.random.default_rng(seed)
    nps = rng.uniform(0, 9, n)
    chance = 1 / (1 + np.exp(1 + strength * (nps - 4.5)))
    return histories(nps=nps, left=(rng.random(n) < chance) * 1.0, under_contract=1.0, **further)


def test_the_outcomes_are_those_of_the_aggregation():
    assert tuple(OUTCOMES) == COLUMNS_OF_OUTCOMES


def test_four_customers_by_hand():
    rows = pd.DataFrame({
        "customer_id": list("abcd"), "scored_on": DAYS[0], "customer_score": [10.0, 20, 30, 40],
        "silent_days": [1.0, 2, 3, 4], "left": [1.0, 0, 1, 0],
    })  # fmt: skip
    found = outcome_test(rows, "left", name="who left", months=12)
    # of four pairs, (10, 20), (10, 40) and (30, 40) are in order; by silence only (2 < 3) is
    assert found.auc.value == 0.75
    assert found.naive["auc"].iloc[0].value == 0.25
    assert found.naive["difference"].iloc[0].value == 0.5
    assert found.groups["customers"].tolist() == [2, 2]
    assert [share.value for share in found.groups["share"]] == [0.5, 0.5]
    assert (found.n, found.events) == (4, 2)


@pytest.mark.parametrize(
    ("strength", "verdict", "words"),
    [
        (0.7, PREDICTS, "Low scores foretold who left: AUC 0."),
        (0.0, UNCLEAR, "The score is not shown to predict who left: AUC 0."),
        (-0.7, REVERSED, "The score misleads on who left: AUC 0."),
    ],
)
def test_the_sentence_says_what_the_score_foretells(strength, verdict, words):
    found = back_test(signal(strength=strength))
    assert found.left.verdict == verdict
    assert found.left.summary().startswith(words)
    assert words.partition(":")[0] in found.summary()
    assert "Customers were scored as of 31 December 2023" in found.summary()
    assert "watched for 12 months" in found.summary()


def test_outcomes_that_cannot_be_judged_are_absent_with_their_reason():
    found = back_test(signal(paid_late=0.0))
    assert isinstance(found.paid_late, Absent) and "all or to none of 1,000 customers" in found.paid_late.reason
    assert found.shrank.reason == "nothing in the data says who shrank"
    assert found.missing().startswith("Not judged: it happened to all")
    assert found.table()["outcome"].tolist() == ["Who left"]
    assert set(found.metrics()) == {"score_auc_left"}
    with pytest.raises(FitError, match="nothing in the data says who left"):
        back_test(histories(nps=[1.0, 2.0], under_contract=1.0))
    with pytest.raises(FitError, match="do not reach back far enough to score customers as of 12 months ago"):
        back_test(customer_histories(until="2025-12-31"))


def test_without_contracts_it_is_told_who_stopped_buying():
    assert "who stopped buying" in back_test(signal().assign(under_contract=np.nan)).summary()


def test_rankings_without_a_score_stand_beside_it():
    better = signal()
    better["silent_days"] = better["left"] * 100 + np.arange(len(better)) % 90
    better["days_past_due"] = np.arange(len(better)) % 7
    found = back_test(better).left
    assert "It ranks worse than time since the last purchase alone" in found.summary()
    assert "It ranks better than days past due alone" in found.summary()
    same = back_test(better.assign(silent_days=-better["nps"], days_past_due=np.nan)).left
    assert same.naive["ranking"].tolist() == ["silent_days"]
    assert "It cannot be told from time since the last purchase alone" in same.summary()


def test_groups_are_those_of_the_day_and_keep_equal_scores_together():
    early, late = signal(300, seed=1), signal(300, seed=2)
    both = pd.concat([early.assign(nps=early["nps"] / 3), late.assign(scored_on=DAYS[1])], ignore_index=True)
    found = back_test(both).left.groups
    # each tenth holds as many of either day, though the later ones score higher throughout
    assert found["customers"].tolist() == [60] * 10
    equal = signal()
    equal.loc[:699, "nps"] = 2.0
    equal.loc[700:, "nps"] = np.linspace(3, 9, 300)
    assert back_test(equal).left.groups["customers"].tolist() == [700, 100, 100, 100]


def test_all_scores_alike_rank_nobody():
    alike = signal(200).assign(nps=5.0)
    found = back_test(alike).left
    assert (found.auc.value, found.verdict, len(found.groups)) == (0.5, UNCLEAR, 1)


def test_a_customer_in_several_rows_counts_as_one():
    once = signal(400)
    thrice = pd.concat([once.assign(scored_on=day) for day in (*DAYS, pd.Timestamp("2025-12-31"))], ignore_index=True)
    one, three = back_test(once).left, back_test(thrice).left
    assert three.auc.value == pytest.approx(one.auc.value)
    assert three.auc.high - three.auc.low == pytest.approx(one.auc.high - one.auc.low, rel=0.01)
    share, again = share_of_rows([1, 0, 0, 0], list("abcd")), share_of_rows([1, 0, 0, 0] * 3, list("abcd") * 3)
    assert (again.n, again.value) == (12, 0.25)
    # no narrower than one customer each allows, but for the correction of few clusters
    assert again.high - again.low >= 0.9 * (share.high - share.low)


def true_auc(strength: float) -> float:
    large = signal(100_000, strength, seed=99)
    return back_test(large).left.auc.value


def test_intervals_hold_the_truth():
    truth = true_auc(0.3)
    held = [back_test(signal(150, 0.3, seed=seed)).left.auc for seed in range(60)]
    assert np.mean([auc.low <= truth <= auc.high for auc in held]) >= 0.87


def test_messages_are_translated(untranslated):
    found = back_test(signal(silent_days=np.arange(1000.0)))
    words = untranslated(f"{found.summary()} {found.missing()} {found.left.summary()}")
    assert set(words) <= {"December", "AUC", "n"}, words
