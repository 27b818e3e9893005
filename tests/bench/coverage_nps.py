"""How often the 95% intervals of scores, shares, differences and weighted scores hold the truth, and tests misfire.

Run from the repository's root: `python tests/bench/coverage_nps.py [draws] [name ...]`. An interval passes between 93%
and 97% over 400 draws; of ten answers no interval can hold so often at every split, and what is measured is told. Tests
and limits are told by how often they misfire, which should be one time in twenty at most.
"""

import sys
from datetime import date

import numpy as np
import pandas as pd

from crmlab.aggregate.answer_base import AnswerBase
from crmlab.aggregate.answers import Answers
from crmlab.nps.change import change_test, control_limits
from crmlab.nps.comparison import compared
from crmlab.nps.moments import NPS, moments
from crmlab.nps.over_time import over_time
from crmlab.nps.response import response
from crmlab.nps.satisfaction import satisfaction
from crmlab.nps.score import estimates, scores
from crmlab.nps.weighting import weighted_score

SPLITS = {"even": (0.5, 0.3, 0.2), "kind": (0.85, 0.1, 0.05), "middling": (0.25, 0.55, 0.2)}
SCORE = np.array([10, 8, 3])
LEVELS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def answers(values, who, cell=None, *, question="nps", by=(), names=None) -> Answers:
    """What the engine would give of these answers, by plain sums."""
    values, who = np.asarray(values, dtype=float), np.unique(who, return_inverse=True)[1]
    cell = np.zeros(len(values), dtype=int) if cell is None else np.asarray(cell)
    shape = (who.max() + 1, cell.max() + 1)
    match question:
        case "nps":
            measures = {"promoters": values >= 9, "detractors": values <= 6}
            beside = {f"score_{score}": values == score for score in range(11)}
        case "csat":
            measures, beside = {"satisfied": values >= 0.75, "level": values}, {"level_squared": values**2}
        case _:
            measures, beside = {"responses": values}, {}

    def summed(part):
        return np.bincount(who * shape[1] + cell, part, minlength=shape[0] * shape[1]).reshape(shape)

    sums = {"answers": summed(np.ones(len(values)))} | {name: summed(part) for name, part in measures.items()}
    columns = {name: part.sum(0) for name, part in sums.items()}
    columns |= {name: np.bincount(cell, part, minlength=shape[1]) for name, part in beside.items()}
    together = (sums["answers"] > 0).astype(float)
    names = list(range(shape[1])) if names is None else names
    cells = pd.DataFrame(columns | {"people": together.sum(0)} | ({by: names} if by else {}))
    a, b = np.nonzero(together.T @ together)
    crossed = {f"{x}_{y}": (first.T @ second)[a, b] for x, first in sums.items() for y, second in sums.items()}
    products = pd.DataFrame({"a": a, "b": b} | crossed)
    left_out = {"repeated": 0, "outside": 0}
    return Answers(question, (by,) if by else (), cells, products, left_out, (), None, date(2026, 9, 30))


def drawn(rng, people: int, sizes, alike: float, split) -> tuple[np.ndarray, np.ndarray]:
    """Scores and who gave them; of one person's answers, a share of `alike` pairs come from one draw."""
    who = np.repeat(np.arange(people), rng.choice(sizes, people))
    own = rng.choice(3, people, p=split)
    place = np.where(rng.random(len(who)) < np.sqrt(alike), own[who], rng.choice(3, len(who), p=split))
    return SCORE[place], who


def holds(estimate, truth: float) -> bool:
    return estimate.low - 1e-9 <= truth <= estimate.high + 1e-9


def truth_of(split) -> float:
    return 100 * (split[0] - split[2])


def score_of(values, who):
    return estimates(moments(answers(values, who)))[0]


def once(seed: int) -> dict[str, bool]:
    """Everybody answers once: the score, from ten answers on, at random splits and at lopsided ones."""
    rng, found = np.random.default_rng([1, seed]), {}
    for n in (10, 30, 300):
        for name, split in {
            **SPLITS,
            "random": tuple(rng.dirichlet([1, 1, 1])),
            "all kind": (0.97, 0.02, 0.01),
        }.items():
            found[f"{name} n={n}"] = holds(score_of(*drawn(rng, n, [1], 0.0, split)), truth_of(split))
    return found


def shares(seed: int) -> dict[str, bool]:
    """Shares of promoters, passives and detractors, of people who answer up to three times."""
    rng, found = np.random.default_rng([9, seed]), {}
    for name, split in SPLITS.items():
        told = scores(answers(*drawn(rng, 100, [1, 2, 3], 0.3, split)))
        of = zip((told.promoters, told.passives, told.detractors), split, strict=True)
        found |= {f"{name} {estimate.label}": holds(estimate, truth) for estimate, truth in of}
    return found


def repeated(seed: int) -> dict[str, bool]:
    """People answer one to three times, or a quarter of them eight times."""
    rng, found = np.random.default_rng([2, seed]), {}
    for people, sizes, alike in (
        (30, [1, 2, 3], 0.5),
        (100, [1, 2, 3], 0.5),
        (100, [1, 1, 1, 8], 0.3),
        (400, [1, 2], 0),
    ):
        for name in ("even", "kind"):
            key = f"{name} {people} people, {max(sizes)} answers at most, alike {alike}"
            told = score_of(*drawn(rng, people, sizes, alike, SPLITS[name]))
            found[key] = holds(told, truth_of(SPLITS[name]))
    return found


def groups(seed: int) -> dict[str, bool]:
    """The score of a group and its difference from the rest; people answer about several touchpoints."""
    rng, found = np.random.default_rng([3, seed]), {}
    for people in (60, 400):
        values, who = drawn(rng, people, [1, 2, 3], 0.4, SPLITS["even"])
        cell = rng.choice(3, len(who), p=[0.6, 0.3, 0.1])
        low = (cell == 1) & (values == 10) & (rng.random(len(who)) < 0.4)
        values = np.where(low, 3, values)
        told = compared(answers(values, who, cell, by="touchpoint", names=list("abc")), fewest=1).groups.set_index(
            "group"
        )
        # a group's mean where 0.4 of the promoters of b are detractors instead
        truth = {"a": 30.0, "b": 30.0 - 40.0, "c": 30.0}
        shares = {"a": 0.6, "b": 0.3, "c": 0.1}
        for name in truth:
            rest = [other for other in truth if other != name]
            mean = sum(shares[other] * truth[other] for other in rest) / sum(shares[other] for other in rest)
            found[f"{people} people: {name}"] = holds(told.loc[name, "nps"], truth[name])
            found[f"{people} people: {name} less the rest"] = holds(told.loc[name, "difference"], truth[name] - mean)
    return found


def false_news(seed: int) -> dict[str, bool]:
    """Nothing differs and nothing changes: whether any group, change or period is named (one in twenty may)."""
    rng, found = np.random.default_rng([4, seed]), {}
    for periods, each, people, split in ((8, 15, 10_000, "even"), (16, 10, 10_000, "kind"), (12, 40, 150, "even")):
        cell = np.repeat(np.arange(periods), each)
        own = rng.choice(3, people, p=SPLITS[split])
        who = rng.integers(0, people, len(cell))
        fresh = rng.choice(3, len(cell), p=SPLITS[split])
        values = SCORE[np.where(rng.random(len(cell)) < 0.7, own[who], fresh)]
        months = list(pd.date_range("2020-01-01", periods=periods, freq="MS"))
        told = answers(values, who, cell, by="month", names=months)
        key = f"{periods} periods of {each}, {people} people, {split}"
        found[f"change: {key}"] = change_test(moments(told), np.arange(periods, dtype=float), draws=2000)[0] < 0.05
        low, high = control_limits(moments(told))
        mean = moments(told).means(NPS)
        found[f"news: {key}"] = bool(((mean < low - 1e-9) | (mean > high + 1e-9)).any())
        by_group = answers(values, who, cell, by="touchpoint", names=[f"g{at}" for at in range(periods)])
        found[f"groups: {key}"] = len(compared(by_group, fewest=1).told_apart()) > 0
    return found


def changed(seed: int) -> dict[str, bool]:
    """A step of 20 points half-way: whether it is found, and how often the interval of the change holds it."""
    rng = np.random.default_rng([5, seed])
    cell = np.repeat(np.arange(10), 60)
    later = cell >= 5
    split = np.where(later[:, None], (0.6, 0.3, 0.1), (0.5, 0.3, 0.2))
    place = (rng.random(len(cell))[:, None] > split.cumsum(1)).sum(1).clip(0, 2)
    months = list(pd.date_range("2020-01-01", periods=10, freq="MS"))
    told = over_time(answers(SCORE[place], np.arange(len(cell)), cell, by="month", names=months))
    return {"found": told.changed, "change": holds(told.change, 20.0) if told.step == months[5] else True}


def satisfied(seed: int) -> dict[str, bool]:
    """Share and mean of satisfaction; all but a few at the top, too."""
    rng, found = np.random.default_rng([6, seed]), {}
    for name, chances in {"mixed": (0.05, 0.1, 0.2, 0.4, 0.25), "high": (0.01, 0.02, 0.07, 0.3, 0.6)}.items():
        for n in (10, 30, 300):
            told = satisfaction(answers(rng.choice(LEVELS, n, p=chances), np.arange(n), question="csat"))
            found[f"{name} n={n} share"] = holds(told.csat, sum(chances[3:]))
            found[f"{name} n={n} mean"] = holds(told.mean, 100 * float(LEVELS @ chances))
    return found


def responded(seed: int) -> dict[str, bool]:
    """Invitations of which some people answer nearly all, and others few."""
    rng = np.random.default_rng([7, seed])
    who = np.repeat(np.arange(200), rng.choice([1, 2, 4], 200))
    own = rng.beta(2, 3, 200)
    told = response(answers(rng.random(len(who)) < own[who], who, question="response"))
    return {"rate": holds(told.rate, 0.4)}


def biased(seed: int, *, people: int = 4000) -> AnswerBase:
    """Two columns tell who answers and what they say: the truth is in the base, and the answers flatter it."""
    rng = np.random.default_rng([8, seed])
    region, size = rng.choice(3, people, p=[0.5, 0.3, 0.2]), rng.choice(2, people, p=[0.7, 0.3])
    split = np.array([[(0.3, 0.3, 0.4), (0.4, 0.3, 0.3)], [(0.5, 0.3, 0.2)] * 2, [(0.7, 0.2, 0.1), (0.8, 0.15, 0.05)]])
    chance = np.array([0.05, 0.15, 0.4])[region] * np.array([1.0, 1.6])[size]
    place = (rng.random(people)[:, None] > split[region, size].cumsum(1)).sum(1).clip(0, 2)
    answered = rng.random(people) < chance
    who = np.repeat(np.flatnonzero(answered), rng.choice([1, 2], answered.sum()))
    cell = 2 * region[who] + size[who]
    told = answers(SCORE[place[who]], who, cell, by="region", names=np.repeat(list("xyz"), 2))
    cells = told.cells.assign(size=["small", "large"] * 3)
    both = Answers("nps", ("region", "size"), cells, told.products, told.left_out, (), None, told.until)
    base = pd.DataFrame({"region": np.repeat(list("xyz"), 2), "size": ["small", "large"] * 3})
    share = np.outer([0.5, 0.3, 0.2], [0.7, 0.3]).ravel()
    return AnswerBase(both, base.assign(customers=np.rint(share * 100_000).astype(int)), "all", ())


BIASED_TRUTH = 100 * float(np.outer([0.5, 0.3, 0.2], [0.7, 0.3]).ravel() @ [-0.1, 0.1, 0.3, 0.3, 0.6, 0.75])


def weighted(seed: int) -> dict[str, bool]:
    told = weighted_score(biased(seed))
    return {"weighted": holds(told.weighted, BIASED_TRUTH), "unweighted": holds(told.unweighted, BIASED_TRUTH)}


SIMULATIONS = {
    "once": once,
    "shares": shares,
    "repeated": repeated,
    "groups": groups,
    "false_news": false_news,
    "changed": changed,
    "satisfied": satisfied,
    "responded": responded,
    "weighted": weighted,
}


def coverage(simulation, draws: int) -> pd.Series:
    """Share of the draws in which each interval held the truth, or each test named something."""
    return pd.DataFrame([simulation(seed) for seed in range(draws)]).mean()


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name in sys.argv[2:] or SIMULATIONS:
        sys.stdout.write(f"{name}, {draws} draws\n{coverage(SIMULATIONS[name], draws).round(3).to_string()}\n\n")


if __name__ == "__main__":
    main()
