"""Which group a customer belongs to."""

import pandas as pd
import pytest

from crmlab.groups import column_name, group_of, in_order, named

PROFILES = pd.DataFrame({"customer_id": list("abcdef"), "industry": ["x", "x", "y", "z", None, " "]})


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
