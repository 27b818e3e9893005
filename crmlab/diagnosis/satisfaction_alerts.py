"""Alerts of customers who say less good things than they did, and of large ones whose relationship is at risk."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.diagnosis.alert_rows import alert_rows, large, source, value_at_risk
from crmlab.messages import N_, _, clauses

PROMOTER, DETRACTOR = 9, 6
# what a customer is worth: the first of these columns that there is
WORTH = ("clv", "existing_value")
AT_RISK = ("churn_at_risk", "silence_at_risk")
# How far an answer must lie below the customer's own mean, as a share of the scale: 3 points of 10. One answer differs
# from the next by a point or two without a cause; of the simulated client's 459 customers with two recommendations 46
# fell by three points and 24 rose by as much, so that about half of the falls are chance.
_FALL = 0.3
_CALL = N_("Call, ask what went wrong, and mend it")
_KEY_ACTION = N_("Name a person in charge, visit, and agree on a plan")
_TIERS = {"high": N_("high risk of default"), "default": N_("in default")}


def satisfaction_alerts(
    answers: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    *,
    as_of: date,
    within_days: int = 180,
    csat_scale: tuple[float, float] | list[float] = (1, 5),
) -> pd.DataFrame:
    """Customers whose last answer is far below the mean of their own earlier ones, or who were promoters and detract.

    Recommendation (NPS) is asked first, and CSAT of those of whom two recommendations are not known.
    Of high severity if the answer makes a detractor (a CSAT in the lower half) of a large customer, of medium severity
    if it is one of the two. Large are the customers who together make up half of the value of those warned of.

    Parameters
    ----------
    answers
        As `aggregate.customer_answers` gives them.
    customers
        `customer_id` and what other notebooks say of the customers: their value is the amount.
    within_days
        Days back to the last answer; an older one is no news.
    csat_scale
        The lowest and the highest answer to the question of satisfaction.
    """
    foot, head = csat_scale
    recent = answers[answers["last_on"] >= pd.Timestamp(as_of - timedelta(days=within_days))]
    nps, csat = (recent[f"{name}_before"] - recent[f"last_{name}"] for name in ("nps", "csat"))
    turned = (recent["nps_before"] >= PROMOTER) & (recent["last_nps"] <= DETRACTOR)
    # sums in the engine may leave a fall a hair short of the threshold
    by_nps = (nps >= 10 * _FALL - 1e-6) | turned
    by_csat = nps.isna() & (csat >= (head - foot) * _FALL - 1e-6)
    # named before it is cut down: pandas gives an empty frame the rows of what is assigned to it
    found = recent.assign(by_nps=by_nps, by_csat=by_csat)[by_nps | by_csat].reset_index(drop=True)
    found["low"] = (found["last_nps"] <= DETRACTOR) | (found["last_csat"] < (foot + head) / 2)
    worth = customer_worth(customers)
    found["amount"] = found["customer_id"].map(worth).astype(float)
    at_risk = value_at_risk(customers)
    rows = []
    for each, is_large in zip(found.itertuples(), large(found["amount"]), strict=True):
        rows.append({
            "customer_id": each.customer_id, "kind": "satisfaction_fall", "date": each.last_on,
            "severity": ("low", "medium", "high")[int(each.low) + int(is_large)],
            "reason": _fall(each), "action": _(_CALL), "amount": each.amount,
            "value_at_risk": at_risk.get(each.customer_id, np.nan),
            "source": source("surveys", customer_id=each.customer_id, date=("", each.last_on)),
        })  # fmt: skip
    return alert_rows(rows)


def key_account_alerts(
    customers: pd.DataFrame,
    answers: pd.DataFrame | None = None,
    *,
    as_of: date,
    top: int = 20,
    csat_scale: tuple[float, float] | list[float] = (1, 5),
) -> pd.DataFrame:
    """Of the largest customers those who may default, may leave, or are not satisfied, with all reasons in one alert.

    Of high severity if a customer is in default or has two reasons or more, else of medium severity.

    Parameters
    ----------
    customers
        `customer_id`, `clv` or `existing_value`, and where they are known `risk_tier`, `churn_at_risk`,
        `silence_at_risk` and the values at risk.
    answers
        As `aggregate.customer_answers` gives them.
    top
        How many of the largest are key accounts; customers of no value are none.
    csat_scale
        The lowest and the highest answer to the question of satisfaction.

    Raises
    ------
    FitError
        If no notebook says what customers are worth.
    """
    worth = customer_worth(customers)
    if not worth:
        raise FitError(_("what the customers are worth is not known, so that no key account can be told"))
    amounts = customers["customer_id"].map(worth).astype(float)
    frame = customers.assign(amount=amounts).sort_values(["amount", "customer_id"], ascending=[False, True])
    frame = frame[frame["amount"] > 0].head(top)
    lasts = pd.DataFrame(columns=["last_nps", "last_csat", "last_on"])
    lasts = lasts if answers is None else answers.set_index("customer_id")[list(lasts)]
    at_risk, middle = value_at_risk(customers), sum(csat_scale) / 2
    rows = []
    for key in frame.to_dict("records"):
        name = key["customer_id"]
        reasons, rests_on = [], [source("customers.csv", customer_id=name)]
        if (tier := key.get("risk_tier")) in _TIERS:
            reasons.append(_(_TIERS[tier]))
        if any(key.get(column) in (True, "True") for column in AT_RISK):
            reasons.append(_("may leave"))
        if name in lasts.index and ((last := lasts.loc[name])["last_nps"] <= DETRACTOR or last["last_csat"] < middle):
            reasons.append(_("dissatisfied by the last answer"))
            rests_on.append(source("surveys", customer_id=name, date=("", last["last_on"])))
        if reasons:
            told = _("One of the {n} largest customers: {reasons}.").format(n=top, reasons=clauses(reasons))
            rows.append({
                "customer_id": name, "kind": "key_account", "date": pd.Timestamp(as_of),
                "severity": "high" if tier == "default" or len(reasons) > 1 else "medium",
                "reason": told, "action": _(_KEY_ACTION), "amount": key["amount"],
                "value_at_risk": at_risk.get(name, np.nan), "source": " | ".join(rests_on),
            })  # fmt: skip
    return alert_rows(rows)


def customer_worth(customers: pd.DataFrame | None) -> dict[object, float]:
    """By customer, the lifetime value, or what the customer brings now, in currency; nothing where neither is known."""
    column = next((name for name in WORTH if customers is not None and name in customers), None)
    return {} if column is None else customers.set_index("customer_id")[column].astype(float).to_dict()


def _fall(each) -> str:
    """What was said before and what now, in the question that fell."""
    values = {"day": language.day(each.last_on.date())}
    if each.by_nps:
        values |= {"last": language.number(each.last_nps), "before": language.number(each.nps_before, 1)}
        if each.nps_before >= PROMOTER and each.last_nps <= DETRACTOR:
            return _("A promoter turned detractor: {last} of 10 on {day}, {before} on average before.").format(**values)
        return _("Would recommend at {last} of 10 on {day}, {before} on average before.").format(**values)
    values |= {"last": language.number(each.last_csat, 1), "before": language.number(each.csat_before, 1)}
    return _("Satisfaction of {last} on {day}, {before} on average before.").format(**values)
