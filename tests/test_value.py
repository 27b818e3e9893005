"""Concentration and repeat purchases, against hand-computed cases, published data, laws and simulation."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import value

revenues = st.lists(st.integers(0, 10_000).map(lambda cents: cents / 100), min_size=1, max_size=60).filter(any)


def test_hand_case():
    result = value.concentration([5, 60, 10, 20, 5], unit="EUR")
    assert result.top_share.value == pytest.approx(0.6)
    assert result.gini.value == pytest.approx(0.5)
    assert result.half.value == pytest.approx(0.5 / 0.6 / 5)
    assert result.eighty.value == pytest.approx(2 / 5)
    assert (result.n, result.total, result.negatives, result.unit) == (5, 100.0, 0, "EUR")
    assert result.curve["customer_share"].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert result.curve["revenue_share"].tolist() == pytest.approx([0, 0.6, 0.8, 0.9, 0.95, 1])


def test_top_share_takes_a_part_of_the_last_customer():
    assert value.concentration([6, 3, 1], top=0.2).top_share.value == pytest.approx(0.6 * 0.6)
    assert value.concentration([6, 3, 1], top=0.5).top_share.value == pytest.approx(0.6 + 0.5 * 0.3)


def test_all_equal():
    result = value.concentration([7.3] * 40)
    assert result.top_share.value == pytest.approx(0.2)
    assert result.gini.value == pytest.approx(0, abs=1e-12)
    assert result.half.value == pytest.approx(0.5)
    assert result.gini.low is None and result.gini.no_interval == "all customers bring the same"


def test_one_brings_all():
    result = value.concentration([0] * 99 + [5])
    assert result.top_share.value == 1 and result.top_share.low is None
    assert result.gini.value == pytest.approx(0.99)
    assert result.half.value == pytest.approx(0.005)


def test_one_customer():
    result = value.concentration([3.0])
    assert (result.top_share.value, result.gini.value, result.half.value) == pytest.approx((0.2, 0, 0.5))
    assert result.top_share.no_interval == "fewer than 10 customers"


@pytest.mark.parametrize(
    ("revenue", "message"),
    [
        ([], "`revenue` must hold one number per customer, got none"),
        ([0, 0, -1], "`revenue` must be above zero for at least one customer, got none among 3"),
        ([1, float("nan"), float("inf")], "`revenue` must be finite, got 2 values"),
    ],
)
def test_revenue_that_has_no_concentration(revenue, message):
    with pytest.raises(ValueError, match=message):
        value.concentration(revenue)


@pytest.mark.parametrize("top", [0, 1, -0.1, 20])
def test_top_is_a_share(top):
    with pytest.raises(ValueError, match=f"`top` must lie between 0 and 1, got {top}"):
        value.concentration([1, 2], top=top)


def test_confidence_level_is_checked_even_without_an_interval():
    with pytest.raises(ValueError, match="`confidence_level` must lie between 0 and 1, got 95"):
        value.concentration([1, 2], confidence_level=95)


def test_negatives_count_as_zero_and_are_told():
    result = value.concentration([10, -4, 5, -1])
    assert result.negatives == 2 and result.total == 15
    assert result.gini.value == value.concentration([10, 0, 5, 0]).gini.value
    assert result.summary().endswith("2 customers whose refunds exceed their purchases count as zero.")
    assert "One customer whose refunds exceed the purchases counts" in value.concentration([10, -4]).summary()


def test_input_is_not_changed():
    revenue = pd.Series([3.0, -1.0, 2.0])
    value.concentration(revenue)
    assert revenue.tolist() == [3.0, -1.0, 2.0]


@given(revenues, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_laws_of_concentration(revenue, random):
    base = value.concentration(revenue)
    shuffled = random.sample(revenue, len(revenue))
    for other in (shuffled, [12.5 * each for each in revenue], revenue * 3):
        same = value.concentration(other)
        assert same.top_share.value == pytest.approx(base.top_share.value, abs=1e-9)
        assert same.gini.value == pytest.approx(base.gini.value, abs=1e-9)
        assert same.half.value == pytest.approx(base.half.value, abs=1e-9)
    assert 0.2 - 1e-9 <= base.top_share.value <= 1
    assert 0 <= base.gini.value <= 1 - 1 / len(revenue) + 1e-9
    assert 0 < base.half.value <= 0.5 + 1e-9
    for estimate in (base.top_share, base.gini, base.half, base.eighty):
        assert estimate.low is None or 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@given(revenues)
@settings(deadline=None, max_examples=40)
def test_curve_is_concave_and_ends_at_one(revenue):
    curve = value.concentration(revenue).curve
    assert curve.iloc[0].tolist() == [0, 0]
    assert curve.iloc[-1].tolist() == pytest.approx([1, 1])
    slope = np.diff(curve["revenue_share"]) / np.diff(curve["customer_share"])
    assert (np.diff(slope) <= 1e-6).all() and (slope >= -1e-9).all()


@pytest.mark.parametrize("n", [5, 200, 201, 202, 4_999])
@pytest.mark.parametrize("top", [0.2, 0.123])
def test_curve_is_thinned_but_keeps_the_top_share(n, top):
    result = value.concentration(np.random.default_rng(n).gamma(0.5, size=n), top=top)
    assert len(result.curve) <= 201
    at_top = result.curve.loc[(result.curve["customer_share"] - top).abs() < 1e-9, "revenue_share"]
    assert at_top.tolist() == pytest.approx([result.top_share.value])


def cdnow(name: str, **options) -> pd.DataFrame:
    folder = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"
    return pd.read_csv(folder / name, sep=r"\s+", **options)


def test_cdnow_sample_matches_published_concentration():
    sample = cdnow("CDNOW_sample.txt", header=None, names=["master", "customer_id", "date", "cds", "amount"])
    revenue = sample.groupby("customer_id")["amount"].sum()
    result = value.concentration(revenue)
    assert result.n == 2_357
    assert result.gini.value == pytest.approx(0.631, abs=0.0005)
    # The published .675 counts 472 whole customers; a fifth of them is 471.4, which gives .674.
    assert result.top_share.value == pytest.approx(0.6742, abs=0.00005)
    assert value.concentration(revenue, top=472 / 2_357).top_share.value == pytest.approx(0.675, abs=0.0005)


def test_summary_of_cdnow_reads_as_a_sentence():
    master = cdnow("CDNOW_master.txt")
    result = value.concentration(master.groupby("customer_id")["dollar_value"].sum(), unit="USD")
    assert result.summary() == (
        "The top 20% of customers brought 67.8% of revenue (95% interval 66.9% to 68.6%, n = 23,570). "
        "Half of it came from 9.6% of customers (95% interval 9.1% to 10.1%, n = 23,570)."
    )
    assert result.total == pytest.approx(2_500_315.63)


def test_all_that_concentration_says_is_translated(untranslated):
    customers = pd.DataFrame({"revenue": [-1.0, *range(40)], "frequency": 1})
    result = value.concentration(customers["revenue"])
    published = value.metrics(customers, result, value.repeat_share(customers))
    labels = [*result.table()["measure"], *(estimate.label for estimate in published.values())]
    several = value.concentration([-1, -2, *range(40)]).summary()
    assert untranslated(" ".join([result.summary(), several, *labels])) == []


def test_table_of_concentration():
    table = value.concentration(np.arange(1, 21), top=0.125).table()
    assert table.columns.tolist() == ["measure", "value", "low", "high", "n"]
    assert table["measure"].iloc[0] == "share of revenue from the top 12.5% of customers"
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()


def test_repeat_share():
    estimate = value.repeat_share(pd.DataFrame({"frequency": [0, 0, 1, 4, 0, 2, 0, 0, 1, 0]}))
    assert str(estimate) == "40.0% (95% interval 16.8% to 68.7%, n = 10)"


def test_metrics_have_the_names_that_other_programs_read():
    customers = pd.DataFrame({"revenue": [60.0, -10.0], "frequency": [2, 0]})
    concentration = value.concentration(customers["revenue"], unit="USD")
    metrics = value.metrics(customers, concentration, value.repeat_share(customers))
    assert list(metrics) == ["customers", "revenue", "top_20_percent_share", "gini", "repeat_share"]
    assert [metrics[name].value for name in ("customers", "revenue")] == [2, 50]
    assert metrics["revenue"].text() == "$50.00"
    other = value.concentration(customers["revenue"], top=0.125)
    assert "top_12.5_percent_share" in value.metrics(customers, other)
    assert "repeat_share" not in value.metrics(customers, other)
