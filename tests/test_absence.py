"""What cannot be had stands for itself until it is shown."""

import copy
import json

import pytest

from crmlab import plots, prose, tables
from crmlab.absence import Absent, FitError, attempt, first, given
from crmlab.intervals import Estimate, wilson

NOBODY = Absent("nobody came back")


def refuse(*_given, **_options):
    raise FitError("there is nothing to fit")


def test_a_result_that_can_be_had_is_itself():
    assert attempt(sorted, [2, 1], reverse=True) == [2, 1]
    assert given([1]) == [1] and given(NOBODY) is None


def test_data_that_cannot_carry_it_and_arguments_that_are_absent_make_it_absent():
    assert attempt(refuse, 1).reason == "there is nothing to fit"
    assert attempt(refuse, NOBODY) is NOBODY and attempt(sorted, [1], reverse=NOBODY) is NOBODY


def test_other_errors_are_not_swallowed():
    with pytest.raises(TypeError):
        attempt(sorted, 5)


def test_whatever_is_asked_of_it_is_absent_for_the_same_reason():
    assert NOBODY.total.value is NOBODY and NOBODY.summary() is NOBODY and NOBODY["clv"] is NOBODY
    assert not NOBODY and repr(NOBODY) == "<absent: nobody came back>"
    assert {"a": 1} | NOBODY == {"a": 1} == NOBODY | {"a": 1}
    assert list(NOBODY) == []
    for name in ("_repr_html_", "__array__", "_repr_mimebundle_"):
        assert not hasattr(NOBODY, name)
    assert copy.copy(NOBODY).reason == NOBODY.reason


def test_an_answer_says_why_it_is_left_out_and_shows_what_there_is():
    block = prose.answer(NOBODY.summary(), NOBODY)
    assert block.content == {"type": "skipped", "title": "Left out.", "text": "Nobody came back."}
    assert prose.answer(NOBODY, "Half came back.").content == {"type": "answer", "text": "Half came back."}


def test_a_bottom_line_begins_with_the_first_verdict_there_is():
    block = prose.bottom_line(NOBODY.summary(), "Few bring much.", NOBODY, "Lend.")
    assert block.content["headline"] == "Few bring much."
    assert block.content["text"] == "Lend. This verdict is a partial one: nobody came back."
    assert prose.bottom_line(NOBODY).content["headline"] == "This verdict is a partial one: nobody came back."
    assert prose.bottom_line("A.", NOBODY, "B.").content["text"] == "B."


def test_key_figures_leave_out_what_is_absent():
    share = wilson(1, 4, label="Bought again")
    block = prose.key_figures({"clv_total": NOBODY.total, "repeat_share": share}, scales={"clv_total": (0, 1)})
    assert [card["name"] for card in block.content["cards"]] == ["Bought again"]


def test_tables_figures_and_cautions_of_it_show_nothing():
    shown = (
        tables.table(NOBODY.table(), title="T"),
        tables.of(NOBODY, title="T"),
        plots.figure(plots.rfm_map, NOBODY),
        prose.caution("Beware.", NOBODY.advice()),
    )
    for block in shown:
        assert block.content == {"type": "nothing"} and block.text == "" and block.html == ""
        json.dumps(block._repr_mimebundle_())


def test_an_estimate_is_never_taken_for_absent():
    assert Estimate(0.0, None, None, "share", 0, "x", no_interval="none")


def test_the_first_that_is_there_is_taken():
    assert first(Absent("no contracts"), 3, 5) == 3
    assert first({}, 5) == {}
    assert first(Absent("no contracts"), Absent("no purchases")).reason == "no purchases"
