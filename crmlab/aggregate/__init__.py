"""The bulk work: raw tables become one row per customer, cohort or month, on whatever engine holds them.

Written once in narwhals: a DuckDB relation, a Spark or pandas frame gives the same result.
"""

from crmlab.aggregate.answer_base import answer_base
from crmlab.aggregate.answer_drivers import answer_drivers, answer_outcomes
from crmlab.aggregate.answers import survey_answers
from crmlab.aggregate.cash_flows import crm_cash_flows, customers_reached
from crmlab.aggregate.coming_due import contracts_ending, payments_due, stalled_opportunities
from crmlab.aggregate.comments import written_comments
from crmlab.aggregate.contract_renewals import contract_renewals
from crmlab.aggregate.contracts import contract_ages, contract_months
from crmlab.aggregate.customer_answers import customer_answers
from crmlab.aggregate.customer_outcomes import customer_histories, customer_outcomes
from crmlab.aggregate.customer_standing import customer_standing
from crmlab.aggregate.engine import DAYS, DECIMALS, as_day, collected, day_number, timestamps
from crmlab.aggregate.event_days import EventDays, event_days
from crmlab.aggregate.exposure_months import exposure_months
from crmlab.aggregate.filled_columns import filled_columns
from crmlab.aggregate.inactivity import inactivity
from crmlab.aggregate.last_contact import last_contact
from crmlab.aggregate.payments import AGEING, payment_summary
from crmlab.aggregate.periods import AdjacentPeriods, adjacent_periods
from crmlab.aggregate.person_periods import contract_spells, customers_at_risk, hazard_data
from crmlab.aggregate.purchase_cohorts import purchase_cohorts
from crmlab.aggregate.service import service_cases
from crmlab.aggregate.transactions import (
    by_day,
    calibration_holdout_summary,
    customer_summary,
    purchases_after,
    refund_only_customers,
)
from crmlab.aggregate.year_before import same_months_a_year_before

__all__ = [
    "AGEING",
    "DAYS",
    "DECIMALS",
    "AdjacentPeriods",
    "EventDays",
    "adjacent_periods",
    "answer_base",
    "answer_drivers",
    "answer_outcomes",
    "as_day",
    "by_day",
    "calibration_holdout_summary",
    "collected",
    "contract_ages",
    "contract_months",
    "contract_renewals",
    "contract_spells",
    "contracts_ending",
    "crm_cash_flows",
    "customer_answers",
    "customer_histories",
    "customer_outcomes",
    "customer_standing",
    "customer_summary",
    "customers_at_risk",
    "customers_reached",
    "day_number",
    "event_days",
    "exposure_months",
    "filled_columns",
    "hazard_data",
    "inactivity",
    "last_contact",
    "payment_summary",
    "payments_due",
    "purchase_cohorts",
    "purchases_after",
    "refund_only_customers",
    "same_months_a_year_before",
    "service_cases",
    "stalled_opportunities",
    "survey_answers",
    "timestamps",
    "written_comments",
]
