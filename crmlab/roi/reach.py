"""Customers reached by the programme become customer-months, those behind us and those to come."""

import numpy as np
import pandas as pd

ACTUAL, PLANNED = "actual", "planned"


def customer_months(reached: pd.DataFrame | None, as_of: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Months of the customers reached, by month up to the last day; the as-of date parts the month it falls in.

    Parameters
    ----------
    reached
        `from_date` and `customers`; None where nobody was reached.

    Returns
    -------
    DataFrame
        `date` (the last day of each part), `customer_months` of the part, `years` of 365 days since the as-of date (0
        before it), `status`. A customer who was reached within a month counts for the rest of it.
    """
    known = pd.DataFrame({"from_date": [], "customers": []}) if reached is None else reached.dropna()
    since = pd.to_datetime(known["from_date"])
    columns = ["date", "customer_months", "years", "status"]
    if known.empty or since.min() > last:
        return pd.DataFrame(columns=columns).astype(
            {"date": "datetime64[us]", "customer_months": float, "years": float}
        )
    ends = pd.date_range(since.min(), last, freq="ME").union(pd.DatetimeIndex([last]))
    if since.min() <= as_of < last:
        ends = ends.union(pd.DatetimeIndex([as_of]))
    starts = np.concatenate([[since.min().to_datetime64()], (ends[:-1] + pd.Timedelta(days=1)).to_numpy()])
    day = np.timedelta64(1, "D")
    begun = np.maximum(starts[:, None], since.to_numpy()[None, :])
    days = np.clip((ends.to_numpy()[:, None] - begun) / day + 1, 0, None)
    months = days @ known["customers"].to_numpy(dtype=float) / ends.days_in_month
    found = pd.DataFrame({"date": ends, "customer_months": months})
    found["years"] = np.clip((ends - as_of).days, 0, None) / 365
    found["status"] = np.where(ends <= as_of, ACTUAL, PLANNED)
    return found[columns]
