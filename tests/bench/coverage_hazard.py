"""How often the 95% intervals of the hazard model and of its validation hold the truth, and whether it is unbiased.

Run from the repository's root: `python tests/bench/coverage_hazard.py [draws] [customers]`. Each draw makes contracts
from a known monthly hazard with two covariates, observed over 36 months; an interval passes between 93% and 97% over
400 draws. The mean of what an estimate is off by, in its standard errors, lies within 3 / sqrt(draws) of nought where
it is unbiased. A tenth as many draws of the example client `xinglin` are checked likewise.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from crmlab import datasets
from crmlab.aggregate.person_periods import person_periods
from crmlab.churn.hazard import fit_hazard
from crmlab.ranking import area_under_curve, calibration, mean_of_rows

TRUTH = {"intercept": -3.2, "log_tenure_months": -0.3, "score": 0.5, "plan = b": -0.7}
MONTHS, OUTCOME = 36, 3


def draw(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Contracts with their covariates, the month they began and the last month they reached."""
    frame = pd.DataFrame({"score": rng.normal(0, 1, n), "b": rng.random(n) < 0.25})
    fixed = TRUTH["intercept"] + TRUTH["score"] * frame["score"] + TRUTH["plan = b"] * frame["b"]
    frame["fixed"], frame["began"] = fixed, rng.integers(0, MONTHS, n)
    last = np.full(n, 10_000)
    for month in range(2 * MONTHS, 0, -1):
        last[rng.random(n) < expit(fixed + TRUTH["log_tenure_months"] * np.log(month))] = month
    return frame.assign(last=last)


def panel(frame: pd.DataFrame, until: int) -> pd.DataFrame:
    """Person-periods up to a month."""
    seen = np.minimum(frame["last"], until - frame["began"]).clip(lower=0).to_numpy()
    own = np.repeat(np.arange(len(frame)), seen)
    tenure = np.arange(len(own)) - np.repeat(np.cumsum(seen) - seen, seen) + 1.0
    rows = pd.DataFrame({"score": frame["score"].to_numpy()[own], "tenure_months": tenure, "trials": 1})
    rows["plan"] = np.where(frame["b"].to_numpy()[own], "b", "a")
    rows["log_tenure_months"] = np.log(tenure)
    return rows.assign(events=(tenure == frame["last"].to_numpy()[own]).astype(int))


def covered(n: int, seed: int) -> tuple[dict[str, bool], dict[str, float]]:
    """Which intervals of one draw hold the truth, and what estimates are off by in standard errors."""
    rng = np.random.default_rng([seed, n])
    frame = draw(n, rng)
    model = fit_hazard(panel(frame, MONTHS))
    held, off = {}, {}
    for name, value in TRUTH.items():
        place = model.names.index(name)
        held[name] = model.low[place] <= value <= model.high[place]
        off[name] = (model.coefficients[place] - value) / np.sqrt(model.covariance[place, place])
    return held | validated(n, rng), off


def validated(n: int, rng: np.random.Generator) -> dict[str, bool]:
    """AUC, Brier and calibration of true probabilities, at four cut-offs of the same customers."""
    frame = draw(n, rng)
    parts = []
    for cut in range(MONTHS - 4 * OUTCOME, MONTHS, OUTCOME):
        part = frame[(frame["began"] < cut) & (frame["began"] + frame["last"] > cut)].reset_index()
        parts.append(foretold(part, cut))
    rows = pd.concat(parts)
    y, p, who = rows["left"], rows["p"], rows["index"]
    slope, intercept = calibration(y, p, who)
    truth = {"slope": 1.0, "intercept": 0.0} | expected()
    estimates = {"slope": slope, "intercept": intercept, "auc": area_under_curve(y, p, who)}
    estimates["brier"] = mean_of_rows((p - y) ** 2, who, label="Brier")
    return {name: each.low <= truth[name] <= each.high for name, each in estimates.items()}


def foretold(part: pd.DataFrame, cut: int) -> pd.DataFrame:
    stays = np.ones(len(part))
    for step in range(1, OUTCOME + 1):
        stays = stays * (1 - expit(part["fixed"] + TRUTH["log_tenure_months"] * np.log(cut - part["began"] + step)))
    left = (part["began"] + part["last"] <= cut + OUTCOME).astype(int)
    return part[["index"]].assign(p=1 - stays, left=left)


def expected(_found: dict[str, float] = {}) -> dict[str, float]:  # noqa: B006 - found once
    """AUC and Brier of the true probabilities among all customers there could be."""
    if not _found:
        frame = draw(200_000, np.random.default_rng(99))
        cuts = range(MONTHS - 4 * OUTCOME, MONTHS, OUTCOME)
        parts = [
            foretold(frame[(frame["began"] < cut) & (frame["began"] + frame["last"] > cut)].reset_index(), cut)
            for cut in cuts
        ]
        p = np.sort(pd.concat(parts)["p"].to_numpy())
        below = np.cumsum(1 - p) - (1 - p) / 2
        _found |= {"auc": float((p * below).sum() / (p.sum() * (1 - p).sum())), "brier": float((p * (1 - p)).mean())}
    return _found


def xinglin(seed: int, folder: Path, customers: int = 500) -> tuple[dict[str, bool], dict[str, float]]:
    """The same of one draw of the example client's contracts."""
    datasets.EXAMPLES["xinglin"](folder, customers=customers, seed=seed)
    known = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    law, bad = known["churn"], [each["row"] - 1 for each in known["dirty_rows"] if each["table"] == "contracts"]
    rows = pd.read_csv(folder / "contracts.csv", skiprows=bad, parse_dates=["start", "end"])
    rows["satisfaction"] = rows["satisfaction"] - law.get("centre", 3.6)
    names = ["satisfaction", "response_hours", "complaints_per_year", "days_past_due"]
    model = fit_hazard(person_periods(rows, until=known["dates"]["as_of"], covariates=names).rows)
    truth = {name: law["satisfaction_less_3_6" if name == "satisfaction" else name] for name in model.names}
    place = {name: model.names.index(name) for name in truth}
    held = {name: model.low[at] <= truth[name] <= model.high[at] for name, at in place.items()}
    return held, {
        name: (model.coefficients[at] - truth[name]) / np.sqrt(model.covariance[at, at]) for name, at in place.items()
    }


def coverage(found: list[tuple[dict, dict]]) -> pd.DataFrame:
    """Share of draws in which each interval holds the truth, and the mean and spread of what estimates are off by."""
    held, off = (pd.DataFrame([each[place] for each in found]) for place in (0, 1))
    return pd.DataFrame({"covered": held.mean(), "mean off": off.mean(), "spread": off.std(), "draws": held.count()})


def expit(log_odds):
    return 1 / (1 + np.exp(-log_odds))


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    customers = int(sys.argv[2]) if len(sys.argv) > 2 else 800
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        own = coverage([covered(customers, seed) for seed in range(draws)])
        sys.stdout.write(f"{draws} draws of {customers} customers\n{own.round(3)}\n")
        with tempfile.TemporaryDirectory() as folder:
            theirs = coverage([xinglin(seed, Path(folder)) for seed in range(draws // 10)])
        sys.stdout.write(f"{draws // 10} draws of xinglin\n{theirs.round(3)}\n")
