"""Weights to the customer base: margins are met, the truth of a biased response is recovered, what weights cost."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import tables
from crmlab.absence import FitError
from crmlab.aggregate.answer_base import AnswerBase, answer_base
from crmlab.messages import speak
from crmlab.nps.score import net_promoter_score
from crmlab.nps.weighting import weighted_score
from tests.bench.coverage_nps import BIASED_TRUTH, answers, biased, coverage, weighted

# by region: promoters, passives, detractors, and customers
REGIONS = {"n": (60, 20, 20, 100), "s": (10, 20, 20, 300)}


def given(regions=REGIONS, base="all"):
    values = np.concatenate([np.repeat([10, 7, 0], split[:3]) for split in regions.values()])
    cell = np.repeat(range(len(regions)), [sum(split[:3]) for split in regions.values()])
    told = answers(values, range(len(values)), cell, by="region", names=list(regions))
    customers = pd.DataFrame({"region": list(regions), "customers": [split[3] for split in regions.values()]})
    return AnswerBase(told, customers, base, ())


def test_hand_case():
    found = weighted_score(given())
    # 40 of n and -20 of s, a quarter and three quarters
    assert found.weighted.value == pytest.approx(0.25 * 40 - 0.75 * 20)
    assert found.unweighted == net_promoter_score(70, 40, 40, label="net promoter score")
    rows = found.margins.set_index("group")
    assert rows["customer_share"].tolist() == [0.25, 0.75] and rows["weighted"].tolist() == pytest.approx([0.25, 0.75])
    assert rows["weight"].tolist() == pytest.approx([0.25 * 150 / 100, 0.75 * 150 / 50])
    squares = 100 * 0.375**2 + 50 * 2.25**2
    assert found.design_effect == pytest.approx(150 * squares / 150**2)
    assert found.effective_sample == pytest.approx(150 / found.design_effect)
    assert (found.smallest, found.largest) == pytest.approx((0.375, 2.25))
    assert "unweighted, the same answers give 20" in found.summary() and "kinder than" in found.summary()
    assert len(tables.of(found, title="t").content["rows"]) == 2


def test_answers_spread_as_the_base_keep_their_score():
    found = weighted_score(given({"n": (60, 20, 20, 200), "s": (10, 20, 20, 100)}))
    assert found.difference == pytest.approx(0) and found.design_effect == pytest.approx(1)
    assert "those who answer are spread as the customers are" in found.summary()
    # what the columns explain is not left to chance
    assert found.weighted.high - found.weighted.low <= found.unweighted.high - found.unweighted.low


def test_two_columns_meet_both_margins():
    found = weighted_score(biased(1))
    for _name, rows in found.margins.groupby("column"):
        assert rows["weighted"].tolist() == pytest.approx(rows["customer_share"].tolist())
        assert rows["weighted"].sum() == pytest.approx(1)


def test_the_truth_of_a_biased_response_is_recovered():
    values = [weighted_score(biased(seed)) for seed in range(60)]
    assert np.mean([found.weighted.value for found in values]) == pytest.approx(BIASED_TRUTH, abs=2)
    assert np.mean([found.unweighted.value for found in values]) > BIASED_TRUTH + 15
    held = coverage(weighted, 40)
    assert held["weighted"] >= 0.85 and held["unweighted"] < 0.2


def test_small_groups_are_taken_together_and_empty_ones_told():
    regions = REGIONS | {"w": (2, 0, 0, 40), "e": (0, 1, 0, 60), "far": (0, 0, 0, 100)}
    found = weighted_score(given({name: split for name, split in regions.items() if sum(split[:3])}), fewest=3)
    assert set(found.table()["group"]) == {"n", "s", "Others"} and found.uncovered == 0
    told = given({name: split for name, split in regions.items() if name in ("n", "s")})
    empty = dataclasses.replace(told, customers=given(REGIONS | {"far": (1, 0, 0, 100)}).customers)
    found = weighted_score(empty)
    assert found.uncovered == pytest.approx(0.2) and "Of 20.0% of the customers nobody has answered" in found.summary()


def test_answers_without_a_name_are_left_out():
    found = weighted_score(given(REGIONS | {None: (50, 0, 0, 70)}))
    assert found.weighted.n == 150
    assert found.weighted.value == pytest.approx(-5)


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        ({"n": (5, 3, 2, 10)}, "those who answered are all of one group"),
        ({None: (5, 3, 2, 10)}, "of nobody who answered the region is known"),
        ({"n": (5, 3, 2, 0), "s": (5, 3, 2, 0)}, "of nobody who answered the region is known"),
    ],
)
def test_nothing_to_weight_by(regions, reason):
    with pytest.raises(FitError, match=reason):
        weighted_score(given(regions))


def test_no_column_and_no_answer():
    told = given()
    no_column = dataclasses.replace(told, answers=answers([9, 1], [0, 1]), missing=("region",))
    with pytest.raises(FitError, match="the client's tables lack region"):
        weighted_score(no_column)
    nobody = dataclasses.replace(told.answers, cells=told.answers.cells.head(0))
    with pytest.raises(FitError, match="nobody has answered how likely"):
        weighted_score(dataclasses.replace(told, answers=nobody))
    with pytest.raises(ValueError, match="`fewest` must be at least 1, got 0"):
        weighted_score(told, fewest=0)


def test_margins_that_no_weights_can_meet():
    # all of n are small and all of s are large, but the base says otherwise
    told = answers([9, 9, 3, 3] * 10, range(40), [0, 1, 0, 1] * 10, by="region", names=["n", "s"])
    cells = told.cells.assign(segment=["small", "large"])
    told = dataclasses.replace(told, by=("region", "segment"), cells=cells)
    base = pd.DataFrame({"region": ["n", "s", "n"], "segment": ["small", "large", "large"], "customers": [10, 10, 30]})
    with pytest.raises(FitError, match="no weights agree with all of region, segment; weight by fewer of them"):
        weighted_score(AnswerBase(told, base, "all", ()))


def test_all_promoters():
    found = weighted_score(given({"n": (20, 0, 0, 100), "s": (10, 0, 0, 300)}))
    assert (found.weighted.value, found.weighted.high) == (100, 100) and 50 < found.weighted.low < 100


def test_answers_flatter_xinglin_s_customers_and_weights_by_satisfaction_mend_it(example):
    truth = json.loads((example / "data/xinglin/truth.json").read_text(encoding="utf-8"))["nps"]["realised"]
    client = crmlab.open("xinglin")
    speak("en")
    named = [client.table(name) for name in ("surveys", "customers", "contracts")]
    options = {"until": client.as_of, "by": ["industry", "satisfaction"]}
    running, every = (weighted_score(answer_base(*named, base=base, **options)) for base in ("running", "all"))
    assert running.unweighted.low > truth["running_contracts_on_as_of"] > truth["all_customers"]
    assert running.weighted.low < truth["running_contracts_on_as_of"] < running.weighted.high
    # those who left early were less satisfied than fifths can tell; the weights go most of the way
    gap = running.unweighted.value - truth["all_customers"]
    assert every.unweighted.value - every.weighted.value > 0.7 * gap
    assert "fifth 1 of 5" in set(running.table()["group"]) and "kinder" in running.summary()


def test_all_is_translated(untranslated):
    found = weighted_score(given(REGIONS | {"far": (1, 0, 0, 100)}, base="running"))
    assert untranslated(found.summary()) == []
    assert set(untranslated(" ".join(found.table()["group"]))) <= {"n", "s", "far"}
