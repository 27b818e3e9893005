import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.diagnosis.indicators import DEFAULTS, PARTS, PRESETS, SOURCES, Indicator, nearest
from crmlab.diagnosis.targets import indicators, told_over
from crmlab.intervals import Target


def by_name(*args, **options):
    return {each.name: each for each in indicators(*args, **options)}


def record(notebook, parameters, **labels):
    metrics = {name: {"value": 0.5, "label": label} for name, label in labels.items()}
    return {"notebook": notebook, "parameters": parameters, "metrics": metrics}


@pytest.mark.parametrize(("value", "score"), [(0.5, 0), (0.6, 0), (0.725, 50), (0.85, 100), (0.99, 100)])
def test_scores_run_from_floor_to_target_and_are_cut_at_both(value, score):
    assert Indicator("retention_rate", "retention", "", 0.6, 0.85).score(value) == pytest.approx(score)


@pytest.mark.parametrize(("value", "score"), [(30, 0), (24, 0), (14, 50), (4, 100), (1, 100)])
def test_lower_is_better_where_the_floor_lies_above_the_target(value, score):
    found = Indicator("response_median_hours", "experience", "", 24.0, 4.0)
    assert found.lower_is_better
    assert found.score(value) == pytest.approx(score)


def test_defaults_are_complete():
    assert {each.part for each in DEFAULTS} == set(PARTS)
    assert {each.source for each in DEFAULTS} == set(SOURCES)
    assert sum(weight for _label, weight in PARTS.values()) == pytest.approx(1)
    assert all(each.label for each in DEFAULTS)
    known = {each.name for each in DEFAULTS}
    assert len(known) == len(DEFAULTS)
    assert all(name in known for preset in PRESETS.values() for name in preset)


def test_churn_is_shown_and_not_scored_beside_retention():
    found = by_name()
    assert not found["churn_rate"].is_scored
    assert found["retention_rate"].is_scored
    assert "repurchase_rate" not in found


def test_presets_of_trade_and_region_go_together():
    found = by_name(["equipment_leasing", "east_asia"])
    assert found["resolution_median_hours"].target == 72
    assert found["nps"].target == 35
    assert by_name("retail") == by_name(["retail"])


def test_changes_go_before_presets_and_targets():
    changes = {"nps": {"floor": -10, "target": 60, "weight": 3}}
    found = by_name("east_asia", changes, {"nps": Target(40)})["nps"]
    assert (found.floor, found.target, found.weight) == (-10, 60, 3)


def test_a_weight_of_nothing_leaves_an_indicator_unscored():
    assert not by_name(changes={"nps": {"weight": 0}})["nps"].is_scored


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"retention": {"target": 0.9}}, "retention is not an indicator; did you mean retention_rate?"),
        ({"nps": {"tagret": 40}}, "nps has no `tagret`; did you mean target?"),
        ({"nps": {"target": "40"}}, "nps: `target` must be a number, got '40'"),
        ({"nps": {"weight": -1}}, "nps: `weight` must be at least 0, got -1"),
        ({"nps": {"floor": 50}}, "nps: `floor` and `target` must differ, both are 50"),
        ({"nps": {"floor": 60}}, "nps: `floor` must lie below `target`, got 60 and 50"),
        ({"reopen_rate": {"floor": 0.01}}, "reopen_rate: `floor` must lie above `target`"),
        ({"cac": {"target": 100}}, "cac: `floor` and `target` are given together"),
        ({"nps": 40}, "nps must hold floor, target, weight, got 40"),
    ],
)
def test_changes_that_cannot_be_meant_say_so(changes, words):
    with pytest.raises(ValueError, match="^" + words.replace("?", r"\?")):
        indicators(changes=changes)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(ValueError, match=r"equipment_lease is not a preset; did you mean equipment_leasing\?"):
        indicators("equipment_lease")


def test_the_clients_target_takes_the_place_of_the_default():
    found = by_name(targets={"csat": Target(0.9), "top_20_percent_share": Target(0.65, at_most=True)})["csat"]
    assert (found.floor, found.target) == (0.70, 0.9)


def test_a_target_that_passes_the_floor_moves_it_along():
    found = by_name(targets={"csat": Target(0.65), "reopen_rate": Target(0.25, at_most=True)})
    assert (found["csat"].floor, found["csat"].target) == (pytest.approx(0.40), 0.65)
    assert (found["reopen_rate"].floor, found["reopen_rate"].target) == (pytest.approx(0.40), 0.25)


def test_a_target_gives_ends_to_what_has_none():
    found = by_name(targets={"cac": Target(8000, at_most=True), "new_customers_per_month": Target(20)})
    assert (found["cac"].floor, found["cac"].target) == (16000, 8000)
    assert (found["new_customers_per_month"].floor, found["new_customers_per_month"].target) == (10, 20)
    with pytest.raises(ValueError, match="targets: clv_mean must be above 0, got 0"):
        indicators(targets={"clv_mean": Target(0)})


def test_a_target_against_the_direction_says_so():
    with pytest.raises(ValueError, match="targets: csat is better the higher it is; give 0.95 in its place"):
        indicators(targets={"csat": Target(0.95, at_most=True)})
    with pytest.raises(ValueError, match="targets: churn_rate is better the lower it is; give at most 0.15"):
        indicators(targets={"churn_rate": Target(0.15)})


def test_a_target_for_churn_does_not_count_it_beside_retention():
    assert not by_name(targets={"churn_rate": Target(0.15, at_most=True)})["churn_rate"].is_scored


def test_demands_on_a_year_are_told_over_the_clients_period():
    found = by_name(periods={"retention_rate": 1, "revenue_growth": 24, "expected_credit_loss_rate": 24})
    assert found["retention_rate"].target ** 12 == pytest.approx(0.85)
    assert found["retention_rate"].floor ** 12 == pytest.approx(0.60)
    assert found["revenue_growth"].target == pytest.approx(1.1**2 - 1)
    assert found["expected_credit_loss_rate"].target == pytest.approx(1 - 0.99**2)


def test_the_clients_own_target_is_for_the_metric_as_it_is_told():
    found = by_name(targets={"retention_rate": Target(0.98)}, periods={"retention_rate": 1})["retention_rate"]
    assert found.target == 0.98
    assert found.floor == pytest.approx(0.60 ** (1 / 12))


def test_who_buys_again_stands_in_for_retention_without_contracts():
    found = by_name(periods={"repurchase_rate": 12})
    assert found["repurchase_rate"].is_scored
    assert not {"retention_rate", "churn_rate"} & set(found)


def test_who_buys_again_over_another_period_is_judged_by_the_client_alone():
    found = by_name(periods={"repurchase_rate": 6})["repurchase_rate"]
    assert not found.is_scored
    assert "another period" in found.unjudged
    own = {"repurchase_rate": {"floor": 0.2, "target": 0.5}}
    for options in ({"changes": own}, {"targets": {"repurchase_rate": Target(0.5)}}):
        judged = by_name(periods={"repurchase_rate": 6}, **options)["repurchase_rate"]
        assert judged.is_scored
        assert judged.unjudged == ""


def test_periods_are_those_of_the_notebooks():
    own = {"period_months": 1, "inactivity_months": 6}
    both = record("churn_modelling", own, retention_rate="over a month", repurchase_rate="within 6 months")
    value = record("value_analysis", {"period_months": 9, "horizon_months": 12}, revenue_growth="growth")
    assert told_over(value, None, both) == {"revenue_growth": 9, "retention_rate": 1, "repurchase_rate": 6}
    purchases = record("churn_modelling", own, retention_rate="within 6 months", repurchase_rate="within 6 months")
    assert told_over(purchases) == {"repurchase_rate": 6}
    assert told_over(None) == {}


@given(st.sampled_from([each for each in DEFAULTS if each.is_scored]), st.floats(-1e3, 1e3), st.floats(0, 1e3))
def test_a_better_value_never_scores_less(indicator, value, better):
    step = -better if indicator.lower_is_better else better
    assert 0 <= indicator.score(value) <= indicator.score(value + step) + 1e-9 <= 100 + 1e-9


@given(st.floats(0.01, 1e4), st.floats(-3, 3))
def test_scores_do_not_depend_on_the_unit(factor, value):
    plain = Indicator("csat", "experience", "", 0.7, 0.95)
    scaled = Indicator("csat", "experience", "", 0.7 * factor, 0.95 * factor)
    assert scaled.score(value * factor) == pytest.approx(plain.score(value), abs=1e-6)


def test_nearest_lists_all_where_none_is_near():
    assert nearest("zzz", ["b", "a"]) == "; known: a, b"
