"""What a notebook hands over to the run that made it, as files that the run picks up."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pandas as pd

from crmlab.absence import Absent
from crmlab.csv_cells import LINE_END, guarded_frame
from crmlab.intervals import Estimate

# of alerts.csv, in this order; a program that reads it relies on them, so that new ones come last
ALERT_COLUMNS = (
    "customer_id", "as_of", "kind", "severity", "reason", "action", "value_at_risk", "currency",
    "date", "amount", "source",
)  # fmt: skip
_ALERTS_NEED = ("customer_id", "kind", "severity", "reason", "action")
# most pressing first
SEVERITIES = ("high", "medium", "low")


def write(
    target: Path,
    *,
    metrics: Mapping[str, Estimate | Absent],
    models: Mapping[str, dict | Absent],
    customers: Iterable[pd.DataFrame | Absent],
    alerts: Iterable[pd.DataFrame | Absent] = (),
    as_of: date,
    currency: str,
    data: dict,
    period: list[str] | None,
) -> None:
    """Results as JSON in `target`, customers and alerts as CSV beside it; what is absent is left out.

    Parameters
    ----------
    customers
        Frames with `customer_id`, one row per customer, and no other column in two of them.
    alerts
        Frames with one row per alert: `customer_id` (empty for one on the client as a whole), `kind`, `severity`,
        `reason`, `action`, and where they are known `value_at_risk`; `date`, on which something is due or happened,
        `as_of` where it is not given; `amount` that is due, overdue or at stake; `source`, the rows that it rests on.
        A notebook that gives any hands over a file even if there is no alert, so that those of an earlier run do not
        stay.
    as_of, currency
        Of every alert.
    data, period
        What was read of each table, and the first and last day of it.

    Raises
    ------
    ValueError
        If a frame lacks a column, repeats a customer or another's column, or has a severity other than `SEVERITIES`.
    """
    results = {
        "metrics": {name: estimate.to_dict() for name, estimate in metrics.items() if estimate},
        "models": {name: model for name, model in models.items() if model},
        "data": data,
        "period": period,
    }
    frames = [frame for frame in customers if not isinstance(frame, Absent)]
    if frames:
        ordered = guarded_frame(_joined(frames).sort_index().reset_index())
        form = {"float_format": "%.6g", "date_format": "%Y-%m-%d", "lineterminator": LINE_END}
        ordered.to_csv(f"{target}.csv", index=False, **form)
    if given := list(alerts):
        found = [_alerts(frame, as_of, currency) for frame in given if not isinstance(frame, Absent)]
        listed = pd.concat(found) if found else pd.DataFrame(columns=list(ALERT_COLUMNS))
        guarded_frame(listed).to_csv(f"{target}.alerts.csv", index=False, lineterminator=LINE_END)
    target.write_text(json.dumps(results, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Side by side, a row for every customer of any."""
    for frame in frames:
        if "customer_id" not in frame.columns:
            raise ValueError(f"`customers` must have the column customer_id, got {', '.join(map(str, frame))}")
        if repeated := int(frame["customer_id"].duplicated().sum()):
            raise ValueError(f"`customers` must have one row per customer, got {repeated:,} customer_id repeated")
    joined = pd.concat([frame.set_index("customer_id") for frame in frames], axis=1)
    if joined.columns.duplicated().any():
        twice = joined.columns[joined.columns.duplicated()][0]
        raise ValueError(f"`customers` must name each column once, got {twice} twice")
    return joined.rename_axis("customer_id")


def _alerts(frame: pd.DataFrame, as_of: date, currency: str) -> pd.DataFrame:
    """With the columns that alerts.csv has."""
    if missing := [name for name in _ALERTS_NEED if name not in frame]:
        raise ValueError(f"`alerts` must have the columns {', '.join(_ALERTS_NEED)}; missing: {', '.join(missing)}")
    if not (known := frame["severity"].isin(SEVERITIES)).all():
        got = frame.loc[~known, "severity"].iloc[0]
        raise ValueError(f"`alerts` must have a severity among {', '.join(SEVERITIES)}, got {got!r}")
    complete = frame.assign(as_of=as_of.isoformat(), currency=currency).reindex(columns=list(ALERT_COLUMNS))
    days = pd.to_datetime(complete["date"]).fillna(pd.Timestamp(as_of))
    # to the cent, so that amounts add up to those of the rows behind them
    return complete.assign(
        value_at_risk=complete["value_at_risk"].astype(float).round(2),
        amount=complete["amount"].astype(float).round(2),
        date=days.dt.strftime("%Y-%m-%d"),
    )
