"""Xinglin Leasing (兴林融资租赁): a simulated lessor of forestry equipment whose truth is known.

Every table of the contract comes from one seed and from the parameters in `truth.TRUTH`, so that an analysis of the
tables can be held against what made them. One latent structure ties the tables together: activity, experience and
size are independent scores, credit quality leans on all three, and service, satisfaction, leaving, defaults, spend
and purchases follow from them.

Where a model of crmlab has assumptions, the data meet them, and the links lie where they break none:

- Purchases follow BG/NBD and amounts Gamma-Gamma, so that a fit finds r, alpha, a, b, p, q, v again. BG/NBD wants
  purchase rate and dropout independent of each other, Gamma-Gamma wants rate and mean spend independent. Each
  therefore hangs on a score of its own: the draws are given to customers in the order of that score, which leaves
  their distribution as it was.
- Purchases have no season. Acquisition, opportunities and service cases have one.
- The CRM programme raises the margin rate of purchases, not their times or amounts, which would spoil both models.
  Its effect on margin a month is known for this very draw, since the simulation knows each row with and without it;
  its effect on revenue is zero. Waves are drawn at random within each industry and start after the last customer
  was won, so that margins run alike before and everyone has months on both sides.
- Churn, NPS and default depend on columns that the tables record, not on the hidden scores, so that their
  coefficients can be estimated. What a customer can expect of the service is fixed over time and stands in
  `contracts`; `interactions` and `payments` vary around it.
- Who answers a survey depends on the recorded satisfaction alone. The share of promoters among answers is too high
  by a known amount, and weighting by satisfaction mends it; coefficients of the drivers are not touched.

A few rows break the contract on purpose (`dirt.DEFECTS`); `truth.json` lists them.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from crmlab.datasets.files import whole
from crmlab.datasets.xinglin.customers import MOST, Scores, draw_customers, hidden_scores
from crmlab.datasets.xinglin.dirt import spoil
from crmlab.datasets.xinglin.programme import draw_acquisition_spend, draw_cashflows, draw_exposure, programme_effect
from crmlab.datasets.xinglin.service import draw_contracts, draw_interactions, draw_service, draw_surveys, nps_predictor
from crmlab.datasets.xinglin.trade import draw_opportunities, draw_payments, draw_transactions
from crmlab.datasets.xinglin.truth import TRUTH

# One generator each, in this order; new ones go to the end, so that the others keep their numbers.
_STREAMS = (
    "scores",
    "service",
    "customers",
    "exposure",
    "transactions",
    "contracts",
    "interactions",
    "surveys",
    "opportunities",
    "payments",
    "acquisition_spend",
    "crm_cashflows",
    "dirt",
)


def xinglin(folder: str | Path, *, customers: int = 2_000, seed: int = 20_260_930) -> None:
    """Write the ten tables as CSV (UTF-8, dates in ISO 8601) and `truth.json`.

    Parameters
    ----------
    customers
        How many customers the firm has, 100 to 9,900, for as many brand names can be told apart.
    seed
        The same seed and number of customers give the same bytes.

    Raises
    ------
    ValueError
        If there are fewer customers than 100, or more than 9,900.
    """
    if not 100 <= customers <= MOST:
        raise ValueError(f"`customers` must lie between 100 and {MOST}, got {customers}")
    streams = dict(zip(_STREAMS, np.random.default_rng(seed).spawn(len(_STREAMS)), strict=True))
    tables, truth = _draw(streams, customers)
    truth["seed"], truth["customers"], truth["dirty_rows"] = seed, customers, []
    # A generator of its own for each table, lest one table's rows move the dirt of the next.
    for (name, table), rng in zip(tables.items(), streams["dirt"].spawn(len(tables)), strict=True):
        rows, dirty = spoil(rng, name, _text(table))
        truth["dirty_rows"] += dirty
        with whole(Path(folder) / f"{name}.csv") as path:
            rows.to_csv(path, index=False, lineterminator="\n")
    with whole(Path(folder) / "truth.json") as path:
        path.write_text(json.dumps(truth, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _draw(streams: dict[str, np.random.Generator], n: int) -> tuple[dict[str, pd.DataFrame], dict]:
    """The clean tables, and the parameters with what this draw made of them."""
    scores = hidden_scores(streams["scores"], n)
    service = draw_service(streams["service"], scores)
    customers = draw_customers(streams["customers"], scores)
    exposure = draw_exposure(streams["exposure"], customers)
    transactions, caused = draw_transactions(streams["transactions"], scores, customers, exposure)
    contracts = draw_contracts(streams["contracts"], scores, customers, service)
    interactions = draw_interactions(streams["interactions"], scores, customers, contracts)
    surveys, answers = draw_surveys(streams["surveys"], customers, contracts)
    opportunities = draw_opportunities(streams["opportunities"], scores, customers, service)
    payments, defaulted = draw_payments(streams["payments"], customers, service, opportunities)
    tables = {
        "customers": customers,
        "transactions": transactions,
        "contracts": contracts,
        "surveys": surveys,
        "interactions": interactions,
        "payments": payments,
        "opportunities": opportunities,
        "acquisition_spend": draw_acquisition_spend(streams["acquisition_spend"], customers),
        "crm_cashflows": draw_cashflows(streams["crm_cashflows"], exposure, transactions, caused),
        "exposure": exposure,
    }
    truth = json.loads(json.dumps(TRUTH))
    truth["programme"]["realised"] = programme_effect(transactions, caused, exposure)
    truth["nps"]["realised"] = _nps_of_the_base(contracts, answers)
    truth["default"]["realised"] = {"customers": int(defaulted.sum()), "share": round(float(defaulted.mean()), 6)}
    truth["churn"]["realised"] = {"ended": int(contracts["end"].notna().sum())}
    truth["latent"]["realised_correlations"] = _correlations(scores, contracts)
    return tables, truth


def _nps_of_the_base(contracts: pd.DataFrame, answers: pd.DataFrame) -> dict:
    """NPS in points: as chances say it is, as all invited would have answered, and as those did who answered."""
    cuts = np.array(TRUTH["nps"]["thresholds"])
    at_most = 1 / (1 + np.exp(-(cuts - nps_predictor(contracts)[:, None])))
    expected = 1 - at_most[:, 8] - at_most[:, 6]
    points = 100 * ((answers["nps"] >= 9).astype(int) - (answers["nps"] <= 6).astype(int))
    themes = answers["theme"].dropna().value_counts().sort_index()
    return {
        "_about": "NPS from -100 to 100; that of the answers differs from that of all invited by who answers.",
        "all_customers": round(float(100 * expected.mean()), 4),
        "running_contracts_on_as_of": round(float(100 * expected[contracts["end"].isna()].mean()), 4),
        "all_invited": round(float(points.mean()), 4),
        "answered": round(float(points[answers["answered"]].mean()), 4),
        "response_rate": round(float(answers["answered"].mean()), 6),
        "comment_themes": {name: int(count) for name, count in themes.items()},
    }


def _correlations(scores: Scores, contracts: pd.DataFrame) -> dict[str, float]:
    """How the hidden scores and the recorded covariates hang together in this draw."""
    known = pd.DataFrame(
        {
            "activity": scores.activity,
            "experience": scores.experience,
            "size": scores.size,
            "credit": scores.credit,
            "satisfaction": contracts["satisfaction"],
            "response_hours": contracts["response_hours"],
            "days_past_due": contracts["days_past_due"],
            "left": contracts["end"].notna(),
        }
    ).astype(float)
    table = known.corr()
    pairs = [(a, b) for i, a in enumerate(table) for b in list(table)[i + 1 :]]
    return {f"{a}, {b}": round(float(table.loc[a, b]), 4) for a, b in pairs}


def _text(table: pd.DataFrame) -> pd.DataFrame:
    """A table as a file shows it: ISO dates, amounts to the fen, true and false, nothing for what is missing."""
    return table.apply(_column_text)


def _column_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        at_midnight = (column.dropna() == column.dropna().dt.normalize()).all()
        text = column.dt.strftime("%Y-%m-%d" if at_midnight else "%Y-%m-%d %H:%M:%S")
    elif pd.api.types.is_bool_dtype(column):
        text = column.map({True: "true", False: "false"})
    elif pd.api.types.is_float_dtype(column):
        text = column.map("{:.2f}".format)
    else:
        text = column.astype("string")
    return text.astype(object).where(column.notna(), "")
