"""How often the 95% intervals of early warning, contact profit and the worth of retention hold the truth.

Run from the repository's root: `python tests/bench/coverage_warning.py [draws] [name ...]`. Each draw makes customers
from a known law, fits what a notebook would fit, and compares the intervals with what then happens, or with the law.
An interval passes between 93% and 97% over 400 draws.
"""

import sys

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from crmlab.churn.bdw import fit_bdw, log_survival
from crmlab.churn.contact import contact_threshold
from crmlab.churn.warning import early_warning, silence_warning
from crmlab.churn.worth import contract_retention_worth
from crmlab.intervals import Estimate, wilson
from crmlab.purchases import fit_bg_nbd

LOGIT = np.array([-2.5, 0.8, -0.5, 0.3])
BG_NBD = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.4}
RENEWAL = (1.5, 60.0)
WEEKS = 52.0
# chances of a great many customers
LAW = np.random.default_rng(0).beta(1.0, 9.0, 200_000)


class ConstantRetention:
    """The same chance to stay in every month, from the share who stay a year, as uncertain as that is."""

    def __init__(self, annual: Estimate):
        self.annual = annual

    def survival(self, periods):
        return self.annual.value ** (np.asarray(periods, dtype=float) / 12)

    def draw_survival(self, periods, *, draws: int, seed: int):
        low, value, high = (logit(end) for end in (self.annual.low, self.annual.value, self.annual.high))
        shifts = np.random.default_rng(seed).standard_normal(draws) / 1.96
        drawn = expit(value + np.where(shifts > 0, shifts * (high - value), shifts * (value - low)))
        return drawn[:, None] ** (np.asarray(periods, dtype=float) / 12)


def logistic(design: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their covariance by maximum likelihood."""
    beta = np.zeros(design.shape[1])
    for _step in range(15):
        chance = expit(design @ beta)
        information = design.T @ (design * (chance * (1 - chance))[:, None])
        beta = beta + np.linalg.solve(information, design.T @ (left - chance))
    return beta, np.linalg.inv(information)


def at_risk(seed: int, *, customers: int = 600) -> dict[str, bool]:
    """What will be lost next period, by a model fitted on the last, with coefficients drawn."""
    rng = np.random.default_rng([1, seed])
    design = np.c_[np.ones(customers), rng.normal(size=(customers, len(LOGIT) - 1))]
    beta, covariance = logistic(design, rng.random(customers) < expit(design @ LOGIT))
    now = np.c_[np.ones(customers), rng.normal(size=(customers, len(LOGIT) - 1))]
    value = rng.gamma(0.7, 1000.0, customers)
    left = rng.random(customers) < expit(now @ LOGIT)
    frame = pd.DataFrame({"customer_id": range(customers), "probability": expit(now @ beta), "clv": value})
    drawn = expit(rng.multivariate_normal(beta, covariance, size=200) @ now.T)
    found = early_warning(frame, values=frame, currency="EUR", probability_draws=drawn, seed=seed)
    return {
        "value at risk": found.value_at_risk.low <= value[left].sum() <= found.value_at_risk.high,
        "customers who leave": found.leavers.low <= left.sum() <= found.leavers.high,
    }


def silent(seed: int, *, customers: int = 600) -> dict[str, bool]:
    """How many have left without saying so, and the value that the forecast counts on with them."""
    rng = np.random.default_rng([2, seed])
    rate = rng.gamma(BG_NBD["r"], 1 / BG_NBD["alpha"], customers)
    quits = rng.beta(BG_NBD["a"], BG_NBD["b"], customers)
    x, last, gone = np.zeros(customers), np.zeros(customers), np.zeros(customers, dtype=bool)
    active, now = np.arange(customers), np.zeros(customers)
    while len(active):
        now = now + rng.exponential(size=len(active)) / np.maximum(rate[active], 1e-300)
        active, now = active[now <= WEEKS], now[now <= WEEKS]
        x[active] += 1
        last[active] = now
        leaves = rng.random(len(active)) < quits[active]
        gone[active[leaves]] = True
        active, now = active[~leaves], now[~leaves]
    history = pd.DataFrame({"customer_id": range(customers), "frequency": x, "recency": last, "T": WEEKS})
    model = fit_bg_nbd(history)
    value = rng.gamma(0.7, 100.0, customers)
    alive = pd.DataFrame({"customer_id": range(customers), "p_alive": model.p_alive(history), "clv": value})
    found = silence_warning(alive, history, purchases=model, currency="EUR", seed=seed)
    return {
        "customers who have left": found.leavers.low <= gone.sum() <= found.leavers.high,
        "value with who has left": found.value_at_risk.low <= value[gone].sum() <= found.value_at_risk.high,
    }


def contact(seed: int, *, customers: int = 1500) -> dict[str, bool]:
    """Profit with thresholds chosen on the other folds, against what these thresholds bring by the law."""
    rng = np.random.default_rng([3, seed])
    chance = rng.beta(1.0, 9.0, customers)
    left, fold = (rng.random(customers) < chance).astype(int), np.arange(customers) % 5
    frame = pd.DataFrame({"probability": chance, "left": left, "value": rng.gamma(2, 50, customers), "fold": fold})
    options = {"contact_cost": 10.0, "save_rate": 0.5, "currency": "EUR"}
    found = contact_threshold(frame, **options)
    others = [contact_threshold(frame[fold != place], **options).threshold for place in range(5)]
    expected = customers / 5 * sum(np.where(threshold <= LAW, 50 * LAW - 10, 0.0).mean() for threshold in others)
    return {"profit of contacting": found.profit.low <= expected <= found.profit.high}


class Law:
    """The renewal law itself."""

    def survival(self, periods):
        return np.exp(log_survival(RENEWAL, periods))

    def draw_survival(self, periods, *, draws, seed):
        return np.array([self.survival(periods)] * draws)


def worth(seed: int, *, customers: int = 1500) -> dict[str, bool]:
    """What a point of retention is worth, by the renewal model and at constant retention."""
    rng = np.random.default_rng([4, seed])
    life, seen = rng.geometric(rng.beta(*RENEWAL, customers)), rng.integers(1, 60, customers)
    left = np.bincount(life[life <= seen], minlength=61)[1:]
    running = np.bincount(seen[life > seen], minlength=61)[1:]
    frame = pd.DataFrame({"customer_id": range(customers), "tenure_months": seen + 1, "value": 1200.0})[life > seen]
    options = {"currency": "EUR", "horizon_months": 36}
    found = contract_retention_worth(frame, fit_bdw(left, running, model="sbg"), draws=100, seed=seed, **options)
    truth = contract_retention_worth(frame, Law(), draws=40, **options)
    result = {
        name: getattr(found, part).low <= getattr(truth, part).value <= getattr(found, part).high
        for name, part in (
            ("worth of a point", "per_point"),
            ("value under contract", "total"),
            ("retention", "retention"),
        )
    }
    stayed = ConstantRetention(wilson(int(rng.binomial(400, 0.8)), 400))
    constant = contract_retention_worth(frame.head(50), stayed, draws=100, seed=seed, **options)
    known = contract_retention_worth(frame.head(50), ConstantRetention(wilson(8000, 10_000)), draws=40, **options)
    return result | {
        "worth of a point, constant": constant.per_point.low <= known.per_point.value <= constant.per_point.high
    }


BENCHES = {"at_risk": at_risk, "silent": silent, "contact": contact, "worth": worth}


def coverage(name: str, *, draws: int) -> pd.Series:
    """Share of draws in which each interval holds the truth."""
    return pd.DataFrame([BENCHES[name](seed) for seed in range(draws)]).mean()


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name in sys.argv[2:] or BENCHES:
        shares = coverage(name, draws=draws)
        sys.stdout.write(f"{name}, {draws} draws\n{shares.map('{:.1%}'.format).to_string()}\n")
        sys.stdout.flush()
