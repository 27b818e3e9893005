"""Which group each customer belongs to, and which groups may be told of.

Groups by what a client calls its customers (industry, region, channel) that are too small are taken together before
anything is computed of them. Groups that are given (tiers of risk, cohorts) cannot be: those too small are left out of
figures and sentences by the rule that hides them in tables.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from crmlab import suppression
from crmlab.absence import FitError
from crmlab.messages import N_, _, listed
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
        Groups of fewer customers than this make up "Others" together; see `too_small`.

    Raises
    ------
    FitError
        If `profiles` lack a column: the client does not supply it.
    ValueError
        If `profiles` name a customer more than once.
    """
    missing = [name for name in ("customer_id", by) if name not in profiles]
    if missing:
        raise FitError(f"`profiles` must have the columns customer_id and {by}; missing: {', '.join(missing)}")
    if profiles["customer_id"].duplicated().any():
        raise ValueError("`profiles` must have one row per customer, got some customer_id more than once")
    known = profiles.set_index("customer_id")[by].dropna().astype(str).str.strip()
    known = known[known != ""]
    ids = pd.Series(customer_ids).reset_index(drop=True)
    found = ids.map(known).astype(object).fillna(NOT_KNOWN)
    return found.mask(found.isin(too_small(ids.groupby(found).nunique(), fewest=fewest)), OTHERS).rename(by)


def too_small(customers: pd.Series, *, fewest: int = 1, few: Iterable = ()) -> list:
    """The groups that make up "Others" together, as they are too small to stand alone.

    Where the others would be too few to be shown, the next larger group is one of them. What is taken together for
    being hidden follows from the sizes alone, the smallest first, so that no two tables tell by their difference what
    neither shows.

    Parameters
    ----------
    customers
        How many customers each group has, by its name. Those of whom it is not known stay apart, unless they are too
        few to be shown.
    fewest
        Customers that a group needs, where that is more than a client wants to see in any group.
    few
        Groups that are among the others for another reason.
    """
    least = min_group()
    sizes = customers[customers > 0].sort_index(key=lambda names: names.map(str)).sort_values(kind="stable")
    wanted = np.where(sizes.index == NOT_KNOWN, least, max(fewest, least))
    inside = (sizes < wanted).to_numpy() | sizes.index.isin(list(few))
    # those of whom it is not known are the last to join
    others, rest = [*sizes.index[inside]], sorted(sizes.index[~inside], key=lambda name: name == NOT_KNOWN)
    while others and rest and sizes[others].sum() < least:
        others.append(rest.pop(0))
    return others


def large(groups: pd.DataFrame) -> pd.DataFrame:
    """The rows that a table of the same groups would show; `customers` says how many each group has."""
    return groups[~suppression.suppressed(groups, min_group=min_group())[1]]


def hidden_rows(groups: pd.DataFrame) -> pd.DataFrame:
    """The groups, those without figures that may not be told of; see `crmlab.suppression.suppressed`."""
    return suppression.suppressed(groups, min_group=min_group())[0]


def hidden_cells(customers: np.ndarray) -> np.ndarray:
    """Which cells of a cross table to hide, whose rows and columns can be added up."""
    places = np.arange(customers.size).reshape(customers.shape)
    lines = [*places, *places.T]
    return suppression.hidden_cells(list(customers.ravel()), lines, min_group=min_group())[0].reshape(customers.shape)


def hidden_together(customers: pd.DataFrame, tables: Sequence[Sequence[str]]) -> list[pd.Series]:
    """Which groups to hide of tables that count the same customers, so that no two of them tell what neither shows.

    Parameters
    ----------
    customers
        One row per customer, with the columns that make the groups; an empty entry is a value of its own.
    tables
        The columns of each table: one, or those that are crossed. A table hides what it takes beside those before it,
        and is not changed by those after it.

    Returns
    -------
    list of Series
        For each table, by its groups: whether to hide it.
    """
    every = sorted({name for names in tables for name in names})
    parts = customers[every].astype(object).fillna("").value_counts(sort=False).rename("customers").reset_index()
    inside, hidden, found = np.empty((len(parts), 0)), np.empty(0, dtype=bool), []
    for names in tables:
        groups, settled = parts.groupby([*names]), len(hidden)
        sizes = groups["customers"].sum()
        inside = np.hstack([inside, np.eye(len(sizes))[groups.ngroup()]])
        hidden = np.append(hidden, _hidden_by_itself(sizes))
        hidden = suppression.overlapping(parts["customers"], inside, hidden, settled=settled, min_group=min_group())
        found.append(pd.Series(hidden[settled:], sizes.index))
    return found


def _hidden_by_itself(sizes: pd.Series) -> np.ndarray:
    if sizes.index.nlevels == 2:
        crossed = sizes.unstack(fill_value=0)
        hidden = pd.DataFrame(hidden_cells(crossed.to_numpy()), crossed.index, crossed.columns).stack()
        return hidden.reindex(sizes.index).to_numpy(bool)
    return suppression.hidden_cells(sizes.to_numpy(), [range(len(sizes))], min_group=min_group())[0]


def withheld(names: Iterable[str]) -> str:
    """A sentence in place of one on groups that may not be told of."""
    message = _("Not shown: {groups}, of fewer than {n} customers, or telling of such a group by subtraction.")
    return message.format(groups=listed(names), n=min_group())


def left_out(few: int) -> str:
    """What a figure says where it leaves out `few` groups; nothing where it leaves out none."""
    message = _("Groups of fewer than {n} customers are left out, and others that would tell of them by subtraction.")
    return message.format(n=min_group()) if few else ""


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
