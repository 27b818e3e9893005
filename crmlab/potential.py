r"""What customers bring today, should bring on their present course, and could bring: 现有, 未来, 潜在价值.

By customer, in the measure in which lifetime value is counted (revenue or margin):

- existing value: what the customer brought in the last months;
- future value: the customer's lifetime value over the horizon, as `clv` expects it if all goes on as it is;
- potential value: future value, and the customer's open opportunities at the usual rate of winning,
  :math:`CLV + w\, m \sum_j a_j` with `w` the win rate, `m` the margin on opportunities, `a` their amounts.

A customer of high potential is small today and large tomorrow: existing value up to the median, and growth (potential
less existing value, both by the year) above zero and in the top tenth.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from crmlab import language
from crmlab.clv import LifetimeValue
from crmlab.groups import group_of, in_order, named
from crmlab.intervals import FULL_COUNT, Estimate, z_score
from crmlab.likelihood import prediction
from crmlab.messages import N_, _, ngettext, sentences
from crmlab.purchases import UNITS_PER_MONTH, PurchaseModel
from crmlab.spend import SpendModel

_ALL = N_("All customers")
TOP_GROWTH = 0.9
_FEWEST = 20  # customers of a group


@dataclass(frozen=True, eq=False)
class ValueOutlook:
    """Existing, future and potential value, side by side, in money of `unit` as lifetime value counts it.

    Attributes
    ----------
    groups
        One row per group, the largest by existing value first: `group`, `customers`, `existing`, `future` and
        `potential` (estimates whose intervals hold what the customers will have brought).
    total
        The same of all customers, as estimates by `existing`, `future`, `potential`.
    customers
        One row per customer: `customer_id`, `group`, `existing`, `future`, `pipeline` (open opportunities at the win
        rate), `potential`, `growth` (potential less existing value, both by the year), `p_alive` (0 to 1), and
        `high_potential`: existing value up to the median, growth above zero and in the top tenth.
    months, horizon_months
        How far existing value looks back, and the others ahead.
    by
        Column that made the groups; None for one group.
    pipeline
        Whether open opportunities are in `potential`.
    """

    formats: ClassVar[dict[str, str]] = {"customers": "integer"}
    labels: ClassVar[dict[str, str]] = {
        "group": N_("Group"),
        "existing": N_("Existing value"),
        "future": N_("Future value"),
        "potential": N_("Potential value"),
    }

    groups: pd.DataFrame
    total: dict[str, Estimate]
    customers: pd.DataFrame
    months: int
    horizon_months: int
    by: str | None
    pipeline: bool
    unit: str

    def table(self) -> pd.DataFrame:
        """`groups`, with the names given here in the language that is spoken."""
        return self.groups.assign(group=named(self.groups["group"].replace(_ALL, _(_ALL))))

    def customer_list(self) -> pd.DataFrame:
        """What the client's own CRM should know of each customer."""
        names = {"existing": "existing_value", "pipeline": "open_opportunities", "potential": "potential_value"}
        names |= {"growth": "expected_growth_a_year", "high_potential": "high_potential"}
        return self.customers[["customer_id", *names]].rename(columns=names)

    def summary(self) -> str:
        """What the customers brought, should bring, and could with their open opportunities; who has high potential."""
        existing, future, potential = (self.total[name] for name in ("existing", "future", "potential"))
        course = _(
            "In the last {months} the {n} customers brought {existing}; on their present course they should bring "
            "{future} {evidence} over the next {horizon}."
        ).format(
            months=language.quantity(self.months, "months"),
            horizon=language.quantity(self.horizon_months, "months"),
            n=language.number(existing.n),
            existing=existing.text(),
            future=future.text(),
            evidence=future.evidence(),
        )
        with_open = _("With their open opportunities it is {potential} {evidence}.").format(
            potential=potential.text(), evidence=potential.evidence()
        )
        return sentences(course, with_open if self.pipeline else "", self._high_potential_message())

    def _high_potential_message(self) -> str:
        chosen = self.customers[self.customers["high_potential"]]
        if chosen.empty:
            return _("No customer is small today and large tomorrow.")
        message = ngettext(
            "One customer is small today and large tomorrow, with {share} of all potential value.",
            "{n} customers are small today and large tomorrow, with {share} of all potential value.",
            len(chosen),
        )
        held = chosen["potential"].sum() / self.customers["potential"].sum()
        return message.format(n=language.number(len(chosen)), share=language.quantity(float(held), "share"))


def value_outlook(
    periods: Any,
    worth: LifetimeValue,
    purchases: PurchaseModel,
    spend: SpendModel,
    customers: pd.DataFrame,
    profiles: pd.DataFrame | None = None,
    *,
    by: str | None = None,
    opportunities: pd.DataFrame | None = None,
    win_rate: Estimate | None = None,
    draws: int = 200,
    seed: int = 0,
    confidence_level: float = 0.95,
) -> ValueOutlook:
    """Existing, future and potential value per customer and by group.

    Parameters
    ----------
    periods
        What `aggregate.adjacent_periods` gives: its later period is the existing value.
    worth, purchases, spend, customers
        What `clv.customer_lifetime_value` gave and was given.
    profiles, by
        One row per customer with `customer_id` and the column that makes the groups; without profiles all are one.
    opportunities
        One row each: `customer_id`, `outcome` (anything but `won` and `lost` is open), `amount`; an empty amount
        counts as zero.
    win_rate
        `conversion_rates(...).total`; without it, or without opportunities, potential is future value.
    draws
        Simulated futures behind the intervals of the groups.

    Raises
    ------
    FitError
        If `profiles` lack the column `by`.
    ValueError
        If `customers` are not those of `worth`, in the same order, `opportunities` lack a column, or `draws` are too
        few for the `confidence_level`.
    """
    by = None if profiles is None else by
    ids = worth.customers["customer_id"].reset_index(drop=True)
    if not ids.equals(customers["customer_id"].reset_index(drop=True)):
        raise ValueError("`customers` must be those of `worth`, in the same order")
    pipeline = opportunities is not None and win_rate is not None
    group = pd.Series(_ALL, ids.index) if by is None else group_of(ids, profiles, by=by, fewest=_FEWEST)
    offers = _open_offers(opportunities, ids, worth.margin) if pipeline else pd.DataFrame({"place": [], "amount": []})
    rate = win_rate.value if pipeline else 0.0
    future = worth.customers["clv"].to_numpy(dtype=float)
    weighted = rate * _sum_by(offers["place"], offers["amount"], len(ids))
    existing = _existing(periods.customers, ids, worth.margin)
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "group": group,
            "existing": existing,
            "future": future,
            "pipeline": weighted,
            "potential": future + weighted,
            "growth": 12 * ((future + weighted) / worth.horizon_months - existing / periods.months),
            "p_alive": worth.customers["p_alive"].to_numpy(),
        }
    )
    frame["high_potential"] = _high_potential(frame)
    codes, names = pd.factorize(group)
    simulated = _simulate(worth, purchases, spend, customers, codes, len(names), draws, seed)
    won = _simulate_offers(offers, codes, len(names), win_rate if pipeline else None, draws, seed + 2)
    options = {"unit": worth.total.unit, "confidence_level": confidence_level}
    rows = [
        {"group": name, "customers": int((codes == code).sum())}
        | _three(frame[codes == code], simulated[:, code], won[:, code], options)
        for code, name in enumerate(names)
    ]
    groups = pd.DataFrame(rows)
    order = in_order(groups.assign(size=[each.value for each in groups["existing"]]), "size").drop(columns="size")
    total = _three(frame, simulated.sum(1), won.sum(1), options)
    total["future"] = worth.total
    return ValueOutlook(order, total, frame, periods.months, worth.horizon_months, by, pipeline, worth.total.unit)


def _three(rows: pd.DataFrame, simulated: np.ndarray, won: np.ndarray, options: dict) -> dict[str, Estimate]:
    n = len(rows)
    existing = Estimate(
        float(rows["existing"].sum()), None, None, options["unit"], n, _("existing value"), no_interval=FULL_COUNT
    )
    future = prediction(float(rows["future"].sum()), simulated, n=n, label=_("future value"), **options)
    potential = prediction(float(rows["potential"].sum()), simulated + won, n=n, label=_("potential value"), **options)
    return {"existing": existing, "future": future, "potential": potential}


def _existing(periods: pd.DataFrame, ids: pd.Series, margin: float) -> np.ndarray:
    """What each customer brought in the later period, as lifetime value counts it."""
    own = "margin" in periods and margin != 1
    brought = periods["margin"] if own else periods["revenue"] * margin
    return ids.map(brought.set_axis(periods["customer_id"])).fillna(0.0).to_numpy(dtype=float)


def _open_offers(opportunities: pd.DataFrame, ids: pd.Series, margin: float) -> pd.DataFrame:
    """Open opportunities of the customers: their `place` among `ids`, and the `amount` that they would bring."""
    missing = [name for name in ("customer_id", "outcome", "amount") if name not in opportunities]
    if missing:
        raise ValueError(
            f"`opportunities` must have the columns customer_id, outcome and amount; missing: {', '.join(missing)}"
        )
    still = opportunities[~opportunities["outcome"].isin(("won", "lost"))]
    places = still["customer_id"].map(pd.Series(ids.index, ids))
    found = pd.DataFrame({"place": places, "amount": margin * still["amount"].fillna(0.0).astype(float)})
    return found.dropna().astype({"place": int})


def _high_potential(frame: pd.DataFrame) -> np.ndarray:
    small = frame["existing"] <= frame["existing"].median()
    large = (frame["growth"] > 0) & (frame["growth"] >= frame["growth"].quantile(TOP_GROWTH))
    return (small & large).to_numpy()


def _sum_by(places, amounts, size: int) -> np.ndarray:
    return np.bincount(np.asarray(places, dtype=int), np.asarray(amounts, dtype=float), minlength=size)


def _simulate(worth, purchases, spend, customers, codes, groups: int, draws: int, seed: int) -> np.ndarray:
    """Value that each group will have brought, one row per simulated future."""
    if worth.outcomes.size:
        return worth.outcomes.astype(float) @ np.eye(groups)[codes]
    known = worth.customers
    undiscounted = known["expected_purchases"].to_numpy() * known["expected_spend"].to_numpy()
    kept = np.divide(known["clv"].to_numpy(), undiscounted, out=np.zeros(len(known)), where=undiscounted > 0)
    span = worth.horizon_months * UNITS_PER_MONTH[purchases.time_unit]
    futures = purchases.simulate_purchases(span, customers, draws=draws, seed=seed)
    amounts = spend.simulate_amounts(customers, futures, draws=draws, seed=seed + 1)
    return np.array([_sum_by(codes[buyers], kept[buyers] * amount, groups) for buyers, amount in amounts])


def _simulate_offers(offers, codes, groups: int, win_rate: Estimate | None, draws: int, seed: int) -> np.ndarray:
    """What each group's open opportunities will have brought; the win rate is drawn as uncertain as it is."""
    if win_rate is None or offers.empty:
        return np.zeros((draws, groups))
    rng = np.random.default_rng(seed)
    rates = np.full(draws, win_rate.value)
    if win_rate.low is not None:
        error = (win_rate.high - win_rate.low) / (2 * z_score(win_rate.confidence_level))
        rates = np.clip(win_rate.value + error * rng.standard_normal(draws), 0, 1)
    of = codes[offers["place"].to_numpy()]
    won = rng.random((draws, len(offers))) < rates[:, None]
    return np.array([_sum_by(of, offers["amount"].to_numpy() * each, groups) for each in won])
