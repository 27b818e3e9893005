"""How often the 95% intervals of payment behaviour, default model and credit loss hold the truth.

Run from the repository's root: `python tests/bench/coverage_credit.py [draws] [customers]`. Each draw makes the
instalments of a portfolio from known laws, looks at them as of one day, and compares the intervals with the laws' own
values, or with what the same customers went on to do. An interval passes between 93% and 97% over 400 draws.
"""

import sys
import warnings
from functools import cache

import numpy as np
import pandas as pd

from crmlab.aggregate import payment_summary
from crmlab.credit.behaviour import default_outcomes, payment_behaviour
from crmlab.credit.expected_loss import expected_credit_loss
from crmlab.credit.probability_check import probability_check
from crmlab.credit.recovery import loss_given_default
from crmlab.credit.scorecard import default_model

AS_OF = pd.Timestamp("2025-01-01")
# Log-odds of default at one of the first nine instalments: intercept, each step of the grade, log10 of the capital.
TRUTH = {"intercept": -2.6, "grade": 0.5, "log10(capital)": -0.7}
FEATURES = {"grade": ["A", "B", "C", "D"], "capital": "log10"}
INSTALMENTS, RISKY = 24, 9
LOST = 0.6  # share of defaulters who never pay again; the others pay all of it within a year of the default
ON_TIME, MEAN_DELAY_DAYS = 0.7, 12.0
LATER_RATE = 0.002  # chance of default at each instalment after the ninth


def draw_customers(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Customers with their features, chance of default, and the day of their first instalment."""
    frame = pd.DataFrame({"customer_id": [f"C{number:05d}" for number in range(n)]})
    grade = rng.integers(0, 4, n)
    frame["grade"] = np.array(["A", "B", "C", "D"])[grade]
    frame["capital"] = 10 ** rng.normal(0.5, 0.5, n)
    log_odds = TRUTH["intercept"] + TRUTH["grade"] * grade + TRUTH["log10(capital)"] * np.log10(frame["capital"])
    frame["chance"] = 1 / (1 + np.exp(-log_odds))
    frame["first"] = AS_OF - pd.to_timedelta(rng.integers(1, 1000, n), unit="D")
    frame["amount"] = np.round(rng.lognormal(8, 0.7, n), 2)
    # how punctual a customer is differs between customers, and goes with nothing else
    frame["on_time"] = rng.beta(4 * ON_TIME, 4 * (1 - ON_TIME), n)
    return frame


def draw_payments(customers: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All instalments as they will have been paid, and where each customer stopped."""
    n = len(customers)
    early = rng.random(n) < customers["chance"]
    later = rng.geometric(LATER_RATE, n) + RISKY
    stops = np.where(early, rng.integers(1, RISKY, n, endpoint=True), later)
    fate = pd.DataFrame({"stops": stops, "early": early, "lost": rng.random(n) < LOST})
    owner, number = np.repeat(np.arange(n), INSTALMENTS), np.tile(np.arange(1, INSTALMENTS + 1), n)
    due = customers["first"].to_numpy()[owner] + (30.4375 * (number - 1)).round().astype("timedelta64[D]")
    late = rng.random(owner.size) >= customers["on_time"].to_numpy()[owner]
    delay = np.where(late, 1 + rng.poisson(MEAN_DELAY_DAYS - 1, owner.size), 0)
    paid = due + delay.astype("timedelta64[D]")
    stopped = number >= stops[owner]
    settles = customers["first"].to_numpy() + (30.4375 * (stops - 1) + 90 + rng.integers(1, 366, n)).round().astype(
        "timedelta64[D]"
    )
    paid = np.where(stopped, np.maximum(settles[owner], paid), paid)
    paid = np.where(stopped & fate["lost"].to_numpy()[owner], np.datetime64("NaT"), paid)
    ids, amounts = customers["customer_id"].to_numpy()[owner], customers["amount"].to_numpy()[owner]
    return pd.DataFrame({"customer_id": ids, "due_on": due, "amount": amounts, "paid_on": paid}), fate


def covered(customers: int, seed: int, *, futures: int = 200, large: int = 60_000) -> dict[str, bool]:
    """Which intervals of one simulated portfolio hold the truth; `large` customers stand for all there could be."""
    rng = np.random.default_rng([seed, customers])
    base = draw_customers(customers, rng)
    rows, fate = draw_payments(base, rng)
    payments = payment_summary(rows, until=AS_OF)
    features = base[["customer_id", "grade", "capital"]]
    outcomes = default_outcomes(payments)
    result = {}

    def holds(name: str, estimate, truth: float) -> None:
        if estimate is not None and estimate.low is not None:
            result[name] = bool(estimate.low <= truth <= estimate.high)

    elsewhere, known_of_many = _large(large)
    for name, estimate in payment_behaviour(payments).estimates().items():
        holds(name, estimate, known_of_many[name].value)
    lost = loss_given_default(payments)
    holds("loss given default", lost.estimate, LOST)
    model = default_model(outcomes, features, features=FEATURES, defaults_per_coefficient=5)
    if model.fit is not None:
        for place, name in enumerate(TRUTH):
            holds(name, _Ends(model.fit.low[place], model.fit.high[place]), TRUTH[name])
    loss = expected_credit_loss(payments, outcomes, model, features, lost, draws=futures, seed=seed)
    exposure = payments.set_index("customer_id")["exposure"].reindex(base["customer_id"]).to_numpy()
    stopped_on = base["first"] + pd.to_timedelta((30.4375 * (fate["stops"] - 1) + 90).round(), unit="D")
    broken = payments.set_index("customer_id")["in_default"].reindex(base["customer_id"]).to_numpy()
    coming = (stopped_on > AS_OF) & (stopped_on <= AS_OF + pd.Timedelta(days=365)) & (fate["stops"] <= INSTALMENTS)
    gone = (broken | coming.to_numpy()) & fate["lost"].to_numpy()
    holds("expected credit loss", loss.total, float(exposure[gone].sum()))
    new = draw_customers(customers, rng)
    happened = rng.random(customers) < new["chance"]
    if model.n and 0 < happened.sum() < customers:
        foretold = model.probabilities(new)
        check = probability_check(happened, foretold)
        known = model.probabilities(elsewhere)
        chance = elsewhere["chance"].to_numpy()
        holds("defaults for each one foretold", check.observed_to_expected, chance.mean() / foretold.mean())
        if model.fit is not None:
            holds("AUC", check.auc, _true_auc(known, chance))
            holds("calibration slope", check.slope, _true_slope(known, chance))
    return result


class _Ends:
    def __init__(self, low: float, high: float):
        self.low, self.high = low, high


@cache
def _large(n: int) -> tuple[pd.DataFrame, dict]:
    """A sample large enough to stand for all customers there could be, and how it pays."""
    customers = draw_customers(n, np.random.default_rng(7))
    rows, _fate = draw_payments(customers, np.random.default_rng(8))
    return customers, payment_behaviour(payment_summary(rows, until=AS_OF)).estimates()


def _true_auc(foretold: np.ndarray, chance: np.ndarray) -> float:
    """Chance that a customer who defaults has the higher probability, from the chances themselves."""
    order = np.argsort(foretold)
    bad, good = chance[order], 1 - chance[order]
    below = np.cumsum(good) - good / 2
    return float((bad * below).sum() / (bad.sum() * good.sum()))


def _true_slope(foretold: np.ndarray, chance: np.ndarray) -> float:
    """Of the log-odds of what happens on those foretold, each customer happening and not, by the chance of each."""
    x = np.column_stack([np.ones(len(foretold)), np.log(foretold / (1 - foretold))])
    coefficients = np.array([0.0, 1.0])
    for _step in range(20):
        p = 1 / (1 + np.exp(-x @ coefficients))
        coefficients = coefficients + np.linalg.solve(x.T @ (x * (p * (1 - p))[:, None]), x.T @ (chance - p))
    return float(coefficients[1])


def coverage(*, draws: int, customers: int, large: int = 60_000) -> pd.DataFrame:
    """Share of simulated portfolios in which each interval holds the truth, and how many had that interval."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pd.DataFrame([covered(customers, seed, large=large) for seed in range(draws)])
    return pd.DataFrame({"covered": found.mean(), "draws": found.count()})


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    sys.stdout.write(f"{draws} draws of {customers} customers\n{coverage(draws=draws, customers=customers).round(3)}\n")
