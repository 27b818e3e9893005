"""How often the 95% intervals of service, drivers, importance and payoff hold the truth.

Run from the repository's root: `python tests/bench/coverage_nps_drivers.py [draws] [customers]`. Each draw makes cases,
answers or outcomes from known laws; the truth is the law's own value, or that of very many customers. An interval
passes between 93% and 97% over 400 draws.
"""

import sys
from functools import cache

import numpy as np
import pandas as pd

from crmlab.aggregate.service import service_cases
from crmlab.nps.drivers import driver_model
from crmlab.nps.importance import driver_importance
from crmlab.nps.payoff import payoff
from crmlab.nps.service import service_levels
from crmlab.nps.service_score import score_by_service

UNTIL = pd.Timestamp("2025-12-31")
EFFECTS = {"response_hours": -0.08, "delivery_delay_days": -0.2, "complaints_per_year": -0.7, "resolved_share": 3.2}
THRESHOLDS = [-5.0, -4.4, -3.7, -3.0, -2.4, -1.6, -0.7, 0.2, 1.2, 2.3]
GROUPS = ("Promoters", "Passives", "Detractors")


def draw_cases(customers: int, rng: np.random.Generator, *, cases: float = 4.0) -> pd.DataFrame:
    """Cases of customers who are served alike each time, the last of them still open."""
    pace = np.exp(0.5 * rng.standard_normal(customers))
    who = np.repeat(np.arange(customers), rng.poisson(cases, customers))
    age = rng.uniform(0, 2000, len(who))
    response = pace[who] * rng.gamma(1.5, 4.0, len(who))
    resolution = response + pace[who] * rng.gamma(1.5, 30.0, len(who))
    opened = UNTIL + pd.Timedelta(days=1) - pd.to_timedelta(age, unit="h")
    known = {
        "first_response_at": np.where(response < age, response, np.nan),
        "resolved_at": np.where(resolution < age, resolution, np.nan),
    }
    times = {name: opened + pd.to_timedelta(hours, unit="h") for name, hours in known.items()}
    again = rng.random(len(who)) < np.clip(0.15 * pace[who], 0, 1)
    frame = {"customer_id": who, "opened_at": opened, **times, "kind": "repair", "reopened": again}
    return pd.DataFrame(frame)


@cache
def service_truth() -> dict[str, float]:
    rng = np.random.default_rng(1)
    pace = np.exp(0.5 * rng.standard_normal(2_000_000))
    response = pace * rng.gamma(1.5, 4.0, len(pace))
    resolution = response + pace * rng.gamma(1.5, 30.0, len(pace))
    return {
        "response_median": float(np.median(response)),
        "response_within": float((response <= 4).mean()),
        "resolution_median": float(np.median(resolution)),
        "resolution_within": float((resolution <= 48).mean()),
        "reopened": float(np.clip(0.15 * pace, 0, 1).mean()),
    }


def service_coverage(draws: int, customers: int, *, seed: int = 0) -> pd.Series:
    """By interval: the share of draws in which it held the truth. Each draw is a kind of case, all go in one call."""
    rng = np.random.default_rng([seed, customers])
    portfolios = [draw_cases(customers, rng).assign(kind=f"{draw:04d}") for draw in range(draws)]
    levels = service_levels(service_cases(pd.concat(portfolios), until=UNTIL))
    truth = service_truth()
    rows = [{name: holds(row[name], truth[name]) for name in truth} for row in levels.groups.to_dict("records")]
    return pd.DataFrame(rows).astype(float).mean()


def draw_answers(customers: int, rng: np.random.Generator) -> pd.DataFrame:
    """Answers of customers who answer once to three times, by the same law as Xinglin's."""
    experience = rng.standard_normal(customers)
    noise = rng.standard_normal((5, customers))
    frame = pd.DataFrame({"customer_id": np.arange(customers)})
    frame["response_hours"] = np.exp(2.08 - 0.45 * experience + 0.35 * noise[0])
    frame["delivery_delay_days"] = np.exp(1.1 - 0.35 * experience + 0.4 * noise[1])
    frame["complaints_per_year"] = np.exp(-0.22 - 0.5 * experience + 0.3 * noise[2])
    frame["resolved_share"] = 1 / (1 + np.exp(-(1.6 + 0.6 * experience + 0.4 * noise[3])))
    frame["cases_per_year"] = np.exp(0.5 * noise[4] + 0.3 * experience)  # of no effect
    frame = frame.loc[np.repeat(frame.index, rng.integers(1, 4, customers))].reset_index(drop=True)
    line = sum(weight * frame[name].to_numpy() for name, weight in EFFECTS.items())
    frame["nps"] = np.searchsorted(THRESHOLDS, line + rng.logistic(size=len(frame))).astype(float)
    return frame


@cache
def driver_truth() -> tuple[dict[str, float], dict[str, float], dict[str, float], float, float]:
    """Importance, performance and gain by driver, the share explained, and the score's difference by service."""
    from itertools import permutations

    answers = draw_answers(150_000, np.random.default_rng(2))
    names = [*EFFECTS, "cases_per_year"]
    effects = EFFECTS | {"cases_per_year": 0.0}
    x, slopes = answers[names], np.array([effects[name] for name in names])
    covariance, added = x.cov().to_numpy(), np.zeros(len(names))
    orders = list(permutations(range(len(names))))
    for order in orders:
        root = np.linalg.cholesky(covariance[np.ix_(order, order)])
        added[list(order)] += (root.T @ slopes[list(order)]) ** 2 / len(orders)
    line = x.to_numpy() @ slopes
    performance, gain = {}, {}
    for name in names:
        low, high = x[name].quantile([0.05, 0.95])
        place = float(((x[name] - low) / (high - low)).clip(0, 1).mean())
        more = name == "resolved_share"
        performance[name] = place if more else 1 - place
        best = x[name].quantile(0.75 if more else 0.25)
        better = x[name].clip(lower=best) if more else x[name].clip(upper=best)
        moved = line + effects[name] * (better - x[name]).to_numpy()
        gain[name] = float((expected(moved) - expected(line)).mean())
    nps = np.where(answers["nps"] >= 9, 100.0, np.where(answers["nps"] <= 6, -100.0, 0.0))
    quarter = pd.qcut(answers["response_hours"], 4, labels=False).to_numpy()
    explained = added.sum() / (added.sum() + np.pi**2 / 3)
    by_service = nps[quarter == 0].mean() - nps[quarter == 3].mean()
    return dict(zip(names, added / added.sum(), strict=True)), performance, gain, explained, by_service


def expected(line: np.ndarray) -> np.ndarray:
    """The net promoter score that is expected of a linear predictor."""
    detractor, not_promoter = (1 / (1 + np.exp(-(THRESHOLDS[k] - line))) for k in (6, 8))
    return 100 * (1 - not_promoter - detractor)


def drivers_covered(customers: int, seed: int) -> dict[str, bool]:
    rng = np.random.default_rng([seed, customers, 1])
    answers = draw_answers(customers, rng)
    model = driver_model(answers)
    importance, performance, gain, explained, by_service = driver_truth()
    result = {}
    slopes = model.effects.set_index("driver")
    for name, truth in (EFFECTS | {"cases_per_year": 0.0}).items():
        result[f"coefficient of {name}"] = slopes.loc[name, "low"] <= truth <= slopes.loc[name, "high"]
    found = driver_importance(model, draws=200, seed=seed)
    for row in found.drivers.itertuples():
        result[f"importance of {row.driver}"] = holds(row.importance, importance[row.driver])
        result[f"performance of {row.driver}"] = holds(row.performance, performance[row.driver])
        result[f"gain by {row.driver}"] = holds(row.gain, gain[row.driver])
    by = score_by_service(answers, measures=("response_hours",))
    result["difference by service"] = holds(by.differences["difference"].iloc[0], by_service)
    return result


def draw_outcomes(customers: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Answers and what followed, profiles, and the law: large customers answer better, stay and spend more anyway."""
    large, own = rng.random(customers) < 0.4, rng.standard_normal(customers)
    who = np.repeat(np.arange(customers), rng.integers(1, 4, customers))
    answer = 1.0 + 0.8 * large[who] + 0.5 * own[who] + rng.logistic(size=len(who))
    nps = np.select([answer > 1.5, answer > 0.2], [10.0, 8.0], 3.0)
    before = np.exp(8 + large[who] + 0.8 * rng.standard_normal(len(who)))
    liked = np.select([nps == 10, nps == 8], [0.6, 0.3], 0.0)
    stays = 1 / (1 + np.exp(-(0.5 + liked + 0.6 * large[who] + 0.2 * (np.log1p(before) - 8))))
    mean = np.exp(2 + liked + 0.3 * large[who] + 0.7 * np.log1p(before))
    # a customer's own liking for the firm makes both times alike
    spend = mean * rng.gamma(0.6, 1 / 0.6, customers)[who] * rng.gamma(2.0, 0.5, len(who))
    frame = pd.DataFrame({"customer_id": who, "date": UNTIL, "nps": nps, "followed": True, "spend_before": before})
    frame["retained"] = (rng.random(len(who)) < stays).astype(float)
    frame["spend_after"] = spend
    profiles = pd.DataFrame({"customer_id": np.arange(customers), "segment": np.where(large, "large", "small")})
    return frame, profiles, pd.DataFrame({"large": large[who], "stays": stays, "mean": mean})


@cache
def payoff_truth() -> dict[str, float]:
    frame, _profiles, law = draw_outcomes(300_000, np.random.default_rng(3))
    large, stays, mean = law["large"], law["stays"], law["mean"]
    base, truth = np.log1p(frame["spend_before"]), {}
    for group, code, liked in zip(GROUPS, (10, 8, 3), (0.6, 0.3, 0.0), strict=True):
        own = frame["nps"] == code
        truth |= {f"retention {group}": stays[own].mean(), f"spend {group}": mean[own].mean()}
        alike = 0.5 + liked + 0.6 * large + 0.2 * (base - 8)
        truth[f"retention_adjusted {group}"] = (1 / (1 + np.exp(-alike))).mean()
        truth[f"spend_adjusted {group}"] = np.exp(2 + liked + 0.3 * large + 0.7 * base).mean()
    for outcome in ("retention", "spend"):
        ends = (truth[f"{outcome}_adjusted {GROUPS[place]}"] for place in (0, 2))
        truth[f"{outcome} difference"] = np.subtract(*ends)
    return truth


def payoff_covered(customers: int, seed: int) -> dict[str, bool]:
    rng = np.random.default_rng([seed, customers, 2])
    frame, profiles, _law = draw_outcomes(customers, rng)
    found, truth, result = payoff(frame, profiles, unit="CNY"), payoff_truth(), {}
    rows = found.groups.set_index("group")
    for name in ("retention", "retention_adjusted", "spend", "spend_adjusted"):
        for group in GROUPS:
            result[f"{name} {group}"] = holds(rows.loc[group, name], truth[f"{name} {group}"])
    for outcome, difference in found.differences.items():
        result[f"{outcome} difference"] = holds(difference, truth[f"{outcome} difference"])
    return result


def holds(estimate, truth: float) -> bool | None:
    """Whether an interval holds the truth; None where there is no interval."""
    return None if estimate is None or estimate.low is None else bool(estimate.low <= truth <= estimate.high)


def coverage(covered, draws: int, customers: int) -> pd.Series:
    """By interval: the share of draws in which it held the truth."""
    return pd.DataFrame([covered(customers, seed) for seed in range(draws)]).astype(float).mean()


def main(draws: int = 400, customers: int = 400) -> None:
    sys.stdout.write(f"{draws} draws of {customers} customers\n\n")
    sys.stdout.write(service_coverage(draws, customers).round(3).to_string() + "\n")
    for covered in (drivers_covered, payoff_covered):
        sys.stdout.write(f"\n{coverage(covered, draws, customers).round(3).to_string()}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
