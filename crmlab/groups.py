"""Which group each customer belongs to: by a column of the customers' profiles, small groups taken together."""

import pandas as pd

from crmlab.absence import FitError
from crmlab.messages import N_, _
from crmlab.privacy import min_group

# English in every frame; translated where they are shown
NOT_KNOWN = N_("Not known")
OTHERS = N_("Others")
_LAST = (OTHERS, NOT_KNOWN)
# what a column of the profiles is called in a sentence
_COLUMNS = {
    "industry": N_("industry"),
    "region": N_("region"),
    "segment": N_("segment"),
    "channel": N_("channel"),
    "credit_rating": N_("credit rating"),
    "risk_tolerance": N_("risk tolerance"),
}


def group_of(customer_ids, profiles: pd.DataFrame, *, by: str, fewest: int = 1) -> pd.Series:
    """The group of each of `customer_ids`, in their order.

    Parameters
    ----------
    profiles
        One row per customer: `customer_id` and the column `by`.
    by
        Column that makes the groups, such as `industry`. A customer without an entry is of the group "Not known".
    fewest
        Groups of fewer customers than this make up "Others" together; where these are too few to be shown, with the
        next larger one.
    """
    missing = [name for name in ("customer_id", by) if name not in profiles]
    if missing:
        raise FitError(f"`profiles` must have the columns customer_id and {by}; missing: {', '.join(missing)}")
    if profiles["customer_id"].duplicated().any():
        raise ValueError("`profiles` must have one row per customer, got some customer_id more than once")
    known = profiles.set_index("customer_id")[by].dropna().astype(str).str.strip()
    known = known[known != ""]
    found = pd.Series(customer_ids).reset_index(drop=True).map(known).astype(object).fillna(NOT_KNOWN)
    sizes = found[found != NOT_KNOWN].value_counts().sort_index().sort_values(kind="stable")
    small = int((sizes < fewest).sum())
    # too few others would be a small group themselves
    small += bool(0 < sizes[:small].sum() < min(fewest, min_group()))
    return found.mask(found.isin(sizes.index[:small]), OTHERS).rename(by)


def in_order(groups: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row per group, the largest by `column` first, those that are no groups of their own last."""
    last = groups["group"].map({name: place for place, name in enumerate(_LAST)}).fillna(-1)
    ordered = groups.assign(_last=last).sort_values(
        ["_last", column, "group"], ascending=[True, False, True], ignore_index=True
    )
    return ordered.drop(columns="_last")


def named(groups: pd.Series) -> pd.Series:
    """Names of groups as shown: those given here in the language that is spoken, the client's own as they are."""
    return groups.map(lambda name: _(name) if name in _LAST else name)


def column_name(by: str) -> str:
    """What a column is called in a sentence: `industry`, in Chinese `行业`."""
    return _(_COLUMNS[by]) if by in _COLUMNS else by.replace("_", " ")
