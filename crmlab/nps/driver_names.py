"""What drivers of satisfaction are called, which of them the firm can move, and the pain that a bad one is."""

import math

from crmlab import language
from crmlab.groups import column_name
from crmlab.messages import N_, _

_SHARE = "share"

# by column: name, the pain that it is where it is bad, whether more of it is better, and how a value is told
_SERVICE = {
    "response_hours": (N_("response time"), N_("slow after-sales response"), False, N_("{number} hours")),
    "resolution_hours": (N_("resolution time"), N_("slow resolution of problems"), False, N_("{number} hours")),
    "delivery_delay_days": (N_("delivery delay"), N_("delays in order handling"), False, N_("{number} days")),
    "complaints_per_year": (N_("complaints"), N_("frequent complaints"), False, N_("{number} a year")),
    "resolved_share": (N_("problems solved"), N_("problems left unsolved"), True, _SHARE),
    "reopened_share": (N_("cases reopened"), N_("problems that come back"), False, _SHARE),
    "cases_per_year": (N_("service cases"), N_("much need of service"), False, N_("{number} a year")),
}
# what describes the customer, and is no lever of the firm: adjusted for, and no pain point
_CONTEXT = {
    "touchpoint": (N_("touchpoint"), ""),
    "tenure_months": (N_("time as a customer"), N_("{number} months")),
    "spend": (N_("earlier spend"), ""),
    "contract_value": (N_("contract value"), ""),
    "days_past_due": (N_("days past due"), N_("{number} days")),
    "segment": (N_("segment"), ""),
    "industry": (N_("industry"), ""),
    "region": (N_("region"), ""),
    "channel": (N_("channel"), ""),
    "credit_rating": (N_("credit rating"), ""),
    "risk_tolerance": (N_("risk tolerance"), ""),
    "registered_capital": (N_("registered capital"), ""),
}
# the same answer in other words: no driver of it
OUTCOMES = ("nps", "csat", "satisfaction", "ces", "customer_id", "date")
# sums of money, whose effect goes by ratios
MONEY = ("spend", "contract_value", "registered_capital", "value")


def is_lever(column: str) -> bool:
    """Whether a driver is service that the firm gives, so that it can be mended."""
    return column not in _CONTEXT


def driver_name(column: str) -> str:
    """What a driver is called in a sentence: `response time`."""
    if column in _SERVICE:
        return _(_SERVICE[column][0])
    return _(_CONTEXT[column][0]) if column in _CONTEXT else column_name(column)


def pain_point(column: str) -> str:
    """What it is called where it is bad: `slow after-sales response`."""
    return _(_SERVICE[column][1]) if column in _SERVICE else driver_name(column)


def more_is_better(column: str) -> bool | None:
    """Whether customers want more of it; None where only the answers can tell."""
    return _SERVICE[column][2] if column in _SERVICE else None


def driver_value(column: str, value: float, *, step: float, plain: bool = False) -> str:
    """A value of a driver as a reader expects it: `9.3 hours`, with decimals for a difference of `step`.

    Parameters
    ----------
    value, step
        In the unit of the column: hours, days, months, a number a year; shares as fractions.
    plain
        Without its unit, beside another that has it.
    """
    told = (_SERVICE.get(column) or _CONTEXT.get(column) or ("",))[-1]
    scale = 100 if told == _SHARE else 1
    digits = max(0, min(3, 1 - math.floor(math.log10(scale * abs(step))))) if step else 1
    if told == _SHARE:
        return language.quantity(value, "share", digits=digits)
    number = language.number(value, digits)
    return number if plain or not told else _(told).format(number=number)
