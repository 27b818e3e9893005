"""How Xinglin serves its customers and what comes of it: contracts, service cases, surveys."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crmlab.datasets.xinglin import words
from crmlab.datasets.xinglin.customers import Scores, pick
from crmlab.datasets.xinglin.truth import AS_OF, TRUTH
from crmlab.datasets.xinglin.when import months_after, seasonal_days, seasonal_years

_END = np.datetime64(AS_OF)
DRIVERS = tuple(TRUTH["nps"]["drivers"])


def draw_service(rng: np.random.Generator, scores: Scores) -> pd.DataFrame:
    """What each customer can expect, rounded as `contracts` records it; all that follows uses the rounded values."""
    law = TRUTH["service"]

    def level(name: str, score: str) -> np.ndarray:
        middle = law[name].get("log_median", law[name].get("logit_median"))
        noise = rng.standard_normal(scores.size.size)
        return middle + law[name][score] * getattr(scores, score) + law[name]["sd"] * noise

    service = pd.DataFrame(
        {
            "response_hours": np.exp(level("response_hours", "experience")),
            "delivery_delay_days": np.exp(level("delivery_delay_days", "experience")),
            "complaints_per_year": np.exp(level("complaints_per_year", "experience")),
            "resolved_share": 1 / (1 + np.exp(-level("resolved_share", "experience"))),
            "days_past_due": np.exp(level("days_past_due", "credit")),
        }
    ).round(2)
    scale = TRUTH["satisfaction"]
    noise = scale["sd"] * rng.standard_normal(scores.size.size)
    satisfaction = scale["mean"] + scale["slope"] * (nps_predictor(service) - scale["centre"]) + noise
    service["satisfaction"] = np.clip(satisfaction, 1, 5).round(2)
    return service


def nps_predictor(service: pd.DataFrame) -> np.ndarray:
    """Linear predictor of the NPS answer: log odds of a higher one, thresholds aside."""
    return np.asarray(sum(weight * service[name].to_numpy() for name, weight in TRUTH["nps"]["drivers"].items()))


def draw_contracts(
    rng: np.random.Generator, scores: Scores, customers: pd.DataFrame, service: pd.DataFrame
) -> pd.DataFrame:
    """The table `contracts`: one service contract for each customer, which runs on from month to month."""
    n, law = len(customers), TRUTH["churn"]
    start = customers["acquired_on"].to_numpy("datetime64[D]") + rng.integers(0, 30, n).astype("timedelta64[D]")
    fixed = law["intercept"] + law["satisfaction_less_3_6"] * (service["satisfaction"].to_numpy() - 3.6)
    fixed = fixed + sum(
        law[name] * service[name].to_numpy() for name in ("response_hours", "complaints_per_year", "days_past_due")
    )
    month = np.arange(1, 61)
    hazard = 1 / (1 + np.exp(-(fixed[:, None] + law["log_tenure_months"] * np.log(month))))
    leaves = rng.random(hazard.shape) < hazard
    last_month = np.where(leaves.any(axis=1), leaves.argmax(axis=1) + 1, month.size)
    end = months_after(start, last_month) - 1
    runs = end > _END
    anniversaries = months_after(start[:, None], 12 * np.arange(1, 6))
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "start": start,
            "end": np.where(runs, np.datetime64("NaT"), end),
            "value": np.round(np.exp(9.8 + 0.6 * scores.size + 0.3 * rng.standard_normal(n)), -2),
            "renewals": (anniversaries <= np.minimum(end, _END)[:, None]).sum(axis=1),
            **{name: service[name] for name in ("satisfaction", *DRIVERS, "days_past_due")},
        }
    )


def _last_day(contracts: pd.DataFrame) -> np.ndarray:
    return contracts["end"].fillna(pd.Timestamp(_END)).to_numpy("datetime64[D]")


def draw_interactions(
    rng: np.random.Generator, scores: Scores, customers: pd.DataFrame, contracts: pd.DataFrame
) -> pd.DataFrame:
    """The table `interactions`: service cases while the contract runs."""
    law = TRUTH["interactions"]
    start, last = contracts["start"].to_numpy("datetime64[D]"), _last_day(contracts)
    years = seasonal_years(start, last)
    per_year = {kind: rate * np.exp(law["activity"] * scores.activity) for kind, rate in law["per_year"].items()} | {
        "投诉": contracts["complaints_per_year"].to_numpy()
    }
    counts = {kind: rng.poisson(rate * years) for kind, rate in per_year.items()}
    owner = np.concatenate([np.repeat(np.arange(len(customers)), count) for count in counts.values()])
    kind = np.repeat(np.array(list(counts), dtype=object), [count.sum() for count in counts.values()])
    n = owner.size

    day = seasonal_days(rng, start[owner], last[owner])
    opened = day.astype("datetime64[s]") + rng.integers(8 * 3600, 18 * 3600, n).astype("timedelta64[s]")
    record = contracts.iloc[owner]
    shape = law["response_shape"]
    answer_hours = rng.gamma(shape, record["response_hours"].to_numpy() / shape)
    repair_hours = answer_hours + rng.gamma(shape, law["hours_to_resolve"] / shape, n)
    delay_hours = 24 * rng.gamma(shape, record["delivery_delay_days"].to_numpy() / shape)
    # A late delivery is opened on the day that was promised and resolved when the goods arrive.
    hours = np.where(kind == "配送延误", np.maximum(delay_hours, answer_hours), repair_hours)
    table = pd.DataFrame(
        {
            "customer_id": record["customer_id"].to_numpy(),
            "opened_at": opened,
            "first_response_at": _until_end(opened + _seconds(answer_hours)),
            "resolved_at": _until_end(opened + _seconds(hours)),
            "kind": kind,
            "channel": pick(rng, words.CASE_CHANNELS, n, [0.45, 0.30, 0.15, 0.10]),
            "reopened": rng.random(n) >= record["resolved_share"].to_numpy(),
            "comment": _phrases(rng, words.CASE_NOTES, kind),
        }
    )
    return table.sort_values(["opened_at", "customer_id"], kind="stable", ignore_index=True)


def _seconds(hours: np.ndarray) -> np.ndarray:
    return np.rint(3600 * hours).astype("timedelta64[s]")


def _until_end(moment: np.ndarray) -> np.ndarray:
    """What had not happened by the end of the as-of date is not known."""
    return np.where(moment < _END + 1, moment, np.datetime64("NaT"))


def draw_surveys(
    rng: np.random.Generator, customers: pd.DataFrame, contracts: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table `surveys`, and for each of its rows the answer that the customer gave or would have given."""
    law = TRUTH["survey_response"]
    waves = np.array([f"{year}-{month}-15" for year in range(2022, 2027) for month in ("03", "09")], "datetime64[D]")
    start, last = contracts["start"].to_numpy("datetime64[D]"), _last_day(contracts)
    runs = (start[:, None] + 30 <= waves) & (waves <= last[:, None])
    owner, wave = np.nonzero(runs & (rng.random(runs.shape) < law["invited"]))
    record, n = contracts.iloc[owner], owner.size

    sum_of_all = nps_predictor(record) + rng.logistic(size=n)
    nps = np.searchsorted(TRUTH["nps"]["thresholds"], sum_of_all, side="left")
    scale = TRUTH["csat"]
    csat = 1 + np.searchsorted(scale["thresholds"], sum_of_all + rng.normal(0, scale["sd"], n), side="left")
    chance = law["intercept"] + law["satisfaction_less_3_6"] * (record["satisfaction"].to_numpy() - 3.6)
    answers = rng.random(n) < 1 / (1 + np.exp(-chance))
    theme, comment = _survey_comments(rng, record, nps)
    comments = answers & (rng.random(n) < law["commented"])
    named = ~(answers & (rng.random(n) < law["anonymous"]))
    after = np.where(answers, rng.integers(0, 14, n, endpoint=True), 0).astype("timedelta64[D]")
    table = pd.DataFrame(
        {
            "date": waves[wave] + after,
            "customer_id": np.where(named, record["customer_id"], None),
            "nps": pd.array(np.where(answers, nps, -1), "Int64"),
            "csat": pd.array(np.where(answers, csat, -1), "Int64"),
            "touchpoint": pick(rng, words.TOUCHPOINTS, n, [0.20, 0.35, 0.30, 0.15]),
            "comment": np.where(comments, comment, None),
            "invited": True,
        }
    )
    table[["nps", "csat"]] = table[["nps", "csat"]].where(pd.Series(answers))
    known = pd.DataFrame({"customer": owner, "nps": nps, "answered": answers, "theme": np.where(comments, theme, None)})
    order = np.lexsort((owner, table["date"]))
    return table.iloc[order].reset_index(drop=True), known.iloc[order].reset_index(drop=True)


def _survey_comments(rng: np.random.Generator, record: pd.DataFrame, nps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Theme and words: detractors name a driver that fails them, promoters one that serves them, or the machine."""
    n = nps.size
    drivers = record[list(DRIVERS)]
    weights = np.array([TRUTH["nps"]["drivers"][name] for name in DRIVERS])
    pull = weights * (drivers - drivers.mean()).to_numpy()
    names = np.array(DRIVERS, dtype=object)
    worst = names[(-2 * pull + rng.gumbel(size=pull.shape)).argmax(axis=1)]
    best = names[(2 * pull + rng.gumbel(size=pull.shape)).argmax(axis=1)]
    best = np.where(rng.random(n) < 0.4, "equipment", best)
    mood = np.select([nps <= 6, nps >= 9], [0, 2], 1)
    # Passives sound like either, or like neither.
    middling = rng.random(n)
    mood = np.where((mood == 1) & (middling < 0.25), 0, np.where((mood == 1) & (middling > 0.70), 2, mood))

    complaint = _phrases(rng, words.COMPLAINTS, worst)
    praise = _phrases(rng, words.PRAISE | {"equipment": words.OTHER_PRAISE}, best)
    neutral = pick(rng, words.NEUTRAL, n)
    opening = pick(rng, words.OPENINGS, n)
    ending = np.where(mood == 2, pick(rng, words.PRAISE_ENDINGS, n), pick(rng, words.ENDINGS, n))
    theme = np.select([mood == 0, mood == 2], ["complaint: " + worst, "praise: " + best], "neutral")
    return theme, opening + np.select([mood == 0, mood == 2], [complaint, praise], neutral) + ending


def _phrases(rng: np.random.Generator, phrases: Mapping[str, tuple[str, ...]], key: np.ndarray) -> np.ndarray:
    """One phrase for each key, all of a key's phrases alike."""
    fraction = rng.random(key.size)
    chosen = np.empty(key.size, dtype=object)
    for name, options in phrases.items():
        at = key == name
        chosen[at] = np.array(options, dtype=object)[(fraction[at] * len(options)).astype(int)]
    return chosen
