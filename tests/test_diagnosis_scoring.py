import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.absence import Absent, FitError
from crmlab.diagnosis.indicators import PARTS, Indicator
from crmlab.diagnosis.scoring import diagnose
from crmlab.diagnosis.targets import indicators
from crmlab.diagnosis.weighing import RATINGS, letters
from crmlab.intervals import Estimate, wilson

CSAT = Indicator("csat", "experience", "nps_analysis", 0.70, 0.95, 2, "Satisfaction (CSAT)")
NPS = Indicator("nps", "experience", "nps_analysis", -20.0, 50.0, 1, "NPS")
KEPT = Indicator("retention_rate", "retention", "churn_modelling", 0.60, 0.85, 3, "Retention rate")
CAC = Indicator("cac", "value", "value_analysis", label="CAC")
THREE = (CSAT, NPS, KEPT)


def estimate(value, half=None, unit="share", n=400, label="", **options):
    if half is None:
        return Estimate(value, None, None, unit, n, label, no_interval="a full count, not a sample", **options)
    return Estimate(value, value - half, value + half, unit, n, label, **options)


FOUND = {
    "csat": estimate(0.85, 0.03, label="satisfaction"),
    "nps": estimate(15.0, 7.0, "points", label="NPS"),
    "retention_rate": estimate(0.75, label="retention"),
    "cac": estimate(800.0, 20, "EUR", label="CAC"),
}


def test_three_indicators_by_hand():
    found = diagnose(FOUND, THREE)
    # satisfaction 60 and NPS 50 with weights 2 and 1; retention 60; both parts weigh alike
    parts = found.parts.set_index("part")["score"]
    assert parts["experience"].value == pytest.approx((2 * 60 + 50) / 3)
    assert parts["retention"].value == pytest.approx(60)
    assert found.score.value == pytest.approx((170 / 3 + 60) / 2)
    assert found.lines["weight"].tolist() == pytest.approx([1 / 3, 1 / 6, 1 / 2])
    assert [score.value for score in found.lines["score"]] == pytest.approx([60, 50, 60])
    assert found.scored["loss"].tolist() == pytest.approx([20, 40 / 3, 25 / 3])
    assert found.rating == "C"
    assert found.coverage == pytest.approx(1)
    assert found.score.n == 3


def test_an_indicators_interval_is_scored_as_its_value():
    score = diagnose(FOUND, THREE).lines["score"].iloc[0]
    assert (score.low, score.high) == (pytest.approx(48), pytest.approx(72))


def test_one_indicator_gives_the_score_its_own_interval():
    found = diagnose({"csat": FOUND["csat"]}, [CSAT], draws=40_000).score
    assert (found.low, found.high) == (pytest.approx(48, abs=0.4), pytest.approx(72, abs=0.4))


def test_full_counts_are_known():
    found = diagnose({"retention_rate": FOUND["retention_rate"]}, THREE)
    assert found.score.low is None
    assert found.score.no_interval == "the same all over its indicators’ intervals"
    assert found.rating_probabilities == {"A": 0, "B": 0, "C": 1, "D": 0, "E": 0}


def test_intervals_at_another_level_are_as_wide_as_they_say():
    narrow = {"csat": estimate(0.85, 0.03, confidence_level=0.6)}
    assert diagnose(narrow, [CSAT]).score.low < diagnose({"csat": FOUND["csat"]}, [CSAT]).score.low - 5


def test_what_is_missing_lowers_coverage_and_not_the_score():
    without = {name: value for name, value in FOUND.items() if name != "retention_rate"}
    found = diagnose(without, THREE)
    assert found.score.value == pytest.approx(170 / 3)
    assert found.coverage == pytest.approx(0.5)
    assert found.missing[["name", "reason"]].values.tolist() == [["retention_rate", "no report gives it"]]
    assert found.missing["weight"].tolist() == pytest.approx([0.5])
    assert found.parts.set_index("part")["score"]["retention"] is None
    assert "Of 4 parts nothing can be scored: Customer understanding, Customer value, " in found.summary()


def test_what_is_missing_says_why():
    absent = FOUND | {"retention_rate": Absent("there is no contract")}
    assert diagnose(absent, THREE).missing["reason"].tolist() == ["there is no contract"]
    reasons = {"nps_analysis": "the client supplies no table surveys", "nps": "nobody was asked"}
    found = diagnose({"retention_rate": FOUND["retention_rate"]}, THREE, reasons=reasons)
    assert found.missing["reason"].tolist() == ["the client supplies no table surveys", "nobody was asked"]


def test_a_rating_on_less_than_half_is_provisional():
    known = FOUND | {name: estimate(0.5, 0.05) for name in ("renewal_rate", "conversion_rate", "top_10_share")}
    found = diagnose(known, indicators())
    assert 0.25 < found.coverage < 0.5
    assert found.headline().startswith("Provisionally rated ")
    assert "the rating is provisional" in found.summary()
    assert "provisional" not in diagnose(FOUND, THREE).summary()


def test_a_score_on_less_than_a_quarter_has_no_rating():
    found = diagnose({"csat": FOUND["csat"]}, indicators())
    assert found.headline() == "Not rated: only 6% of what is judged is known; it scores 60 of 100 points."
    assert "too little for a rating" in found.summary()
    assert found.rating is None and "rating" not in found.metrics() and found.certainty() == ""
    assert isinstance(found.rating_table(), Absent)
    assert found.robustness() == "Too little is known for a rating."


def test_a_metric_over_another_period_is_shown_and_missing():
    judged = indicators(periods={"repurchase_rate": 6})
    found = diagnose(FOUND | {"repurchase_rate": estimate(0.5, 0.02)}, judged)
    row = found.missing.set_index("name").loc["repurchase_rate"]
    assert row["reason"].startswith("told over another period")
    assert "Repurchase rate, 6 months" in found.shown_table()["indicator"].tolist()


def test_nothing_to_score_says_so():
    with pytest.raises(FitError, match="no indicator that is scored could be computed"):
        diagnose({"cac": FOUND["cac"]}, [*THREE, CAC])


def test_shown_indicators_have_no_weight_in_the_score():
    with_cac = diagnose(FOUND, [*THREE, CAC])
    assert with_cac.score == diagnose(FOUND, THREE).score
    assert with_cac.shown_table().values.tolist() == [["CAC", "Customer value", "€800 [780, 820]"]]
    assert with_cac.table()["indicator"].tolist() == ["Satisfaction (CSAT)", "NPS", "Retention rate"]


def test_the_table_tells_ends_in_the_indicators_unit():
    rows = diagnose(FOUND, THREE).table()
    assert rows["floor"].tolist() == ["70%", "−20 points", "60%"]
    assert rows["target"].tolist() == ["95%", "50 points", "85%"]
    assert rows[["low", "high"]].iloc[2].tolist() == pytest.approx([60, 60])
    assert "change" not in rows


def test_change_is_that_of_the_same_metric_alone():
    before = {
        "csat": {"value": 0.80, "unit": "share", "label": "satisfaction"},
        "nps": {"value": 10.0, "unit": "points", "label": "another score"},
        "retention_rate": {"value": None, "unit": "share", "label": "retention"},
    }
    change = diagnose(FOUND, THREE, before=before).table()["change"]
    assert change.iloc[0] == pytest.approx(20)
    assert change.iloc[1:].isna().all()


def test_words_say_where_points_are_lost():
    assert diagnose(FOUND, THREE).losses() == (
        "Most points are lost on Retention rate (20.0 points: 75.0%, target 85%); "
        "Satisfaction (CSAT) (13.3 points: 85.0%, target 95%); NPS (8.3 points: 15.0 points, target 50 points)."
    )
    best = {"csat": estimate(0.99)}
    assert diagnose(best, [CSAT]).losses() == "Every indicator that is scored reaches its target."


def test_probabilities_and_robustness_are_shares():
    found = diagnose(FOUND, THREE)
    for shares in (found.rating_probabilities, found.rating_under_other_weights):
        assert list(shares) == list(RATINGS)
        assert sum(shares.values()) == pytest.approx(1)
    # scores of 50 to 60 stay in C whatever the weights
    assert found.rating_under_other_weights["C"] == 1
    assert found.robustness() == "With every weight halved to doubled at random, the rating stays C."
    assert 0.5 < found.rating_probabilities["C"] <= 1


def test_weights_that_matter_are_told():
    apart = {"csat": estimate(0.95), "retention_rate": estimate(0.62)}
    found = diagnose(apart, THREE)
    assert found.score.value == pytest.approx(54)
    assert found.rating_under_other_weights["C"] < 0.9
    assert found.robustness().startswith("With every weight halved to doubled at random, ")
    assert "of trials keep the rating C (" in found.robustness()


def test_bands_and_weights_of_the_client():
    assert diagnose(FOUND, THREE, bands={"good": 58, "bad": 0}).rating == "good"
    found = diagnose(FOUND, THREE, part_weights={"experience": 0.6, "retention": 0.2})
    assert found.score.value == pytest.approx((3 * 170 / 3 + 60) / 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bands": {"A": 50, "B": 80, "C": 0}}, "`bands` must fall from at most 100 to 0"),
        ({"bands": {"A": 80, "B": 10}}, "`bands` must fall"),
        ({"bands": {"A": "high", "B": 0}}, "`bands` must give each letter its least score"),
        ({"part_weights": {"experiences": 1}}, r"experiences, which is no part; did you mean experience\?"),
        ({"part_weights": {"risk": -1}}, "risk must be a number of at least 0, got -1"),
        ({"part_weights": {"experience": 0, "retention": 0}}, "must be above 0 for a part"),
    ],
)
def test_misuse_says_what_is_wrong(options, words):
    with pytest.raises(ValueError, match=words):
        diagnose(FOUND, THREE, **options)


def test_a_score_on_the_border_has_the_better_letter():
    assert letters([80 - 1e-9, 79.999, 0, 100], RATINGS).tolist() == ["A", "B", "E", "A"]


def test_metrics_are_published_by_name_with_each_indicator_unchanged():
    found = diagnose(FOUND, [*THREE, CAC])
    metrics = found.metrics()
    assert metrics["overall_score"].unit == "points"
    assert metrics["rating"].to_dict()["value"] == "C"
    assert {"score_experience", "score_retention"} <= set(metrics)
    assert "score_risk" not in metrics
    assert set(found.scales()) == {"overall_score", "score_experience", "score_retention"}
    for name, value in FOUND.items():
        assert metrics[name] is value
    json.dumps({name: metric.to_dict() for name, metric in metrics.items()}, allow_nan=False)
    json.dumps(found.entry(), allow_nan=False)


def test_the_entry_adds_up_to_the_score():
    found = diagnose(FOUND, THREE)
    held = found.entry()["score"]["indicators"]
    assert sum(each["weight"] * each["score"] for each in held.values()) == pytest.approx(found.score.value)


shares = st.floats(0, 1)


@given(st.lists(shares, min_size=3, max_size=3), st.integers(0, 2), shares)
def test_a_better_input_never_lowers_the_score_nor_a_parts(values, place, better):
    def scores(of):
        scaled = [of[0], 100 * of[1], of[2]]
        found = {each.name: count_like(value) for each, value in zip(THREE, scaled, strict=True)}
        result = diagnose(found, THREE, draws=2)
        return [result.score.value, *(score.value for score in result.parts["score"] if score is not None)]

    improved = [value + better * (place == at) for at, value in enumerate(values)]
    assert all(new >= old - 1e-9 for old, new in zip(scores(values), scores(improved), strict=True))


def count_like(value):
    return Estimate(value, None, None, "share", 10, no_interval="a full count, not a sample")


@given(st.permutations(THREE))
def test_the_order_of_indicators_does_not_matter(order):
    plain, other = diagnose(FOUND, THREE, draws=200), diagnose(FOUND, order, draws=200)
    for end in ("value", "low", "high"):
        assert getattr(plain.score, end) == pytest.approx(getattr(other.score, end))
    assert plain.rating_probabilities == other.rating_probabilities
    assert plain.rating_under_other_weights == other.rating_under_other_weights


@given(st.floats(1e-3, 1e3))
def test_the_unit_of_an_indicator_does_not_matter(factor):
    scaled = Indicator("csat", "experience", "nps_analysis", 0.70 * factor, 0.95 * factor, 2, "CSAT")
    found = diagnose(FOUND | {"csat": estimate(0.85 * factor, 0.03 * factor)}, (scaled, NPS, KEPT), draws=200)
    plain = diagnose(FOUND, THREE, draws=200)
    assert found.score.value == pytest.approx(plain.score.value)
    assert found.score.low == pytest.approx(plain.score.low)


@given(st.sets(st.sampled_from([each.name for each in indicators() if each.is_scored]), min_size=1), shares)
def test_scores_and_coverage_stay_in_bounds_whatever_is_missing(names, value):
    found = diagnose({name: wilson(round(50 * value), 50) for name in names}, indicators(), draws=50)
    for score in [found.score, *found.parts["score"].dropna()]:
        assert 0 <= score.value <= 100
        assert score.low is None or 0 <= score.low <= score.value <= score.high <= 100
    assert 0 < found.coverage <= 1
    assert len(found.missing) + found.score.n == sum(each.is_scored for each in indicators())
    assert found.lines["weight"].sum() == pytest.approx(1)
    assert len(found.parts) == len(PARTS)


def test_the_interval_covers_a_known_truth():
    rng, truth, n, hits = np.random.default_rng(1), (0.80, 0.72, 0.83), 300, 0
    judged = [Indicator(f"share{place}", part, "", 0.6, 0.9) for place, part in enumerate(("value", "value", "risk"))]
    right = diagnose({f"share{place}": count_like(share) for place, share in enumerate(truth)}, judged).score.value
    for drawn in rng.binomial(n, truth, (120, 3)):
        found = diagnose({f"share{place}": wilson(k, n) for place, k in enumerate(drawn)}, judged, draws=400).score
        hits += found.low <= right <= found.high
    assert 0.90 <= hits / 120 <= 0.99


def test_inputs_are_left_as_they_are():
    held = dict(FOUND)
    diagnose(held, THREE)
    assert held == FOUND
