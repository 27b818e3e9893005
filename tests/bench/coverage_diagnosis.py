"""How often the 95% interval of the overall score holds the score that the true values would have.

Run from the repository's root: `python tests/bench/coverage_diagnosis.py [draws]`. Each draw counts successes of a
share behind every indicator, independently, as `diagnose` takes them to be; the worlds differ in how many indicators
there are, and in how many stand at their target or floor, where a score is cut off. An interval passes from 93% on; it
holds the truth more often than 97% only where nearly all indicators stand at an end.
"""

import sys

import numpy as np

from crmlab.diagnosis.indicators import PARTS, Indicator
from crmlab.diagnosis.scoring import diagnose
from crmlab.intervals import Estimate, wilson

FLOOR, TARGET, N = 0.60, 0.90, 400
WORLDS = {
    "three, between floor and target": (0.70, 0.75, 0.80),
    "twelve, between floor and target": tuple(np.linspace(0.64, 0.86, 12)),
    "twelve, three of them at target": (*np.linspace(0.64, 0.86, 9), 0.90, 0.90, 0.90),
    "twelve, half of them beyond either end": (*np.linspace(0.64, 0.86, 6), 0.40, 0.50, 0.95, 0.96, 0.97, 0.98),
    "three, all of them just below target": (0.885, 0.885, 0.885),
    "three, all of them at target": (0.90, 0.90, 0.90),
    "three, all of them at their floor": (0.60, 0.60, 0.60),
}


def judged(n: int) -> list[Indicator]:
    """Indicators of all parts in turn."""
    return [Indicator(f"share_{place:02}", [*PARTS][place % len(PARTS)], "", FLOOR, TARGET) for place in range(n)]


def coverage(truth, *, draws: int, seed: int = 0) -> float:
    """Share of draws whose interval holds the score of the truth."""
    indicators, rng = judged(len(truth)), np.random.default_rng(seed)
    known = {
        each.name: Estimate(share, None, None, "share", N, no_interval="the truth")
        for each, share in zip(indicators, truth, strict=True)
    }
    right, hits = diagnose(known, indicators, draws=2).score.value, 0
    for counts in rng.binomial(N, truth, (draws, len(truth))):
        found = {each.name: wilson(int(k), N) for each, k in zip(indicators, counts, strict=True)}
        score = diagnose(found, indicators, draws=1000).score
        low, high = (score.value, score.value) if score.low is None else (score.low, score.high)
        hits += low - 1e-9 <= right <= high + 1e-9
    return hits / draws


if __name__ == "__main__":
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for world, truth in WORLDS.items():
        print(f"{world}: {coverage(truth, draws=draws):.3f}")
