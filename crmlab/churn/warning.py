"""Early warning, 流失预警: who may leave, why, what would go with them, whom to call first.

`early_warning` serves customers under contract, from a model of who leaves next; `silence_warning` those who leave
without saying so, from the chance that they have left already. Both rank by value at risk; see `crmlab.churn.at_risk`.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.absence import Absent
from crmlab.binomial import inverse_link
from crmlab.churn.at_risk import EarlyWarning, checked, ranked
from crmlab.churn.hazard import HazardModel, later
from crmlab.churn.preparation import LOG_TENURE, TENURE, design_matrix
from crmlab.churn.reasons import in_words, label, leading_drivers, suggested_action
from crmlab.intervals import Estimate
from crmlab.likelihood import covariance_root
from crmlab.messages import N_, _, ngettext
from crmlab.purchases import PurchaseModel

# where no threshold is given: at risk is who is this many times as likely to leave as the average customer
TIMES_AVERAGE = 2
# by driver of silence: what it is called, and the action
SILENCE = {
    "long_silence": (N_("Silent for more than three times the usual gap"), "win_back"),
    "silence": (N_("Silent for longer than usual"), "care_call"),
    "one_purchase": (N_("Bought once and not again"), "care_call"),
}
_LONG = 3
# simulated futures behind the intervals
_DRAWS = 400
_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12}


def early_warning(
    customers: pd.DataFrame,
    contributions: pd.DataFrame | None = None,
    *,
    values: pd.DataFrame | None = None,
    currency: str = "",
    threshold: float | None = None,
    labels: Mapping[str, str] | None = None,
    described: pd.DataFrame | None = None,
    actions: Mapping[str, str] | None = None,
    period_months: int = 1,
    probability_draws: Iterable[np.ndarray] | None = None,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> EarlyWarning:
    """Who is at risk of leaving within the next period, ranked by value at risk, or by their chance without values.

    Parameters
    ----------
    customers
        One row per customer under contract: `customer_id`, `probability` to leave within the period, and `last_contact`
        where it is known.
    contributions
        For the same customers in the same order, what each driver adds to the log-odds of leaving, against the average
        customer. Without it there are no reasons.
    values
        `customer_id` and `clv`, or `value` (of a year); customers it lacks have none and rank behind.
    threshold
        Chance, 0 to 1, from which on a customer is at risk; None: twice the average.
    labels, described, actions
        Words for drivers, the customers' own values of them, and what to do about them; see `crmlab.churn.reasons`.
    period_months
        Months that `probability` is of; they stand in the sentences.
    probability_draws
        Probabilities of all customers, drawn from the model as its coefficients are uncertain: a row for each simulated
        future. Without it, intervals hold the chance of who leaves alone.

    Raises
    ------
    FitError
        If there is no customer who could leave.
    ValueError
        If `customers` lack a column, repeat a customer or have a probability that is not from 0 to 1, or
        `contributions` are of another number.
    """
    frame = checked(customers, values)
    if contributions is not None and len(contributions) != len(frame):
        raise ValueError(f"`contributions` must be of the same {len(frame)} customers, got {len(contributions)}")
    if threshold is None:
        threshold = min(TIMES_AVERAGE * float(frame["probability"].mean()), 1.0)
    frame["at_risk"] = (frame["probability"] >= threshold) & (frame["probability"] > 0)
    frame["driver"], frame["reason"] = None, ""
    if contributions is not None and contributions.shape[1]:
        leading = leading_drivers(contributions.reset_index(drop=True))
        warned = frame["at_risk"].to_numpy()
        own, averages = None, None
        if described is not None:
            own, averages = described.reset_index(drop=True)[warned], described.select_dtypes("number").mean()
        frame["driver"] = leading[1]
        frame.loc[warned, "reason"] = in_words(leading[warned], labels, own, averages)
    known = {driver: suggested_action(driver, actions) for driver in frame["driver"].dropna().unique()}
    frame["action"] = [known.get(driver, suggested_action(None)) for driver in frame["driver"]]
    chances = repeat(frame["probability"].to_numpy(), _DRAWS) if probability_draws is None else probability_draws
    months = ngettext("month", "{n} months", period_months).format(n=period_months)
    words = {driver: label(driver, labels) for driver in known}
    told = _("value at risk within the next {period}").format(period=months)
    level: dict[str, Any] = {"confidence_level": confidence_level, "seed": seed + 1}
    names: dict[str, Any] = {"leavers_label": _("customers expected to leave"), "value_label": told}
    return ranked(frame, chances, words, threshold=threshold, period=months, currency=currency, **names, **level)


def hazard_warning(
    model: HazardModel,
    customers: pd.DataFrame,
    *,
    months: int = 1,
    contacts: pd.DataFrame | None = None,
    seed: int = 0,
    **options,
) -> EarlyWarning:
    """The early warning of a hazard model, with its reasons, and intervals that allow for its coefficients' own.

    Parameters
    ----------
    customers
        Those whose contract runs, as `aggregate.hazard_data` makes them.
    months
        How far ahead to look.
    contacts
        `customer_id` and `last_contact`, where they are known.
    options
        As of `early_warning`.
    model
        As `crmlab.churn.hazard.fit_hazard` fits it.

    Raises
    ------
    FitError, ValueError
        As `early_warning`.
    """
    frame = customers[["customer_id"]].assign(probability=model.probability(customers, months=months).to_numpy())
    if contacts is not None:
        frame = frame.merge(contacts[["customer_id", "last_contact"]], on="customer_id", how="left", validate="1:1")
    # time since the start is told in months, not as the logarithm that the model takes
    described = customers.assign(**{LOG_TENURE: customers[TENURE]}) if TENURE in customers else customers
    told = {"labels": model.labels, "described": described, "period_months": months}
    drawn = _drawn_hazards(model, customers, months, draws=_DRAWS, seed=seed)
    found: dict[str, Any] = {"probability_draws": drawn, "seed": seed} | told | options
    return early_warning(frame, model.contributions(customers), **found)


def _drawn_hazards(
    model: HazardModel, customers: pd.DataFrame, months: int, *, draws: int, seed: int
) -> Iterator[np.ndarray]:
    """Chances to leave within so many months, by coefficients drawn as uncertain as the data leave them."""
    columns = list(model.names[1:])
    steps = [design_matrix(later(customers, step), model.covariates)[columns].to_numpy(float) for step in range(months)]
    root = covariance_root(model.covariance)
    rng = np.random.default_rng(seed)
    for _place in range(draws):
        intercept, *rest = model.coefficients + root @ rng.standard_normal(len(model.coefficients))
        stays = np.ones(len(customers))
        for x in steps:
            stays = stays * (1 - inverse_link(intercept + x @ np.array(rest), model.link))
        yield 1 - stays


def silence_warning(
    alive: pd.DataFrame,
    history: pd.DataFrame,
    *,
    purchases: PurchaseModel | None = None,
    time_unit: str = "week",
    currency: str = "",
    threshold: float = 0.5,
    gone_from: float = 0.9,
    actions: Mapping[str, str] | None = None,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> EarlyWarning:
    """Who has been silent for longer than usual and may have left, ranked by what the forecast expects of them.

    At risk are customers whose silence is longer than their usual gap between purchases (for those who bought once, the
    median gap of the others), and whose chance to have left is at least `threshold` and below `gone_from`.

    Parameters
    ----------
    alive
        `customer_id`, `p_alive`, and `clv` where it is known, as `clv.customer_lifetime_value` gives them.
    history
        `customer_id`, `frequency`, `recency` and `T` in `time_unit`, as `aggregate.customer_summary` gives them.
    purchases
        The model behind `p_alive`: with it, intervals allow for the uncertainty of its parameters too.
    threshold, gone_from
        Chances to have left, 0 to 1: from the first on a customer may be at risk, from the second on counts as gone.
    actions
        What to do, by `long_silence`, `silence` and `one_purchase`.

    Raises
    ------
    FitError
        If there is no customer.
    ValueError
        If `time_unit` is none that is known, or `threshold` is not above 0 and below `gone_from`.
    """
    if time_unit not in _DAYS:
        raise ValueError(f"`time_unit` must be one of {', '.join(_DAYS)}, got {time_unit!r}")
    if not 0 < threshold < gone_from <= 1:
        raise ValueError(f"`threshold` must lie above 0 and below `gone_from`, got {threshold} and {gone_from}")
    known = alive.merge(history[["customer_id", "frequency", "recency", "T"]], on="customer_id", validate="1:1")
    frame = checked(known.assign(probability=1 - known["p_alive"]), known if "clv" in known else None)
    days = _silence(known, _DAYS[time_unit])
    probability = frame["probability"]
    unusual = days["silent"] > days["usual"]
    frame["at_risk"] = unusual & (probability >= threshold) & (probability < gone_from)
    long = days["silent"] > _LONG * days["usual"]
    driver = np.select([days["once"], long], ["one_purchase", "long_silence"], "silence")
    frame["driver"] = pd.Series(driver, dtype=object).where(unusual, None)
    frame["reason"] = ""
    frame.loc[frame["at_risk"], "reason"] = _told(days[frame["at_risk"]])
    own = {name: (actions or {}).get(name, action) for name, (_words, action) in SILENCE.items()}
    frame["action"] = [own.get(driver, suggested_action(None)) for driver in frame["driver"]]
    return ranked(
        frame,
        _left_already(purchases, known, seed) if purchases else repeat(probability.to_numpy(), _DRAWS),
        {name: _(words) for name, (words, _action) in SILENCE.items()},
        leavers_label=_("customers who have left"),
        value_label=_("value at risk with customers who may have left"),
        threshold=threshold,
        period="",
        currency=currency,
        confidence_level=confidence_level,
        seed=seed + 1,
        gone_from=gone_from,
        gone=int((probability >= gone_from).sum()),
    )


def warning_metrics(*warnings: EarlyWarning | Absent) -> dict[str, Estimate]:
    """By the names under which a run publishes them: those of the first warning there is, others as `silent_...`.

    Parameters
    ----------
    warnings
        The more important first; absent ones are passed over.
    """
    there = [warning for warning in warnings if not isinstance(warning, Absent)]
    found = there[0].metrics() if there else {}
    return found | {f"silent_{name}": value for other in there[1:] for name, value in other.metrics().items()}


def _silence(known: pd.DataFrame, unit_days: float) -> pd.DataFrame:
    """Days since the last purchase and usual days between two, of each customer."""
    once = known["frequency"] == 0
    usual = unit_days * known["recency"] / known["frequency"].where(~once)
    # nobody has come back: any silence is as usual as another
    typical = usual.median() if not once.all() else np.inf
    silent = unit_days * (known["T"] - known["recency"])
    return pd.DataFrame({"silent": silent, "usual": usual.fillna(typical), "once": once})


def _told(days: pd.DataFrame) -> list[str]:
    again = _("silent for {silent} days; usually buys every {usual} days")
    once = _("bought once, {silent} days ago; customers who come back do so within {usual} days as a rule")
    return [
        (once if row.once else again).format(silent=language.number(row.silent), usual=language.number(row.usual))
        for row in days.itertuples()
    ]


def _left_already(purchases: PurchaseModel, known: pd.DataFrame, seed: int) -> Iterator[np.ndarray]:
    """Each customer's chance to have left, by parameters drawn as uncertain as the data leave them."""
    for alive in purchases.draw_p_alive(known, draws=_DRAWS, rng=np.random.default_rng(seed)):
        yield 1 - alive
