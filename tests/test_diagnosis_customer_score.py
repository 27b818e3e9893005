"""Scores of customers: by hand, by law, and against what is true of the simulated client's customers."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import crmlab
from crmlab.absence import FitError
from crmlab.aggregate.customer_standing import COLUMNS, customer_standing
from crmlab.datasets.xinglin.customers import hidden_scores
from crmlab.diagnosis.customer_score import CUSTOMER_INDICATORS, CUSTOMER_PARTS, customer_scores

NAMES = [each.name for each in CUSTOMER_INDICATORS]


def standing(*rows: dict) -> pd.DataFrame:
    columns = ["customer_id", *(name for names in COLUMNS.values() for name in names)]
    return pd.DataFrame([{"customer_id": f"{n:03d}"} | row for n, row in enumerate(rows)], columns=columns)


def scored(*rows: dict, **options) -> pd.DataFrame:
    return customer_scores(standing(*rows), **options).customers


def test_a_score_by_hand():
    row = {"purchases_to_median": 1.0, "silence_ratio": 2.0, "contract_months": 9.0, "days_past_due": 6.0}
    (found,) = scored(row).to_dict("records")
    # half-way from 0 to 2; three quarters from 5 to 1 and a quarter of 36; 24 of 30 days
    assert (found["value"], found["retention"], found["risk"]) == (50, 50, pytest.approx(80))
    assert np.isnan(found["experience"])
    assert found["customer_score"] == pytest.approx((0.25 * 50 + 0.2 * 50 + 0.2 * 80) / 0.65)
    # of the four parts: half of value, all of retention, half of risk
    assert found["score_coverage"] == pytest.approx((0.25 / 2 + 0.2 + 0.2 / 2) / 0.85)


def test_what_is_missing_lowers_coverage_and_not_the_score():
    perfect = {each.name: each.target for each in CUSTOMER_INDICATORS}
    known = scored(perfect, {"nps": 9.0}, {"nps": 4.5}, {})
    assert known["customer_score"].fillna(-1).tolist() == [100, 100, 50, -1]
    assert known["score_coverage"].tolist() == [1, pytest.approx(0.2 / 0.85 / 4), pytest.approx(0.2 / 0.85 / 4), 0]


values = st.one_of(st.none(), st.floats(-1e4, 1e4))
standings = st.fixed_dictionaries(dict.fromkeys(NAMES, values))


@given(st.lists(standings, min_size=1, max_size=6), st.sampled_from(CUSTOMER_INDICATORS), st.floats(0, 100))
def test_scores_lie_within_bounds_and_never_fall_where_a_value_gets_better(rows, indicator, step):
    before = scored(*rows, {"nps": 5.0})
    better = step if indicator.target > indicator.floor else -step
    after = scored(
        *(
            row | {indicator.name: None if row[indicator.name] is None else row[indicator.name] + better}
            for row in rows
        ),
        {"nps": 5.0},
    )
    for name in ("customer_score", *CUSTOMER_PARTS):
        known = before[name].notna()
        assert before.loc[known, name].between(0, 100 + 1e-9).all()
        assert (after.loc[known, name] >= before.loc[known, name] - 1e-9).all()
    assert before["score_coverage"].between(0, 1).all()
    assert (before["customer_score"].isna() == (before["score_coverage"] == 0)).all()


@given(st.lists(standings, min_size=2, max_size=6), st.randoms())
def test_a_customer_s_score_does_not_hang_on_the_others(rows, random):
    frame = standing(*rows, {"nps": 5.0})
    order = list(range(len(frame)))
    random.shuffle(order)
    whole = customer_scores(frame).customers
    moved = customer_scores(frame.iloc[order]).customers.sort_values("customer_id", ignore_index=True)
    assert_frame_equal(moved, whole)


def test_weights_of_parts():
    row = {"nps": 9.0, "days_past_due": 30.0}
    assert scored(row, weights={"experience": 3, "risk": 1})["customer_score"].item() == 75
    with pytest.raises(ValueError, match="got 'retentoin'; did you mean retention"):
        scored(row, weights={"retentoin": 1})
    with pytest.raises(ValueError, match="`weights` must be 0 or more, got -1 for risk"):
        scored(row, weights={"risk": -1})
    with pytest.raises(ValueError, match="above 0 for one part"):
        scored(row, weights=dict.fromkeys(CUSTOMER_PARTS, 0))


def test_nobody_and_nothing_known():
    with pytest.raises(FitError, match="there is no customer to score"):
        scored()
    with pytest.raises(FitError, match="nothing is known of any customer"):
        scored({}, {})


def test_the_rules_are_shown_and_the_list_handed_over():
    found = customer_scores(standing({"nps": 9.0}, {"nps": 0.0, "csat": 0.25}))
    table = found.table()
    assert table["weight"].sum() == pytest.approx(1)
    assert table.set_index("indicator").loc["Would recommend, 0 to 10", ["known", "score"]].tolist() == [1, 50]
    assert table.set_index("indicator").loc["Share of instalments overdue", ["floor", "target"]].tolist() == [
        "0.25",
        "0",
    ]
    assert found.customer_list().to_dict("list") == {
        "customer_id": ["000", "001"], "customer_score": [100, 0], "score_coverage": [0.059, 0.118]
    }  # fmt: skip
    assert found.summary().startswith("The 2 customers score 50 of 100 in the middle")


def spearman(one: pd.Series, other: pd.Series) -> float:
    """Lower end of the rank correlation's 95% interval (Bonett and Wright 2000)."""
    r = one.corr(other, method="spearman")
    return float(np.tanh(np.arctanh(r) - 1.96 * np.sqrt((1 + r**2 / 2) / (len(one) - 3))))


def test_xinglin_s_hidden_quality_is_ranked(example):
    client = crmlab.open("xinglin")
    names = ("transactions", "contracts", "surveys", "interactions", "payments")
    known = customer_standing(
        until=client.as_of, complaint_kinds=["投诉"], **{name: client.table(name) for name in names}
    )
    truth = json.loads((example / "data/xinglin/truth.json").read_text(encoding="utf-8"))
    # the first of the generators that the seed gives draws the hidden scores, in the order of the ids
    hidden = hidden_scores(np.random.default_rng(truth["seed"]).spawn(1)[0], truth["customers"])
    latent = pd.DataFrame(
        {name: getattr(hidden, name) for name in ("activity", "experience", "credit")},
        index=[f"C{number:05d}" for number in range(1, truth["customers"] + 1)],
    ).reindex(known["customer_id"]).reset_index(drop=True)  # fmt: skip
    latent["mean"] = latent.mean(axis=1)
    scores = customer_scores(known).customers["customer_score"]
    assert len(scores) == truth["customers"] and scores.notna().all()
    assert spearman(scores, latent["mean"]) > 0.35
    assert spearman(scores, latent["experience"]) > 0.6
    assert spearman(scores, latent["credit"]) > 0.2
    # who buys most drops out first, so that activity shows among those alone who still buy
    buying = known["silence_ratio"] < 3
    assert spearman(scores[buying], latent.loc[buying, "activity"]) > 0.5
    assert spearman(scores[buying], latent.loc[buying, "mean"]) > 0.6
