"""What Xinglin's customers buy, lease and pay: transactions, opportunities, payments."""

import numpy as np
import pandas as pd

from crmlab.datasets.xinglin import words
from crmlab.datasets.xinglin.customers import Scores, in_order_of, pick
from crmlab.datasets.xinglin.truth import AS_OF, TRUTH
from crmlab.datasets.xinglin.when import months_after, seasonal_days, seasonal_years

_END = np.datetime64(AS_OF)


def draw_transactions(
    rng: np.random.Generator, scores: Scores, customers: pd.DataFrame, exposure: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series]:
    """The table `transactions` by date, and the margin in each of its rows that the programme caused."""
    owner, day = _purchases(rng, scores, customers["acquired_on"].to_numpy("datetime64[D]"))
    order = np.lexsort((owner, day))
    owner, day = owner[order], day[order]
    relative, amount = _amounts(rng, scores, owner)
    margin = TRUTH["margin"]
    rate = rng.normal(margin["rate"], margin["rate_sd"], owner.size)
    reached = day >= exposure["from_date"].to_numpy("datetime64[D]")[owner]
    added = np.where(reached, TRUTH["programme"]["margin_rate_added"], 0.0)
    # What a part, a visit and a rental cost overlaps, so that the product follows the amount but does not fix it.
    product = np.digitize(relative + rng.normal(0, 1.5, owner.size), [5.0, 7.5])
    sales = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_numpy()[owner],
            "date": day,
            "amount": amount,
            "margin": np.round(amount * (rate + added), 2),
            "order_id": [f"SO{number:06d}" for number in range(1, owner.size + 1)],
            "product": np.array(words.PRODUCTS)[product],
            "caused": amount * added,
        }
    )
    rows = pd.concat([sales, _refunds(rng, sales)]).sort_values(["date", "order_id"], ignore_index=True)
    return rows.drop(columns="caused"), rows["caused"]


def _purchases(rng: np.random.Generator, scores: Scores, acquired: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Customers' positions and days of their purchases, round by round while anybody is left.

    Gaps are rounded to whole days and last one at least, which biases them by less than rounding the moments would.
    """
    law, n = TRUTH["purchases"], acquired.size
    rate = in_order_of(scores.activity, rng.gamma(law["r"], 1 / law["alpha"], n))
    dropout = in_order_of(-scores.experience, rng.beta(law["a"], law["b"], n))
    buyers, day = np.arange(n), acquired
    owners, days = [buyers], [day]
    while buyers.size:
        gap = np.maximum(np.rint(7 * rng.standard_exponential(buyers.size) / rate[buyers]), 1)
        day = day + np.minimum(gap, 10_000).astype("timedelta64[D]")
        buyers, day = buyers[day <= _END], day[day <= _END]
        owners.append(buyers)
        days.append(day)
        stays = rng.random(buyers.size) >= dropout[buyers]
        buyers, day = buyers[stays], day[stays]
    return np.concatenate(owners), np.concatenate(days)


def _amounts(rng: np.random.Generator, scores: Scores, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each purchase's size against the customer's own usual (a Gamma(p, 1) draw), and its amount."""
    law = TRUTH["spend"]
    nu = in_order_of(-scores.size, rng.gamma(law["q"], 1 / law["v"], scores.size.size))
    relative = rng.gamma(law["p"], 1.0, owner.size)
    return relative, np.round(relative / nu[owner], 2)


def _refunds(rng: np.random.Generator, sales: pd.DataFrame) -> pd.DataFrame:
    """Part of the money for some orders, given back some days later; those after the as-of date are not seen yet."""
    law = TRUTH["refunds"]
    back = sales[rng.random(len(sales)) < law["probability"]]
    after = rng.integers(law["days_after_low"], law["days_after_high"], len(back), endpoint=True)
    back = back.assign(
        date=back["date"] + pd.to_timedelta(after, unit="D"),
        amount=(-law["fraction"] * back["amount"]).round(2),
        margin=(-law["fraction"] * back["margin"]).round(2),
        caused=-law["fraction"] * back["caused"],
    )
    return back[back["date"] <= pd.Timestamp(_END)]


def draw_opportunities(
    rng: np.random.Generator, scores: Scores, customers: pd.DataFrame, service: pd.DataFrame
) -> pd.DataFrame:
    """The table `opportunities`: for each customer the one that won it, then those that follow."""
    law, n = TRUTH["opportunities"], len(customers)
    acquired = customers["acquired_on"].to_numpy("datetime64[D]")
    expected = law["per_year"] * np.exp(law["activity"] * scores.activity) * seasonal_years(acquired, _END)
    owner = np.concatenate([np.arange(n), np.repeat(np.arange(n), rng.poisson(expected))])
    first = np.arange(owner.size) < n
    takes = rng.integers(20, 90, owner.size, endpoint=True).astype("timedelta64[D]")
    opened = np.where(first, acquired[owner] - takes, seasonal_days(rng, acquired[owner], _END))
    closed = opened + takes
    predictor = law["intercept"] + law["satisfaction_less_3_6"] * (service["satisfaction"].to_numpy()[owner] - 3.6)
    won = first | (rng.random(owner.size) < 1 / (1 + np.exp(-predictor)))
    # Better credit finishes its projects on time: two cuts through credit quality and noise.
    ending = np.digitize(scores.credit[owner] + rng.standard_normal(owner.size), [-1.9, -0.6])
    is_open = closed > _END
    ended = won & (closed + np.timedelta64(540, "D") <= _END)
    table = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_numpy()[owner],
            "opened_on": opened,
            "closed_on": np.where(is_open, np.datetime64("NaT"), closed),
            "outcome": np.where(is_open, None, np.where(won, "won", "lost")),
            "amount": np.round(np.exp(12.2 + 0.7 * scores.size[owner] + 0.5 * rng.standard_normal(owner.size)), -2),
            "project_outcome": np.where(ended, np.array(["终止", "延期完成", "按期完成"])[ending], None),
        }
    ).sort_values(["opened_on", "customer_id"], kind="stable", ignore_index=True)
    table.insert(5, "project_id", [f"P{number:05d}" for number in range(1, len(table) + 1)])
    return table


def draw_payments(
    rng: np.random.Generator, customers: pd.DataFrame, service: pd.DataFrame, opportunities: pd.DataFrame
) -> tuple[pd.DataFrame, np.ndarray]:
    """The table `payments`, instalments of each customer's first lease, those to come too, and who defaulted on it."""
    n = len(customers)
    acquired = customers["acquired_on"].to_numpy("datetime64[D]")
    lease = opportunities.sort_values("closed_on").drop_duplicates("customer_id").set_index("customer_id")
    lease = lease.loc[customers["customer_id"]]
    months = pick(rng, [12, 18, 24, 36], n, [0.30, 0.30, 0.25, 0.15]).astype(int)
    defaulted = rng.random(n) < 1 / (1 + np.exp(-default_predictor(customers)))
    stops_at = np.where(defaulted, rng.integers(1, 9, n, endpoint=True), months + 1)

    owner = np.repeat(np.arange(n), months)
    number = np.arange(owner.size) - np.repeat(np.cumsum(months) - months, months) + 1
    due = months_after(acquired[owner], number)
    late = np.minimum(np.rint(rng.gamma(0.8, service["days_past_due"].to_numpy()[owner] / 0.8)), 60)
    paid = due + late.astype("timedelta64[D]")
    is_paid = (number < stops_at[owner]) & (paid <= _END)
    # Eight per cent a year on half the term's sum, as a level instalment roughly bears.
    instalment = np.round(lease["amount"].to_numpy() / months * (1 + 0.04 * months / 12), 2)[owner]
    milestone = np.char.add(np.char.add("第", number.astype(str)), "期租金")
    milestone = np.where(number == 1, "设备交付验收", np.where(number == months[owner], "留购价款", milestone))
    table = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_numpy()[owner],
            "due_on": due,
            "amount": instalment,
            "paid_on": np.where(is_paid, paid, np.datetime64("NaT")),
            "paid_amount": np.where(is_paid, instalment, np.nan),
            "milestone": milestone,
            "project_id": lease["project_id"].to_numpy()[owner],
        }
    )
    return table.sort_values(["due_on", "customer_id"], kind="stable", ignore_index=True), defaulted


def default_predictor(customers: pd.DataFrame) -> np.ndarray:
    """Log odds of default, from columns of `customers`."""
    law = TRUTH["default"]
    grade = customers["credit_rating"].map({letter: count for count, letter in enumerate("ABCDE")}).to_numpy()
    return (
        law["intercept"]
        + law["rating_grade"] * grade
        + law["log10_registered_capital_in_millions"] * np.log10(customers["registered_capital"].to_numpy() / 1e6)
        + law["risk_tolerance_进取"] * (customers["risk_tolerance"] == "进取").to_numpy()
    )
