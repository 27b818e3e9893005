"""The CRM programme: whom it reached, what it cost, what it brought; and what winning customers cost."""

import numpy as np
import pandas as pd

from crmlab.datasets.xinglin.truth import ACQUIRED_FROM, ACQUIRED_TO, AS_OF, TRUTH

_FIRST_MONTH = np.datetime64("2025-04", "M")
_LAST_MONTH = np.datetime64(AS_OF, "M")


def draw_exposure(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    """The table `exposure`: the wave of each customer, drawn at random within its industry."""
    law, n = TRUTH["programme"], len(customers)
    place = pd.Series(rng.random(n)).groupby(customers["industry"].to_numpy()).rank(method="first", pct=True)
    wave = np.ceil(place.to_numpy() / law["wave_share"] - 1e-9).astype(int) - 1
    treated = wave < len(law["waves"])
    days = np.array([*law["waves"], "NaT"], "datetime64[D]")
    cost = np.round(rng.normal(law["cost_per_customer"], law["cost_per_customer_sd"], n), 2)
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "treated": treated,
            "from_date": days[np.minimum(wave, len(law["waves"]))],
            "cost": np.where(treated, cost, 0.0),
        }
    )


def programme_effect(transactions: pd.DataFrame, caused: pd.Series, exposure: pd.DataFrame) -> dict:
    """What the programme brought in this draw, by customer and month, over all months after each one's wave."""
    treated = exposure[exposure["treated"]]
    started = treated["from_date"].to_numpy("datetime64[M]")
    months = int((_LAST_MONTH - started).astype(int).sum() + len(treated))
    joined = transactions[["customer_id", "date", "margin"]].merge(treated[["customer_id", "from_date"]], "left")
    after = (joined["date"] >= joined["from_date"]).to_numpy()
    total, margin = float(caused[after].sum()), float(joined.loc[after, "margin"].sum())
    return {
        "treated_customers": len(treated),
        "control_customers": len(exposure) - len(treated),
        "treated_customer_months": months,
        "margin_caused": round(total, 2),
        "margin_caused_per_customer_month": round(total / months, 4),
        "margin_without_it_per_customer_month": round((margin - total) / months, 4),
    }


def draw_cashflows(
    rng: np.random.Generator, exposure: pd.DataFrame, transactions: pd.DataFrame, caused: pd.Series
) -> pd.DataFrame:
    """The table `crm_cashflows`: actual ones by month to the as-of date, and three plans by quarter for three years."""
    actual = [*_actual_costs(rng, exposure), *_actual_benefits(rng, transactions, caused)]
    table = pd.DataFrame(actual, columns=["date", "kind", "category", "amount", "scenario"])
    table = pd.concat([table, _plans()], ignore_index=True)
    return table.sort_values(["scenario", "date", "kind", "category"], kind="stable", ignore_index=True)


def _actual_costs(rng: np.random.Generator, exposure: pd.DataFrame) -> list[tuple]:
    months = np.arange(_FIRST_MONTH, _LAST_MONTH + 1)
    varied = np.round(np.array([[12_000], [26_000]]) * rng.normal(1, 0.04, (2, months.size)), 2)
    rows = [(month, "cost", "软件许可", amount, "actual") for month, amount in zip(months, varied[0], strict=True)]
    rows += [(month, "cost", "运营人员", amount, "actual") for month, amount in zip(months, varied[1], strict=True)]
    rows += [(month, "cost", "实施费用", 160_000.0, "actual") for month in months[:3]]
    rows += [(month, "cost", "培训", 18_000.0, "actual") for month in months[::6]]
    onboarding = exposure[exposure["treated"]].groupby("from_date")["cost"].sum().round(2)
    rows += [(np.datetime64(day, "M"), "cost", "客户上线", cost, "actual") for day, cost in onboarding.items()]
    return [(month.astype("datetime64[D]"), *rest) for month, *rest in rows]


def _actual_benefits(rng: np.random.Generator, transactions: pd.DataFrame, caused: pd.Series) -> list[tuple]:
    month = transactions["date"].to_numpy("datetime64[M]")
    margin = caused.groupby(month).sum()
    margin = margin[margin > 0].round(2)
    rows = [(day, "benefit", "毛利增量", amount, "actual") for day, amount in margin.items()]
    saved = np.arange(np.datetime64("2025-10", "M"), _LAST_MONTH + 1)
    rows += [(day, "benefit", "人工节省", round(float(14_000 * rng.normal(1, 0.05)), 2), "actual") for day in saved]
    return [(np.datetime64(day, "D"), *rest) for day, *rest in rows]


def _plans() -> pd.DataFrame:
    """Costs and benefits as planned before the start; the plans differ in what the programme brings."""
    quarters = np.arange(12)
    start = (_FIRST_MONTH + 3 * quarters).astype("datetime64[D]")
    growing = np.minimum(quarters / 4, 1.0)
    costs = {"软件许可": 36_000.0 + 0 * growing, "运营人员": 78_000.0 + 0 * growing, "培训": 9_000.0 + 0 * growing}
    costs["实施费用"] = np.where(quarters == 0, 480_000.0, 0.0)
    costs["客户上线"] = np.where((quarters >= 1) & (quarters <= 3), 180_000.0, 0.0)
    plans = []
    for scenario, factor in {"pessimistic": 0.6, "base": 1.0, "optimistic": 1.3}.items():
        benefits = {"毛利增量": 600_000.0 * factor * growing, "人工节省": 42_000.0 * factor * growing}
        for kind, flows in (("cost", costs), ("benefit", benefits)):
            for category, amount in flows.items():
                plan = {"date": start, "kind": kind, "category": category, "amount": amount.round(2)}
                plans.append(pd.DataFrame(plan | {"scenario": scenario}))
    flows = pd.concat(plans, ignore_index=True)
    return flows[flows["amount"] > 0]


def draw_acquisition_spend(rng: np.random.Generator, customers: pd.DataFrame) -> pd.DataFrame:
    """The table `acquisition_spend`: by month and channel, with the customers that were won in the month."""
    law = TRUTH["acquisition"]
    months = np.arange(np.datetime64(ACQUIRED_FROM, "M"), np.datetime64(ACQUIRED_TO, "M") + 1)
    grid = pd.MultiIndex.from_product([months, list(law["cost_per_customer"])], names=["date", "channel"])
    won = customers.groupby([customers["acquired_on"].to_numpy("datetime64[M]"), "channel"]).size()
    won = won.rename_axis(["date", "channel"]).reindex(grid, fill_value=0).rename("new_customers").reset_index()
    factor = rng.normal(1, law["factor_sd"], len(won))
    amount = won["channel"].map(law["cost_per_customer"]) * won["new_customers"] * factor
    date = won["date"].to_numpy("datetime64[D]")
    return won.assign(date=date, amount=amount.round(2))[["date", "amount", "channel", "new_customers"]]
