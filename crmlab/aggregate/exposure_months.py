"""Transactions and exposure become what each customer brought, month by month, and when the programme reached them.

Rules that hold throughout:

- a month counts if it lies whole between the first transaction and `until`: one that has not ended is left out, and so
  is the first one, if the first transaction comes after its seventh day. A month without any transaction of anybody is
  taken as missing from the data, not as one in which nobody bought;
- a customer's months begin with the first whole one after the day the customer was won: the day that the profiles give,
  else that of the first purchase. Nobody is seen before that;
- treated months begin with the first whole one from `from_date` on; the month in which it starts half-way counts
  neither as before nor as after;
- a table of exposure that has no row of anybody untreated lists whom the programme reached: all other customers are
  then untreated. Otherwise those that it does not list are left out, for nothing is known of them.
"""

from dataclasses import dataclass, replace
from datetime import date

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from crmlab.aggregate.engine import DECIMALS, as_day, collected

NEVER = 1_000_000  # the month in which the treatment starts of those whom it has not reached
_SLACK_DAYS = 7
_BLOCK = 12  # months brought back from the engine at a time


@dataclass(frozen=True, eq=False)
class ExposureMonths:
    """What customers brought by month, and when the programme reached each.

    Attributes
    ----------
    customers
        One row per customer, sorted by `customer_id`: `treated` by `until`; `from_date`; `entry`, the first month that
        counts; `before`, the last whole month without the programme; `start`, the first whole month with it (both
        `NEVER` for those whom it has not reached); `cost` where it is known. Months are places in `months`.
    months
        First days of the months.
    observed
        Whether each month is whole, and in the data.
    outcomes
        By name (`revenue`, and `margin` where it is known) a sparse matrix, customers by months: money, net of refunds.
    unlisted
        Customers with transactions whom the table of exposure does not list, and who are left out.
    undated
        Treated customers without a `from_date`, who are left out.
    """

    customers: pd.DataFrame
    months: pd.DatetimeIndex
    observed: np.ndarray
    outcomes: dict[str, sparse.csr_array]
    unlisted: int
    undated: int

    def __len__(self) -> int:
        return len(self.customers)

    def subset(self, inside) -> "ExposureMonths":
        """The customers for whom `inside` holds."""
        keep = np.flatnonzero(np.asarray(inside, dtype=bool))
        outcomes = {name: matrix[keep] for name, matrix in self.outcomes.items()}
        return replace(self, customers=self.customers.iloc[keep].reset_index(drop=True), outcomes=outcomes)


def exposure_months(transactions, exposure, profiles=None, *, until: date | str) -> ExposureMonths:
    """One row per customer and month, in compressed form, for whoever could be compared.

    Parameters
    ----------
    transactions
        Frame with `customer_id`, `date`, `amount`, and optionally `margin`, or `cost` from which it follows.
    exposure
        Frame with `customer_id`, `treated` and, where there are any, `from_date` and `cost`: one row per customer.
    profiles
        Frame with `customer_id` and `acquired_on`, for the day that a customer was won; without it, that of the first
        purchase counts.
    until
        Last day that counts.

    Raises
    ------
    ValueError
        If a table lacks a column that it must have, or `exposure` has two rows of a customer.
    """
    end = as_day(until, "until")
    frame, measures = _by_month(transactions, end)
    found = collected(frame.group_by("customer_id").agg(nw.col("date").min().alias("first")))
    found["first"] = pd.to_datetime(found["first"]).dt.normalize()
    reached = _reached(exposure, end)
    customers, unlisted, undated = _listed(reached, found, profiles)
    # to the last day of a whole month
    last = (end + pd.Timedelta(days=1)).to_period("M") - 1
    first_day = found["first"].min() if len(found) else end
    months = pd.period_range(first_day.to_period("M"), last, freq="M")
    customers = _placed(customers, months, end)
    outcomes = _outcomes(frame, measures, customers["customer_id"], months)
    filled = [np.diff(matrix.tocsc().indptr) > 0 for matrix in outcomes.values()]
    observed = np.logical_or.reduce(filled) if len(months) else np.zeros(0, dtype=bool)
    if len(months) and first_day.day > _SLACK_DAYS:
        observed[0] = False
    return ExposureMonths(customers, months.to_timestamp(), observed, outcomes, unlisted, undated)


def _by_month(transactions, end: pd.Timestamp) -> tuple[nw.LazyFrame, list[str]]:
    """Rows up to the end with `month`, counted from the year 0, and their measures."""
    frame = nw.from_native(transactions).lazy()
    schema = frame.collect_schema()
    missing = [name for name in ("customer_id", "date", "amount") if name not in schema]
    if missing:
        raise ValueError(
            f"`transactions` must have the columns customer_id, date and amount; missing: {', '.join(missing)}"
        )
    amount = nw.col("amount").cast(nw.Float64)
    measures = {"revenue": amount}
    if "margin" in schema:
        measures["margin"] = nw.col("margin").cast(nw.Float64)
    elif "cost" in schema:
        measures["margin"] = amount - nw.col("cost").cast(nw.Float64)
    day = nw.col("date").cast(nw.Datetime("us"))
    month = day.dt.year().cast(nw.Int64) * 12 + day.dt.month().cast(nw.Int64)
    columns = {"date": day, "month": month} | measures
    frame = frame.select("customer_id", **columns).filter(nw.col("date") < end + pd.Timedelta(days=1))
    return frame, list(measures)


def _reached(exposure, end: pd.Timestamp) -> pd.DataFrame:
    frame = nw.from_native(exposure).lazy()
    schema = frame.collect_schema()
    missing = [name for name in ("customer_id", "treated") if name not in schema]
    if missing:
        raise ValueError(f"`exposure` must have the columns customer_id and treated; missing: {', '.join(missing)}")
    columns = [name for name in ("customer_id", "treated", "from_date", "cost") if name in schema]
    found = collected(frame.select(*columns))
    if found["customer_id"].duplicated().any():
        raise ValueError("`exposure` must have one row per customer, got some customer_id more than once")
    found["treated"] = found["treated"].astype(bool)
    dates = pd.to_datetime(found["from_date"]) if "from_date" in found else pd.Series(pd.NaT, index=found.index)
    found["from_date"] = dates.astype("datetime64[us]").dt.normalize().where(found["treated"])
    found["later"] = found["from_date"] > end
    return found


def _listed(reached: pd.DataFrame, found: pd.DataFrame, profiles) -> tuple[pd.DataFrame, int, int]:
    """The customers that can be placed, with the day each was won; and how many the table leaves out."""
    undated = reached["treated"] & reached["from_date"].isna()
    unlisted = pd.Index(reached["customer_id"]).get_indexer(found["customer_id"]) < 0
    known = reached[~undated]
    if reached["treated"].all():
        others = found.loc[unlisted, ["customer_id"]]
        known = pd.concat([known, others.assign(treated=False, later=False)], ignore_index=True)
        known[["treated", "later"]] = known[["treated", "later"]].astype(bool)
        unlisted = unlisted[:0]
    customers = known.sort_values("customer_id", ignore_index=True)
    index = pd.Index(customers["customer_id"])
    won = _in_place(index, found["customer_id"], found["first"])
    if profiles is not None:
        frame = nw.from_native(profiles).lazy()
        if "acquired_on" in frame.collect_schema():
            told = collected(frame.select("customer_id", nw.col("acquired_on").cast(nw.Datetime("us"))))
            told = told.dropna().drop_duplicates("customer_id")
            # whoever bought earlier was won earlier
            won = np.fmin(won, _in_place(index, told["customer_id"], told["acquired_on"]))
    customers["won_on"] = won
    customers = customers[customers["won_on"].notna()].reset_index(drop=True)
    return customers, int(unlisted.sum()), int(undated.sum())


def _in_place(index: pd.Index, customer_ids: pd.Series, days: pd.Series) -> np.ndarray:
    """The day of each customer of the index; none for those without."""
    found = np.full(len(index), np.datetime64("NaT"), dtype="datetime64[us]")
    place = index.get_indexer(customer_ids)
    found[place[place >= 0]] = pd.to_datetime(days).to_numpy("datetime64[us]")[place >= 0]
    return found


def _placed(customers: pd.DataFrame, months: pd.PeriodIndex, end: pd.Timestamp) -> pd.DataFrame:
    """The customers with their months as places in `months`."""
    first = months[0] if len(months) else end.to_period("M")
    origin = first.year * 12 + first.month
    won = _month(customers.pop("won_on")) - origin
    reached = customers["treated"] & ~customers.pop("later")
    start = customers["from_date"].where(reached)
    at = np.where(reached, _month(start) - origin, NEVER)
    half_way = reached & (start.dt.day > 1)
    customers["treated"] = reached
    customers["entry"] = np.maximum(won + 1, 0).astype("int64")
    customers["before"] = np.where(reached, at - 1, NEVER).astype("int64")
    customers["start"] = np.where(reached, at + half_way, NEVER).astype("int64")
    return customers


def _month(days: pd.Series) -> pd.Series:
    """Months since the year 0."""
    return days.dt.year * 12 + days.dt.month


def _outcomes(frame: nw.LazyFrame, measures, customer_ids: pd.Series, months: pd.PeriodIndex) -> dict:
    """Sums by customer and month, a block of months at a time, so that no more than that comes back at once."""
    index = pd.Index(customer_ids)
    who, when, values = [np.empty(0, "int32")], [np.empty(0, "int32")], {name: [np.empty(0)] for name in measures}
    numbers = [12 * month.year + month.month for month in months]
    for at in range(0, len(numbers), _BLOCK):
        block = numbers[at : at + _BLOCK]
        inside = (nw.col("month") >= block[0]) & (nw.col("month") <= block[-1])
        sums = (nw.col(name).sum() for name in measures)
        found = collected(frame.filter(inside).group_by("customer_id", "month").agg(*sums))
        codes, names = pd.factorize(found["customer_id"])
        rows = index.get_indexer(names)[codes] if len(found) else np.empty(0, int)
        keep = rows >= 0
        who.append(rows[keep].astype("int32"))
        when.append((found["month"].to_numpy(dtype="int64")[keep] - numbers[0]).astype("int32"))
        for name in measures:
            values[name].append(np.nan_to_num(found[name].to_numpy(dtype=float)[keep]).round(DECIMALS))
    place = (np.concatenate(who), np.concatenate(when))
    shape = (len(index), len(months))
    result = {}
    for name in measures:
        matrix = sparse.coo_array((np.concatenate(values.pop(name)), place), shape=shape).tocsr()
        matrix.sort_indices()
        result[name] = matrix
    return result
