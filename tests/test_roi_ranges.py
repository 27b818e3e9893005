"""Stated ranges: their quantiles, what a file may say, and draws that go together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmlab.roi.ranges import Range, draw_together, read_ranges

LEVELS = np.linspace(0.001, 0.999, 101)
PERT, TRIANGLE = Range(0.9, 1.0, 1.3), Range(0.9, 1.0, 1.3, "triangular")


def test_shapes_are_those_of_scipy():
    beta = stats.beta(2, 4, 0.9, 0.4)
    assert PERT.quantile(LEVELS) == pytest.approx(stats.beta(1 + 4 * 0.25, 1 + 4 * 0.75, 0.9, 0.4).ppf(LEVELS))
    assert beta.mean() == pytest.approx((0.9 + 4 * 1.0 + 1.3) / 6)
    assert TRIANGLE.quantile(LEVELS) == pytest.approx(stats.triang(0.25, 0.9, 0.4).ppf(LEVELS))


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=3).map(sorted), st.sampled_from(["pert", "triangular"]))
def test_quantiles_rise_within_the_range(ends, shape):
    values = Range(*ends, shape).quantile(np.array([0, *LEVELS, 1]))
    slack = 1e-9 * (1 + abs(ends[2] - ends[0]))
    assert (np.diff(values) >= -slack).all()
    assert values[[0, -1]] == pytest.approx([ends[0], ends[2]], abs=slack)


def test_reads_what_a_file_says():
    found = read_ranges(
        {"licence": {"low": 0.9, "high": 1.3}, "rate": {"low": 0, "mode": 0.1, "high": 0.2, "shape": "triangular"}},
        likely={"licence": 1.0, "rate": 0.08},
    )
    assert found == {"licence": PERT, "rate": Range(0.0, 0.1, 0.2, "triangular")}


def test_draws_have_their_shape_and_the_stated_rank_correlation():
    quantiles = {"a": PERT.quantile, "b": TRIANGLE.quantile, "c": PERT.quantile}
    drawn = draw_together(
        quantiles, correlations=[["a", "b", 0.6], ["b", "c", -0.5]], draws=100_000, rng=np.random.default_rng(1)
    )
    assert stats.spearmanr(drawn["a"], drawn["b"])[0] == pytest.approx(0.6, abs=0.01)
    assert stats.spearmanr(drawn["b"], drawn["c"])[0] == pytest.approx(-0.5, abs=0.01)
    assert stats.spearmanr(drawn["a"], drawn["c"])[0] == pytest.approx(0, abs=0.02)
    assert np.quantile(drawn["b"], LEVELS) == pytest.approx(TRIANGLE.quantile(LEVELS), abs=0.004)
    assert drawn["a"].min() >= 0.9 and drawn["a"].max() <= 1.3


def test_terms_that_move_as_one():
    drawn = draw_together(
        {"a": PERT.quantile, "b": PERT.quantile}, correlations=[["a", "b", 1]], draws=100, rng=np.random.default_rng(1)
    )
    assert drawn["a"] == pytest.approx(drawn["b"], abs=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"staff": {"low": 1, "high": 2}}, "names 'staff', which the programme has not; it has licence"),
        ({"licence": {"low": 1}}, "`ranges` of licence must give low and high"),
        ({"licence": {"low": 1, "high": 2, "hi": 3}}, "`ranges` of licence must give low and high"),
        ({"licence": {"low": 1.2, "high": 2}}, "`ranges` of licence: a range must have low <= mode <= high, got 1.2"),
        ({"licence": {"low": 0, "high": 2, "shape": "flat"}}, "of licence: the shape of a range must be triangular"),
        ({"licence": {"low": "x", "high": 2}}, "`ranges` of licence: could not convert"),
        ({"licence": {"low": 0, "high": float("inf")}}, "of licence: a range must be of finite numbers"),
    ],
)  # fmt: skip
def test_says_what_is_wrong_with_a_range(given, message):
    with pytest.raises(ValueError, match=message):
        read_ranges(given, likely={"licence": 1.0})


@pytest.mark.parametrize(
    ("correlations", "message"),
    [
        ([["a", "b"]], "must be of two terms and a number each"),
        (["a b"], "must be of two terms and a number each"),
        ([["a", "d", 0.5]], "names 'd', which has no range; there are a, b, c"),
        ([["a", "a", 0.5]], "must join two terms by a number from -1 to 1"),
        ([["a", "b", 1.5]], "must join two terms by a number from -1 to 1"),
        ([["a", "b", 0.9], ["b", "c", 0.9], ["a", "c", -0.9]], "`correlations` contradict one another"),
    ],
)
def test_says_what_is_wrong_with_a_correlation(correlations, message):
    with pytest.raises(ValueError, match=message):
        draw_together(
            dict.fromkeys("abc", PERT.quantile), correlations=correlations, draws=10, rng=np.random.default_rng(0)
        )
