"""The hazard model: against statsmodels, Xinglin's truth, and data that carry no model or half of one."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmlab import datasets
from crmlab.absence import FitError
from crmlab.aggregate.person_periods import person_periods
from crmlab.churn.hazard import fit_hazard
from crmlab.churn.preparation import learn_covariates, variance_inflation

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
DRIVERS = ("response_hours", "complaints_per_year", "days_past_due")


def panel(n=4_000, seed=0, intercept=-2.5) -> pd.DataFrame:
    """Single person-periods from a known law."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"score": rng.normal(3, 1, n), "plan": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])})
    rows["tenure_months"] = rng.integers(1, 40, n).astype(float)
    rows["log_tenure_months"] = np.log(rows["tenure_months"])
    log_odds = (
        intercept + 0.6 * (rows["score"] - 3) - 0.8 * (rows["plan"] == "b") - 0.3 * rows["log_tenure_months"] + 0.8
    )
    return rows.assign(trials=1, events=(rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int), segment=0)


def customers(rows: pd.DataFrame) -> pd.DataFrame:
    ids = [f"C{number}" for number in range(len(rows))]
    return rows.drop(columns=["trials", "events", "segment"]).assign(customer_id=ids)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_coefficients_are_those_of_statsmodels_glm(link):
    from statsmodels.genmod.families import Binomial, links
    from statsmodels.genmod.generalized_linear_model import GLM

    rows = panel()
    rows = rows.assign(score=rows["score"].round(), tenure_months=6.0, log_tenure_months=np.log(6.0))
    grouped = rows.groupby(["score", "plan"], as_index=False)[["trials", "events"]].sum()
    x = np.column_stack([np.ones(len(grouped)), grouped["score"], grouped["plan"] == "b", grouped["plan"] == "c"])
    y = grouped[["events", "trials"]].assign(trials=grouped["trials"] - grouped["events"]).to_numpy()
    family = Binomial(link=links.Logit() if link == "logit" else links.CLogLog())
    known = GLM(y, x.astype(float), family=family).fit()
    model = fit_hazard(grouped, link=link)
    assert model.coefficients == pytest.approx(known.params, abs=1e-6)
    assert np.sqrt(np.diag(model.covariance)) == pytest.approx(known.bse, rel=1e-4)
    # rows one by one say the same
    single = fit_hazard(rows, link=link)
    assert single.coefficients == pytest.approx(known.params, abs=1e-6)
    assert single.left_out == {"log_tenure_months": "the same for everyone"}


def test_probabilities_and_contributions_hang_together():
    rows = panel()
    model, frame = fit_hazard(rows), customers(rows)
    p = model.probability(frame, months=1)
    assert p.index.tolist() == frame["customer_id"].tolist() and p.sum() == pytest.approx(model.events, rel=1e-6)
    parts = model.contributions(frame)
    assert list(parts) == list(model.labels) == ["log_tenure_months", "score", "plan"]
    assert model.labels["log_tenure_months"] == "time since the contract began"
    average = model.coefficients[0] + model.means @ model.coefficients[1:]
    assert (average + parts.sum(axis=1)).to_numpy() == pytest.approx(np.log(p / (1 - p)).to_numpy())
    assert parts.mean().to_numpy() == pytest.approx(np.zeros(3), abs=1e-9)
    # three periods, the contract growing older
    later = [
        model.probability(frame.assign(tenure_months=frame["tenure_months"] + step), months=1) for step in range(3)
    ]
    stays = np.prod([1 - each for each in later], axis=0)
    assert model.probability(frame, months=3).to_numpy() == pytest.approx(1 - stays)


def test_table_and_summary():
    model = fit_hazard(panel())
    table = model.table()
    assert table["effect"].tolist()[:2] == ["score: 1 more", "time since the contract began: twice as long"]
    assert table["ratio"][0].value == pytest.approx(np.exp(model.coefficient("score")))
    assert table["ratio"][0].low < np.exp(0.6) < table["ratio"][0].high
    assert model.summary().startswith("What goes most clearly with leaving is score: 1 more: 1.")
    assert "times the hazard" in fit_hazard(panel(), link="cloglog").summary()
    json.dumps(model.entry(), allow_nan=False)


def test_a_driver_that_says_nothing():
    rows = panel().assign(score=1.0, plan="a")
    rows["events"] = np.random.default_rng(4).permutation(rows["events"])
    assert "No driver can be told to change the risk of leaving" in fit_hazard(rows).summary()


@pytest.mark.parametrize(("left", "who"), [(0, "nobody"), (1, "everybody")])
def test_nobody_or_everybody_left(left, who):
    with pytest.raises(FitError, match=f"{who} left in the 4,000 periods at risk"):
        fit_hazard(panel().assign(events=left))
    with pytest.raises(FitError, match="nobody was at risk"):
        fit_hazard(panel().iloc[:0])


@pytest.mark.parametrize("where", ["level", "number", "outcome itself"])
def test_a_covariate_that_separates_is_held_and_told(where):
    rows = panel()
    if where == "level":
        rows["events"] = rows["events"].where(rows["plan"] != "c", 0)
        apart, name = "plan", "plan = c"
    else:
        rows["secret"] = rows["events"] * (1.0 if where == "outcome itself" else 2.0 + np.arange(len(rows)) / len(rows))
        apart, name = "secret", "secret"
    model = fit_hazard(rows)
    assert name in model.penalised
    place = model.names.index(name)
    assert np.isfinite([model.low[place], model.high[place]]).all()
    assert model.low[place] < model.coefficients[place] < model.high[place]
    assert (model.high[place] < 0) if where == "level" else (model.low[place] > 0)
    assert model.probability(customers(rows), months=1).sum() == pytest.approx(model.events, rel=1e-3)
    assert f"All or none of those who left have a certain value of {apart}" in model.summary()
    with pytest.raises(FitError, match="which `link` logit alone can fit"):
        fit_hazard(rows, link="cloglog")


def test_the_later_of_two_that_say_the_same_is_left_out():
    rows = panel()
    noise = np.random.default_rng(1).normal(0, 0.05, len(rows))
    rows = rows.assign(again=2 * rows["score"] + noise, country="CN", exactly=rows["score"] + 1)
    model = fit_hazard(rows)
    assert dict(model.left_out) == {
        "country": "the same for everyone",
        "again": "follows from what stands before it",
        "exactly": "follows from what stands before it",
    }
    assert model.summary().endswith("follow from the others: country, again, exactly.")
    first = fit_hazard(rows[["again", "score", "plan", "trials", "events"]])
    assert "score" in first.left_out and "again" in first.names


def test_variance_inflation_by_its_definition():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=500), rng.normal(size=500)
    design = pd.DataFrame({"one": one, "sum": one + 0.5 * other, "other": other})
    weights = rng.integers(1, 4, 500)
    found = variance_inflation(design, weights)
    correlation = np.cov(one, design["sum"], fweights=weights)
    r2 = correlation[0, 1] ** 2 / (correlation[0, 0] * correlation[1, 1])
    assert found["one"] == 1 and found["sum"] == pytest.approx(1 / (1 - r2)) and found["other"] == np.inf


def test_what_is_not_known_differs_where_there_is_much_of_it():
    rows = panel()
    unknown = np.random.default_rng(2).random(len(rows)) < 0.3
    model = fit_hazard(rows.assign(score=rows["score"].mask(unknown), plan=rows["plan"].mask(unknown)))
    assert {"score unknown", "plan unknown"} & set(model.names) == {"score unknown"}
    known = fit_hazard(rows[~unknown])
    assert model.coefficient("score") == pytest.approx(known.coefficient("score"), abs=0.1)
    few = fit_hazard(rows.assign(score=rows["score"].mask(np.arange(len(rows)) < 5)))
    assert "score unknown" not in few.names


def test_rare_levels_count_as_the_usual_one():
    rows = panel()
    rows.loc[:9, "plan"] = "rare"
    (covariate,) = [each for each in learn_covariates(rows)[0] if each.name == "plan"]
    assert covariate.usual == "a" and covariate.levels == ("b", "c")
    assert fit_hazard(rows).probability(customers(rows), months=1).notna().all()


def test_misuse_is_named():
    with pytest.raises(ValueError, match="missing: trials"):
        fit_hazard(panel().drop(columns="trials"))
    with pytest.raises(ValueError, match="`link` must be one of logit, cloglog"):
        fit_hazard(panel(), link="probit")
    with pytest.raises(ValueError, match="missing: score"):
        fit_hazard(panel()).probability(customers(panel()).drop(columns="score"), months=1)


def test_every_message_can_be_translated(untranslated):
    # what a client's own columns are called stays as it is
    allowed = {"score", "plan", "a", "b", "c", "n"}
    assert set(untranslated(fit_hazard(panel()).summary())) <= allowed


def xinglin(folder, **options):
    """The contracts of one draw as a panel, and the truth in its order."""
    datasets.EXAMPLES["xinglin"](folder, **options)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    bad = [entry["row"] - 1 for entry in truth["dirty_rows"] if entry["table"] == "contracts"]
    rows = pd.read_csv(folder / "contracts.csv", skiprows=bad, parse_dates=["start", "end"])
    law = truth["churn"]
    names = ["satisfaction", *DRIVERS]
    rows = rows.assign(satisfaction=rows["satisfaction"] - 3.6)
    made = person_periods(rows, until=truth["dates"]["as_of"], covariates=names)
    known = [law[name] for name in ("intercept", "log_tenure_months", "satisfaction_less_3_6", *DRIVERS)]
    assert made.events == law["realised"]["ended"]
    return fit_hazard(made.rows), np.array(known)


def test_xinglin_s_coefficients_are_recovered(tmp_path):
    model, known = xinglin(tmp_path)
    apart = known - model.coefficients
    assert apart @ np.linalg.solve(model.covariance, apart) < stats.chi2(len(known)).ppf(0.95)
    assert ((model.low < known) & (known < model.high)).all()


def test_xinglin_s_coefficients_are_unbiased_over_draws(tmp_path):
    draws = [xinglin(tmp_path / str(seed), customers=600, seed=seed) for seed in range(8)]
    off = np.array([(model.coefficients - known) / np.sqrt(np.diag(model.covariance)) for model, known in draws])
    # means of eight standard normal deviates, and their spread
    assert np.abs(off.mean(axis=0)).max() < 3 / np.sqrt(len(draws))
    assert 0.6 < off.std() < 1.4
