import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from crmlab.intervals import Estimate
from crmlab.suppression import hidden_cells, suppressed

counts_of_groups = st.lists(st.integers(0, 40), min_size=1, max_size=9)


def ranges(cells, lines, bounds):
    """Lowest and highest value of each cell, from sums of them that are known; by linear programming alone."""
    found = []
    for place in range(len(cells)):
        ends = []
        for sign in (1, -1):
            goal = [sign * (at == place) for at in range(len(cells))]
            solved = linprog(
                goal,
                A_eq=[[at in line for at in range(len(cells))] for line, _total in lines] or None,
                b_eq=[total for _line, total in lines] or None,
                bounds=bounds,
            )
            assert solved.status in (0, 3)
            ends.append(sign * solved.fun if solved.status == 0 else -sign * np.inf)
        found.append(tuple(ends))
    return found


def known_bounds(counts, hidden, min_group):
    """What a reader knows who knows the rule, and of each hidden cell whether it is small."""
    few = (1, min_group - 1)
    return [few if hide and n < min_group else (min_group, None) if hide else (n, n) for n, hide in zip(counts, hidden)]  # noqa: B905


@settings(max_examples=60)
@given(counts_of_groups, st.integers(3, 8))
def test_no_hidden_group_is_told_by_the_others_and_the_total(counts, min_group):
    hidden, shown = hidden_cells(counts, [range(len(counts))], min_group=min_group)
    assert all(hide for n, hide in zip(counts, hidden, strict=True) if 0 < n < min_group)
    lines = [(range(len(counts)), sum(counts))] if shown[0] else []
    for hide, (low, high) in zip(hidden, ranges(counts, lines, known_bounds(counts, hidden, min_group)), strict=True):
        assert not hide or high - low >= 1


@given(counts_of_groups, st.integers(3, 8))
def test_what_is_hidden_of_a_shown_total_is_no_small_group_itself(counts, min_group):
    hidden, shown = hidden_cells(counts, [range(len(counts))], min_group=min_group)
    together = sum(n for n, hide in zip(counts, hidden, strict=True) if hide)
    assert together == 0 or together >= min_group or not shown[0]


@given(counts_of_groups)
def test_nothing_is_hidden_without_a_small_group(counts):
    counts = [n if n == 0 else n + 5 for n in counts]
    hidden, shown = hidden_cells(counts, [range(len(counts))])
    assert not hidden.any() and shown.all()


@settings(max_examples=40)
@given(st.integers(2, 4), st.integers(2, 4), st.data())
def test_no_hidden_cell_of_a_cross_table_is_told_by_rows_and_columns(height, width, data):
    counts = data.draw(st.lists(st.integers(0, 14), min_size=height * width, max_size=height * width))
    sums = [[row * width + at for at in range(width)] for row in range(height)]
    sums += [[row * width + at for row in range(height)] for at in range(width)]
    hidden, shown = hidden_cells(counts, sums)
    assert all(hide for n, hide in zip(counts, hidden, strict=True) if 0 < n < 5)
    lines = [(line, sum(counts[cell] for cell in line)) for line, told in zip(sums, shown, strict=True) if told]
    for hide, (low, high) in zip(hidden, ranges(counts, lines, known_bounds(counts, hidden, 5)), strict=True):
        assert not hide or high - low >= 1


def test_the_checks_above_find_a_cell_that_is_told():
    """Hiding the small cell alone: the total tells it."""
    assert ranges([2, 30], [(range(2), 32)], [(0, None), (30, 30)])[0] == (2, 2)


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([3, 50, 20, 100], [True, False, True, False]),
        # 6 with the five: whoever knows that five are the fewest shown knows the one
        ([1, 5, 30, 40], [True, True, True, False]),
        # together they are 4: a small group again
        ([2, 2, 9, 40], [True, True, True, False]),
        ([0, 50, 20], [False, False, False]),
        ([4, 3, 50], [True, True, False]),
        # of two small ones that are 8 together each is 4
        ([4, 4, 50], [True, True, True]),
    ],
)
def test_the_smallest_groups_are_hidden_with_the_small_ones(counts, hidden):
    assert hidden_cells(counts, [range(len(counts))])[0].tolist() == hidden


def test_where_nothing_is_left_to_hide_the_total_goes():
    hidden, shown = hidden_cells([3], [[0]])
    assert hidden.tolist() == [True] and shown.tolist() == [False]


def test_a_group_of_one_cannot_be_hidden_from_who_knows_the_rule():
    with pytest.raises(ValueError, match="`min_group` must be at least 3, or 1"):
        hidden_cells([1, 9], [[0, 1]], min_group=2)


FRAME = pd.DataFrame(
    {
        "region": ["North", "South", "East", "West", "All"],
        "customers": [3, 60, 25, 25, 113],
        "revenue": [10.0, 500.0, 90.0, 80.0, 680.0],
        "score": [Estimate(0.5, 0.4, 0.6, "share", 3), None, None, None, None],
        "action": ["call", "call", None, "write", ""],
        "lost": [0, 3, 0, 1, 4],
    }
)


def test_figures_go_and_texts_stay():
    found, rows = suppressed(FRAME, total=True)
    # East as well as North: of two groups of the same size the first by name; West, as two of nobody lost are told
    assert rows.tolist() == [True, False, True, True, False]
    for name in ("region", "action"):
        pd.testing.assert_series_equal(found[name].astype(object), FRAME[name].astype(object))
    assert found.loc[rows, ["customers", "revenue", "score", "lost"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(found[~rows].astype(object), FRAME[~rows].astype(object))
    assert FRAME["customers"].tolist() == [3, 60, 25, 25, 113]


def test_a_total_of_few_is_hidden():
    found, rows = suppressed(pd.DataFrame({"g": ["a", "all"], "customers": [3, 3]}), total=True)
    assert rows.all() and found["customers"].isna().all()


def test_counts_may_be_estimates_or_empty():
    frame = pd.DataFrame({"g": ["a", "b", "c", "d"], "customers": [Estimate(n, None, None, "", n, no_interval="counted") for n in (2, 9, 50)] + [None]})  # fmt: skip  # noqa: E501
    assert suppressed(frame)[1].tolist() == [True, True, False, True]


def test_a_frame_without_small_groups_is_left_as_it_is():
    frame = FRAME.drop(0)
    assert suppressed(frame, total=True)[0] is frame


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=2, max_size=7), st.randoms())
def test_two_tables_of_the_same_groups_tell_no_more_than_one(groups, random):
    """The same groups in another order, with another column: what one shows and the other hides is put together."""
    names = [f"g{place}" for place in range(len(groups))]
    first = pd.DataFrame({"group": names, "customers": [n for n, _lost in groups]})
    second = first.assign(lost=[lost for _n, lost in groups]).sample(frac=1, random_state=random.randrange(1000))
    counts = first["customers"].tolist()
    told = [set(table.loc[~rows, "group"]) for table, rows in (suppressed(first), suppressed(second))]
    either = [name not in told[0] | told[1] for name in names]
    small = [0 < n < 5 for n in counts]
    assert all(hide for hide, few in zip(either, small, strict=True) if few)
    left = sum(n for n, hide in zip(counts, either, strict=True) if hide)
    lines = [(range(len(counts)), sum(counts))] if left >= 5 else []
    if not lines or all(hide or n == 0 for n, hide in zip(counts, either, strict=True)):
        return  # every group is hidden, and with them the total
    for hide, (low, high) in zip(either, ranges(counts, lines, known_bounds(counts, either, 5)), strict=True):
        assert not hide or high - low >= 1


def test_groups_and_groups_of_groups_can_be_judged_together():
    """Industries by region in one table, regions by themselves in another: each region is a sum of the first."""
    counts = [2, 12, 30, 8, 9, 20]
    sums = [[0, 1, 2], [3, 4, 5], range(6)]
    hidden, shown = hidden_cells(counts, sums)
    # the region's total is told by the other table: hiding goes on within the region
    assert hidden.tolist() == [True, True, False, False, False, False] and shown.all()
    values = [(a, b) for a, b in itertools.product(range(1, 5), range(5, 60)) if a + b == 14]
    assert len({a for a, _b in values}) > 1
