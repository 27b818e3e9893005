import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab import prose
from crmlab.intervals import Estimate, count, wilson

HOSTILE = '<script>window.XSS=1</script>"><img src=x onerror=window.XSS=1>'


def value(low=745_000, high=789_000, label="Lifetime value"):
    return Estimate(767_123, low, high, "USD", 23_570, label)


def card(estimate, **options):
    return prose.key_figures(estimate, **options).content["cards"][0]


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
        prose.key_figures(prose.missing(HOSTILE, HOSTILE), value(label=HOSTILE)),
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
    found = card(value(), targets={"Lifetime value": 500_000}, previous={"Lifetime value": 823_000})
    assert (found["name"], found["value"], found["unit"], found["bounds"]) == (
        "Lifetime value",
        "$767",
        "k",
        "[745, 789]",
    )
    assert found["bar"]["ends"] == ["$0", "$800k"]
    assert found["note"] == "95% interval, n = 23,570"
    assert found["change"] == "▼ −$56,000"
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
        (0.45, "good", "reaches the target of 45%"),
        (0.60, "bad", "below the target of 60%"),
        (0.50, "warn", "target 50%: cannot be told yet"),
        (("at most", 0.70), "good", "within the limit of 70%"),
        (("at most", 0.40), "bad", "above the limit of 40%"),
        (("at most", 0.50), "warn", "limit 50%: cannot be told yet"),
        (None, "idle", "no target set"),
    ],
)
def test_a_target_is_held_against_the_whole_interval(target, state, words):
    estimate = Estimate(0.5, 0.46, 0.54, "share", 600, "Bought again")
    found = card(estimate, targets={} if target is None else {"Bought again": target})
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


def test_unknown_labels_and_directions_are_named():
    with pytest.raises(
        ValueError, match="`targets` names 'Lifetime vale', which is no key figure; known: Lifetime value"
    ):
        prose.key_figures(value(), targets={"Lifetime vale": 1})
    with pytest.raises(ValueError, match="'at least' or 'at most', got 'below' for 'Lifetime value'"):
        prose.key_figures(value(), targets={"Lifetime value": ("below", 1)})
    with pytest.raises(ValueError, match="`scales` of 'Lifetime value' must rise"):
        prose.key_figures(value(), scales={"Lifetime value": (1, 0)})
