"""How often the intervals of a theme hold the truth: its share, the score given with it, and its change a year.

    python tests/bench/coverage_themes.py [draws]

People write of a theme with probabilities of their own (beta distributed), one to ten times each.
"""

import sys

import numpy as np
import pandas as pd

from crmlab.nps.theme_figures import change_a_year, promoter_score, share

SHARES = (0.05, 0.3)
PEOPLE = (30, 100, 400)
TIMES = (1, 3, 10)


def written(rng: np.random.Generator, people: int, times: int, middle: float, spread: float = 4.0):
    """Who wrote each comment, and whether it is in the theme."""
    own = rng.beta(middle * spread, (1 - middle) * spread, people)
    who = np.repeat(np.arange(people), rng.integers(1, times + 1, people))
    return who, rng.random(len(who)) < own[who]


def share_coverage(draws: int, people: int, times: int, middle: float, seed: int = 1) -> float:
    """How often the interval of a share holds it."""
    rng, held = np.random.default_rng(seed), 0
    for _draw in range(draws):
        who, inside = written(rng, people, times, middle)
        found = share(inside, who)
        held += found.low <= middle <= found.high
    return held / draws


def score_coverage(draws: int, people: int, times: int, seed: int = 1) -> float:
    """The same for the net promoter score; who promotes does so more often than others."""
    rng, held = np.random.default_rng(seed), 0
    for _draw in range(draws):
        who, inside = written(rng, people, times, 0.4)
        other = rng.random(len(who)) < 0.5
        scores = np.where(inside, 10.0, np.where(other, 8.0, 3.0))
        # 40% promoters, 30% detractors
        found = promoter_score(scores, who)
        held += found.low <= 10 <= found.high
    return held / draws


def change_coverage(draws: int, people: int, times: int, slope: float, seed: int = 1) -> tuple[float, float]:
    """Where a change is told: how often its interval holds it, and how often its p-value is below 5%."""
    rng, held, told, given = np.random.default_rng(seed), 0, 0, 0
    start = pd.Timestamp("2024-01-01")
    for _draw in range(draws):
        who, _inside = written(rng, people, times, 0.2)
        day = rng.integers(0, 731, len(who))
        own = rng.beta(0.8, 3.2, people)[who] * 0.75
        inside = rng.random(len(who)) < own + slope * day / 365.25
        found, p = change_a_year(inside, pd.Series(start + pd.to_timedelta(day, unit="D")), who)
        if found is not None:
            given += 1
            held += found.low <= 100 * slope <= found.high
            told += p < 0.05
    return held / max(given, 1), told / max(given, 1)


def main(draws: int) -> None:
    for people in PEOPLE:
        for times in TIMES:
            shares = [share_coverage(draws, people, times, middle) for middle in SHARES]
            score = score_coverage(draws, people, times)
            change, news = change_coverage(draws, people, times, 0.05)[0], change_coverage(draws, people, times, 0.0)[1]
            sys.stdout.write(
                f"{people} people, up to {times} comments: share 5% {shares[0]:.3f}, 30% {shares[1]:.3f}, "
                f"score {score:.3f}, change {change:.3f}, news by chance {news:.3f}\n"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
