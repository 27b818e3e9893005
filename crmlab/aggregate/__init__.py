"""The bulk work: raw tables become one row per customer, cohort or month, on whatever engine holds them.

Written once in narwhals: a DuckDB relation, a Spark or pandas frame gives the same result.
"""

from crmlab.aggregate.engine import DAYS, DECIMALS, as_day, collected, day_number, timestamps
from crmlab.aggregate.payments import AGEING, payment_summary
from crmlab.aggregate.periods import AdjacentPeriods, adjacent_periods
from crmlab.aggregate.transactions import (
    by_day,
    calibration_holdout_summary,
    customer_summary,
    monthly_series,
    purchases_after,
    refund_only_customers,
)

__all__ = [
    "AGEING",
    "DAYS",
    "DECIMALS",
    "AdjacentPeriods",
    "adjacent_periods",
    "as_day",
    "by_day",
    "calibration_holdout_summary",
    "collected",
    "customer_summary",
    "day_number",
    "monthly_series",
    "payment_summary",
    "purchases_after",
    "refund_only_customers",
    "timestamps",
]
