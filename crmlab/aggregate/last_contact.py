"""When the firm last heard of each customer, whichever of several tables says so."""

from datetime import date

import narwhals as nw
import pandas as pd

from crmlab.aggregate.engine import as_day, collected, day_number, timestamps

# what counts as a contact, by table
_EVENTS = {"interactions": "opened_at", "surveys": "date", "transactions": "date"}


def last_contact(*, until: date | str, interactions=None, surveys=None, transactions=None) -> pd.DataFrame:
    """Day of the last service case, survey or transaction of each customer.

    Parameters
    ----------
    until
        Last day that counts.
    interactions, surveys, transactions
        Frames with `customer_id` and `opened_at`, or `date`; rows without a customer count for nobody.

    Returns
    -------
    DataFrame
        `customer_id` and `last_contact`, sorted by id; no row where no table is given.
    """
    last = as_day(until, "until").toordinal()
    given = {"interactions": interactions, "surveys": surveys, "transactions": transactions}
    found = []
    for name, table in given.items():
        if table is None:
            continue
        rows = nw.from_native(table).lazy().filter(~nw.col("customer_id").is_null())
        rows = rows.select("customer_id", day_number(_EVENTS[name]).floor().alias("day"))
        found.append(collected(rows.filter(nw.col("day") <= last).group_by("customer_id").agg(nw.col("day").max())))
    if not found:
        return pd.DataFrame({"customer_id": pd.Series(dtype=object), "last_contact": pd.Series(dtype="datetime64[us]")})
    latest = pd.concat(found).groupby("customer_id", sort=True)["day"].max()
    return pd.DataFrame({"customer_id": latest.index.astype(object), "last_contact": timestamps(latest).to_numpy()})
