"""Which group a customer belongs to."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import privacy
from crmlab.groups import column_name, group_of, hidden_together, in_order, large, left_out, named, too_small, withheld

PROFILES = pd.DataFrame({"customer_id": list("abcdef"), "industry": ["x", "x", "y", "z", None, " "]})


@pytest.mark.usefixtures("any_size")
def test_small_groups_are_others_and_the_unknown_stay_unknown():
    found = group_of(pd.Series(list("abcdefg")), PROFILES, by="industry", fewest=2)
    assert found.tolist() == ["x", "x", "Others", "Others", "Not known", "Not known", "Not known"]
    assert group_of(["c", "a"], PROFILES, by="industry").tolist() == ["y", "x"]


def test_others_and_unknown_come_last():
    groups = pd.DataFrame({"group": ["Not known", "x", "Others", "y"], "size": [9, 1, 8, 2]})
    assert in_order(groups, "size")["group"].tolist() == ["y", "x", "Others", "Not known"]


def test_the_client_s_own_names_are_not_translated(untranslated):
    shown = named(pd.Series(["Others", "Lost"]))
    assert untranslated(" ".join(shown)) == ["Lost"]
    assert untranslated(column_name("industry")) == []
    assert column_name("sales_office") == "sales office"


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        (PROFILES[["customer_id"]], "`profiles` must have the columns customer_id and industry; missing: industry"),
        (pd.concat([PROFILES, PROFILES]), "`profiles` must have one row per customer"),
    ],
)
def test_says_what_is_wrong(profiles, message):
    with pytest.raises(ValueError, match=message):
        group_of(["a"], profiles, by="industry")


def of_sizes(sizes):
    return pd.Series(dict(enumerate(sizes))).rename(index=str)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(1, 30), st.integers(0, 6))
def test_others_are_as_many_as_a_group_must_be(sizes, fewest, unknown):
    customers = of_sizes(sizes)
    customers["Not known"] = unknown
    others = too_small(customers, fewest=fewest)
    apart = customers.drop(others)
    assert (apart[apart > 0] >= 5).all() and (apart.drop("Not known", errors="ignore") >= fewest).all()
    assert not others or customers[others].sum() >= min(5, customers.sum())


@given(st.lists(st.integers(1, 40), min_size=2, max_size=8), st.lists(st.integers(1, 30), min_size=2, max_size=3))
def test_tables_that_take_different_groups_together_tell_no_small_one_by_their_difference(sizes, fewest):
    customers = of_sizes(sizes)
    if customers.sum() < 5:
        return  # the total alone is a small group
    shown = []
    for least in fewest:
        others = too_small(customers, fewest=least)
        shown += [customers.index.isin(others)] * bool(others)
        shown += [customers.index == name for name in customers.index.drop(others)]
    for small in customers.index[customers < 5]:
        assert not told_by(shown, customers.index == small)


def told_by(shown, group):
    """Whether a group is a sum and difference of those shown: the same is then true of every figure that adds up."""
    known = np.array([*shown, np.ones(len(group))], dtype=float)
    return np.linalg.matrix_rank(np.vstack([known, group])) == np.linalg.matrix_rank(known)


people = st.lists(
    st.tuples(st.sampled_from("nsew"), st.sampled_from("ab"), st.sampled_from("xyz")), min_size=5, max_size=120
)


@settings(max_examples=30)
@given(people, st.sampled_from([3, 5, 12]))
def test_no_small_group_is_told_by_several_tables_of_the_same_customers(rows, min_group):
    """By region, by region and channel, by plan, by all three: what one hides the others do not tell together."""
    customers = pd.DataFrame(rows, columns=["region", "channel", "plan"])
    tables = [("region",), ("channel",), ("region", "channel"), ("plan",), ("region", "channel", "plan")]
    privacy._of_process[0].min_group = min_group
    if len(customers) < min_group:
        return  # the total alone is a small group
    hidden = hidden_together(customers, tables)
    parts = customers.value_counts().reset_index()
    shown, secret = [], []
    for names, mask in zip(tables, hidden, strict=True):
        for group, hide in mask.items():
            key = group if len(names) > 1 else (group,)
            inside = (parts[[*names]] == list(key)).all(axis=1).to_numpy()
            (secret if hide else shown).append(inside.astype(float))
            assert hide or parts.loc[inside, "count"].sum() >= min_group
    for group in secret:
        if parts["count"] @ group < min_group:
            assert not told_by(shown, group)


def test_a_table_hides_what_it_takes_beside_those_before_it():
    customers = pd.DataFrame(
        {"region": ["n"] * 40 + ["s"] * 40, "channel": (["a"] * 38 + ["b"] * 2) + ["a"] * 20 + ["b"] * 20}
    )
    both = hidden_together(customers, [("region",), ("region", "channel")])
    assert not both[0].any() and both[1][("n", "a")] and both[1][("n", "b")]


def test_groups_that_are_given_are_left_out_as_a_table_hides_them():
    groups = pd.DataFrame({"tier": ["low", "high", "default"], "customers": [60, 25, 3], "value": [9.0, 5.0, 1.0]})
    assert large(groups)["tier"].tolist() == ["low"]
    assert (
        left_out(2)
        == "Groups of fewer than 5 customers are left out, and others that would tell of them by subtraction."
    )
    assert left_out(0) == ""
    assert withheld(["high", "default"]) == (
        "Not shown: high, default, of fewer than 5 customers, or telling of such a group by subtraction."
    )
