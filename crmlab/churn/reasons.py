"""Why a customer may leave, in words, and what to do about it.

A driver is a covariate of the churn model. What to do about each follows from its name by `RULES`, the first that fits;
`actions` of a client's file says otherwise by driver, with the name of an action or in words of its own.

| action | when it is suggested |
|---|---|
| `payment_talk` | the customer pays late: settle the arrears before the customer breaks with the firm |
| `service_recovery` | service went wrong (late answers, complaints, delays): mend it, and tell the customer so |
| `care_call` | satisfaction is low: ask what is wrong, 客户维护 |
| `win_back` | prices, or buying that falls off, point to a competitor or a substitute: 客户转型 |
| `renewal_talk` | the contract is young, short, or about to end: offer terms for a longer one |
| `upgrade_offer` | the products that the customer has, or lacks: offer what fits better, 客户升级 |
| `personal_call` | any other reason, or none: ask |
"""

import math
import re
from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.messages import N_, _, clauses

ACTIONS = {
    "payment_talk": N_("Payment talk: agree on the arrears"),
    "service_recovery": N_("Service recovery: mend what went wrong, and say so"),
    "care_call": N_("Care call: ask what the customer misses"),
    "win_back": N_("Win-back: answer the competitor’s offer"),
    "renewal_talk": N_("Renewal talk: terms for a longer contract"),
    "upgrade_offer": N_("Upgrade offer: products that fit the customer better"),
    "personal_call": N_("Personal call: ask for the reason"),
}
# what the name of a driver holds, in order; \b keeps `rate` from being found in `rated`
RULES = (
    ("payment_talk", r"past_due|overdue|arrear|debt|unpaid|default|逾期|欠款|拖欠"),
    (
        "service_recovery",
        r"respon|resol|complain|delay|ticket|cases?(?![a-z])|reopen|fail|outage|"
        "投诉|响应|解决|延误|延迟|故障|售后",
    ),
    ("care_call", r"satisf|csat|nps|score|survey|rating|review|满意|评分|推荐"),
    (
        "win_back",
        r"^value$|price|charge|fees?\b|competitor|substitut|recency|days_since|spend|trend|frequency|usage|purchase|"
        "价格|收费|竞争|替代|消费|采购",
    ),
    ("renewal_talk", r"contract|tenure|renew|\bterm|expir|subscription|合同|续约|到期|期限"),
    (
        "upgrade_offer",
        r"plan\b|tariff|product|lines?\b|internet|phone|online|stream|device|backup|security|protect|support|"
        "套餐|产品|设备|机型",
    ),
)
# a driver that raises the odds to leave by less is no reason
_LEAST_LOG_ODDS = math.log(1.1)
MOST_REASONS = 3
_DIGITS = 2
NO_REASON = N_("Nothing stands out")


def suggested_action(driver: str | None, actions: Mapping[str, str] | None = None) -> str:
    """The action against a driver: the client's own, else that of the first rule that fits its name.

    Examples
    --------
    >>> suggested_action("response_hours"), suggested_action("contract"), suggested_action("age")
    ('service_recovery', 'renewal_talk', 'personal_call')
    >>> suggested_action("age", {"age": "upgrade_offer"})
    'upgrade_offer'
    """
    if driver is None:
        return "personal_call"
    if driver in (actions or {}):
        return actions[driver]
    name = driver.casefold()
    return next((action for action, rule in RULES if re.search(rule, name)), "personal_call")


def action_text(action: str) -> str:
    """An action in the language that is spoken; one in the client's own words as it is."""
    return _(ACTIONS[action]) if action in ACTIONS else action


def leading_drivers(contributions: pd.DataFrame, *, most: int = MOST_REASONS) -> pd.DataFrame:
    """The drivers that raise each customer's risk most, the strongest first.

    Parameters
    ----------
    contributions
        One row per customer and one column per driver: what it adds to the log-odds of leaving, against the average
        customer. An empty entry adds nothing.

    Returns
    -------
    DataFrame
        Names of drivers in columns 1 to `most`; None where no other driver raises the odds by a tenth or more.
    """
    names = np.append(contributions.columns.to_numpy(dtype=object), None)
    added = np.nan_to_num(contributions.to_numpy(dtype=float), nan=0.0)
    most = min(most, added.shape[1])
    order = np.argsort(-added, axis=1, kind="stable")[:, :most]
    strong = np.take_along_axis(added, order, axis=1) >= _LEAST_LOG_ODDS
    leading = names[np.where(strong, order, -1)]
    return pd.DataFrame(leading, index=contributions.index, columns=range(1, most + 1), dtype=object)


def in_words(
    leading: pd.DataFrame,
    labels: Mapping[str, str] | None = None,
    described: pd.DataFrame | None = None,
    averages: Mapping[str, float] | None = None,
) -> list[str]:
    """The reasons of each customer in one line: `Response hours: 14.2 (average 6.1); Complaints: 3 (average 0.8)`.

    Parameters
    ----------
    leading
        As `leading_drivers` gives them.
    labels
        Words for drivers; their names with spaces where there are none.
    described, averages
        The drivers' own values, one row per customer of `leading` in their order, and what they are on average of all
        customers; a driver without values is named alone.
    """
    columns = {name: described[name].tolist() for name in described} if described is not None else {}
    averages = averages if averages is not None else {}

    @cache  # of many customers, many have the same to tell
    def told(driver: str, value) -> str:
        return _reason(label(driver, labels), value, averages.get(driver))

    def own(driver: str, place: int):
        value = columns[driver][place] if driver in columns else None
        return round(value, _DIGITS) if isinstance(value, float) else value

    return [
        clauses(told(driver, own(driver, place)) for driver in drivers if driver is not None)
        for place, drivers in enumerate(leading.itertuples(index=False))
    ]


def label(driver: str, labels: Mapping[str, str] | None = None) -> str:
    """Words for a driver, with a capital first letter."""
    words = str((labels or {}).get(driver) or driver.replace("_", " "))
    return words[:1].upper() + words[1:]


def _reason(name: str, value, average: float | None) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return name
    if average is None or isinstance(value, str):
        return _("{driver}: {value}").format(driver=name, value=value)
    # as many decimals as tell the two apart
    digits = 0 if abs(average) >= 100 else 1 if abs(average) >= 10 else _DIGITS
    own = 0 if float(value).is_integer() else digits
    return _("{driver}: {value} (average {average})").format(
        driver=name, value=language.number(float(value), own), average=language.number(float(average), digits)
    )
