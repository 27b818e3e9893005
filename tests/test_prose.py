from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import prose
from crmlab.intervals import Estimate, Target, count, wilson

HOSTILE = '<script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'


def value(low=745_000, high=789_000, label="Lifetime value"):
    return Estimate(767_123, low, high, "USD", 23_570, label)


def card(estimate, **options):
    given = {name: {"metric": value} for name, value in options.items() if value is not None}
    return prose.key_figures({"metric": estimate}, **given).content["cards"][0]


def test_bottom_line_keeps_headline_and_sentences_apart():
    block = prose.bottom_line("They are worth $767,000.", "Most of it is safe.", "Lend.")
    assert block.content == {
        "type": "bottom_line",
        "headline": "They are worth $767,000.",
        "text": "Most of it is safe. Lend.",
    }
    assert block.text == "They are worth $767,000. Most of it is safe. Lend."


@pytest.mark.parametrize(
    "block",
    [
        prose.bottom_line(HOSTILE, HOSTILE),
        prose.answer(HOSTILE),
        prose.caution(HOSTILE, HOSTILE),
        prose.skipped(HOSTILE, HOSTILE),
        prose.key_figures({"cac": prose.missing(HOSTILE, HOSTILE), "clv_total": value(label=HOSTILE)}),
    ],
    ids=["bottom_line", "answer", "caution", "skipped", "key_figures"],
)
def test_text_is_never_markup(block):
    html = block._repr_mimebundle_()["text/html"]
    assert "<script" not in html and "<img" not in html
    assert "&lt;script&gt;" in html
    assert HOSTILE in block.text


def test_the_bundle_carries_text_html_and_the_report_s_own():
    bundle = prose.answer("Half came back.")._repr_mimebundle_()
    assert bundle["text/plain"] == "Half came back."
    assert bundle[prose.MIME] == {"type": "answer", "text": "Half came back."}


def test_a_key_figure_has_its_six_rows():
    before = {"value": 823_000, "unit": "USD", "label": "Lifetime value"}
    found = card(value(), targets=Target(500_000), previous=before)
    assert (found["name"], found["value"], found["unit"], found["bounds"]) == (
        "Lifetime value",
        "$767",
        "k",
        "[745, 789]",
    )
    assert found["bar"]["ends"] == ["$0", "$800k"]
    assert found["note"] == "95% interval, n = 23,570"
    assert card(replace(value(), confidence_level=0.975))["note"] == "97.5% interval, n = 23,570"
    assert found["change"] == "▼ −$56,000 since the last run"
    assert (found["state"], found["state_text"]) == ("good", "reaches the target of $500,000")


def test_values_and_bounds_share_their_unit():
    assert prose.shown(Estimate(1_234_567_890, 1.2e9, 1.3e9, "USD", 5)) == ("$1,235", "m", "[1,200, 1,300]")
    assert prose.shown(wilson(11_514, 23_570)) == ("48.9", "%", "[48.2, 49.5]")
    assert prose.shown(Estimate(-767_123, -789_000, -745_000, "USD", 5)) == ("−$767", "k", "[−789, −745]")
    assert prose.shown(Estimate(12.3, 11, 13, "months", 5)) == ("12.3", " months", "[11.0, 13.0]")
    assert prose.shown(count(2357, "customers", "Customers")) == ("2,357", "", "")


@pytest.mark.parametrize(
    ("target", "state", "words"),
    [
        (Target(0.45), "good", "reaches the target of 45%"),
        (Target(0.60), "bad", "below the target of 60%"),
        (Target(0.50), "warn", "target 50%: cannot be told yet"),
        (Target(0.70, at_most=True), "good", "within the limit of 70%"),
        (Target(0.40, at_most=True), "bad", "above the limit of 40%"),
        (Target(0.505, at_most=True), "warn", "limit 50.5%: cannot be told yet"),
        (None, "idle", "no target set"),
    ],
)
def test_a_target_is_held_against_the_whole_interval(target, state, words):
    estimate = Estimate(0.5, 0.46, 0.54, "share", 600, "Bought again")
    found = card(estimate, targets=target)
    assert (found["state"], found["state_text"]) == (state, words)
    assert found["bar"]["off"] == (state == "bad")


def test_a_figure_without_interval_says_why():
    found = card(count(23_570, "customers", "Customers"))
    assert found["bar"] is None
    assert found["note"] == "a full count, not a sample, n = 23,570"


def test_a_missing_figure_keeps_its_place():
    assert card(prose.missing("acquisition cost", "no acquisition_spend table")) == {
        "name": "Acquisition cost",
        "none": "No acquisition_spend table",
    }


@given(
    st.floats(-1e9, 1e9),
    st.floats(0, 1e9),
    st.floats(0, 1e9),
    st.sampled_from(["share", "USD", "points", "months", "ratio"]),
)
def test_interval_and_dot_stay_on_the_scale(centre, below, above, unit):
    found = card(Estimate(centre, centre - below, centre + above, unit, 10, "x"))["bar"]
    low, dot, high = (float(found[key].rstrip("%")) for key in ("l", "v", "h"))
    assert 0 <= low <= dot <= high <= 100


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"value": 0.45}, "▲ +5.0 percentage points since the last run"),
        ({"value": 0.55}, "▼ −5.0 percentage points since the last run"),
        ({"value": 0.5}, "as in the last run"),
        ({"value": None}, ""),
        ({"value": 0.45, "unit": "points"}, ""),
        ({"value": 0.45, "label": "Bought twice"}, ""),
    ],
)
def test_a_change_is_told_of_the_same_figure_alone(before, change):
    before = {"unit": "share", "label": "Bought again"} | before
    assert card(Estimate(0.5, 0.46, 0.54, "share", 600, "Bought again"), previous=before)["change"] == change


def test_targets_and_figures_of_other_notebooks_are_passed_over():
    other = {"nps": {"value": 40, "unit": "points", "label": "x"}}
    block = prose.key_figures({"clv_total": value()}, targets={"nps": Target(40)}, previous=other)
    assert block.content["cards"][0]["state"] == "idle"


def test_scales_name_a_figure_and_rise():
    with pytest.raises(ValueError, match="`scales` names 'clv', which is no key figure; known: clv_total"):
        prose.key_figures({"clv_total": value()}, scales={"clv": (0, 1)})
    with pytest.raises(ValueError, match="`scales` of 'Lifetime value' must rise"):
        prose.key_figures({"clv_total": value()}, scales={"clv_total": (1, 0)})
