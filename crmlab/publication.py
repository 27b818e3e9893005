"""What a notebook hands over to the run that made it, as files that the run picks up."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from crmlab.absence import Absent
from crmlab.intervals import Estimate


def write(
    target: Path,
    *,
    metrics: Mapping[str, Estimate | Absent],
    models: Mapping[str, dict | Absent],
    customers: Iterable[pd.DataFrame | Absent],
    data: dict,
    period: list[str] | None,
) -> None:
    """Results as JSON in `target`, and what is said of each customer as CSV beside it; what is absent is left out.

    Parameters
    ----------
    customers
        Frames with `customer_id`, one row per customer, and no other column in two of them.
    data, period
        What was read of each table, and the first and last day of it.
    """
    results = {
        "metrics": {name: estimate.to_dict() for name, estimate in metrics.items() if estimate},
        "models": {name: model for name, model in models.items() if model},
        "data": data,
        "period": period,
    }
    frames = [frame for frame in customers if not isinstance(frame, Absent)]
    if frames:
        ordered = _joined(frames).sort_index()
        ordered.to_csv(f"{target}.csv", float_format="%.6g", date_format="%Y-%m-%d", lineterminator="\n")
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
