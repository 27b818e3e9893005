"""Xinglin's customers: hidden scores, and what the firm knows of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlab.datasets.xinglin import words
from crmlab.datasets.xinglin.truth import ACQUIRED_FROM, ACQUIRED_TO, TRUTH
from crmlab.datasets.xinglin.when import seasonal_days

MOST = len(words.BRAND) * (len(words.BRAND) - 1)


@dataclass(frozen=True, eq=False)
class Scores:
    """Hidden standard normal scores, one of each for every customer."""

    activity: np.ndarray
    experience: np.ndarray
    size: np.ndarray
    credit: np.ndarray


def hidden_scores(rng: np.random.Generator, customers: int) -> Scores:
    """Draw the causes, and credit quality as their weighted sum."""
    activity, experience, size, noise = rng.standard_normal((4, customers))
    weights = TRUTH["latent"]["credit_weights"]
    known = weights["activity"] * activity + weights["experience"] * experience + weights["size"] * size
    unexplained = 1 - sum(weight**2 for weight in weights.values())
    return Scores(activity, experience, size, known + np.sqrt(unexplained) * noise)


def in_order_of(score: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The same draws, the largest given to whoever has the largest score: a link that keeps their distribution."""
    return np.sort(draws)[np.argsort(np.argsort(score))]


def draw_customers(rng: np.random.Generator, scores: Scores) -> pd.DataFrame:
    """The table `customers`, in the order in which they were won."""
    n = scores.size.size
    industry = pick(rng, list(words.INDUSTRIES), n, [share for share, _ in words.INDUSTRIES.values()])
    region = pick(rng, list(words.PROVINCES), n, [share for share, _ in words.PROVINCES.values()])
    capital = np.exp(np.log(5e6) + 0.9 * scores.size + 0.4 * rng.standard_normal(n))
    grade = np.digitize(-scores.credit, [-cut for cut in TRUTH["ratings"]["cuts"]])
    acquired = np.sort(seasonal_days(rng, np.repeat(np.datetime64(ACQUIRED_FROM), n), np.datetime64(ACQUIRED_TO)))
    capital = np.maximum(np.round(capital, -4), 1e5)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:05d}" for number in range(1, n + 1)],
            "name": _names(rng, industry, region),
            "industry": industry,
            "region": region,
            "segment": np.array(["小型", "中型", "大型"])[np.digitize(capital, [3e6, 1e7])],
            "channel": pick(rng, list(words.CHANNELS), n, list(words.CHANNELS.values())),
            "acquired_on": acquired,
            "credit_rating": np.array(list("ABCDE"))[grade],
            "registered_capital": capital,
            "risk_tolerance": pick(rng, ["保守", "稳健", "进取"], n, [0.35, 0.45, 0.20]),
        }
    )


def pick(rng: np.random.Generator, options, n: int, shares=None) -> np.ndarray:
    """`n` of the options, with the given shares."""
    return np.array(options, dtype=object)[rng.choice(len(options), n, p=shares)]


def _names(rng: np.random.Generator, industry: np.ndarray, region: np.ndarray) -> list[str]:
    """Place, brand, trade and legal form; no two brands start with the same pair of characters, so names are unique."""
    n, brand = industry.size, words.BRAND
    first, second = np.divmod(rng.choice(MOST, n, replace=False), len(brand) - 1)
    second = second + (second >= first)
    third = np.where(rng.random(n) < 0.3, rng.integers(0, len(brand), n), -1)
    place, trade, form = rng.random((3, n))
    return [
        _at(words.PROVINCES[region[i]][1], place[i])
        + brand[first[i]]
        + brand[second[i]]
        + (brand[third[i]] if third[i] >= 0 else "")
        + _at(words.INDUSTRIES[industry[i]][1], trade[i])
        + _at(words.LEGAL_FORMS, form[i] ** 2)
        for i in range(n)
    ]


def _at(options, fraction: float) -> str:
    return options[int(fraction * len(options))]
