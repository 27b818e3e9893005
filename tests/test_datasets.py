"""The example clients: CDNOW is the published log, and Xinglin's tables are what their truth says."""

import importlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from scipy.special import expit, hyp2f1, polygamma
from scipy.stats import chi2

from crmlab import datasets
from crmlab.contract import TABLES, InputError
from crmlab.datasets.files import whole
from crmlab.datasets.xinglin.customers import in_order_of
from crmlab.datasets.xinglin.truth import TRUTH
from crmlab.datasets.xinglin.when import months_after, seasonal_days, seasonal_years

PARAMS = Path(__file__).parents[1] / "params"
COVARIATES = {"satisfaction", "days_past_due", *TRUTH["service"]} - {"_about"}
AS_OF = pd.Timestamp("2026-09-30")
DATES = {name: [column.name for column in table.columns if column.kind == "date"] for name, table in TABLES.items()}


@pytest.fixture(scope="session")
def cdnow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cdnow")
    datasets.write("cdnow", folder)
    return pd.read_parquet(folder / "transactions.parquet")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("xinglin")
    datasets.write("xinglin", folder)
    return folder


@pytest.fixture(scope="session")
def truth(folder):
    return json.loads((folder / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def tables(folder, truth):
    """Every table with its types and without the rows that are known to be bad."""
    bad = pd.DataFrame(truth["dirty_rows"]).groupby("table")["row"].agg(list)
    return {
        name: pd.read_csv(folder / f"{name}.csv", skiprows=[row - 1 for row in bad[name]], parse_dates=DATES[name])
        for name in TABLES
    }


@pytest.fixture(scope="session")
def sales(tables):
    return tables["transactions"].query("amount > 0")


@pytest.fixture(scope="session")
def by_customer(tables):
    """Customers with the covariates of their contracts."""
    return tables["customers"].merge(tables["contracts"], on="customer_id", validate="1:1")


def score_z(happened, probability, weight=1.0):
    """How far events are from what was expected, in standard errors; with a covariate as weight, its score."""
    weight = np.broadcast_to(weight, np.shape(probability))
    residual = np.asarray(happened, dtype=float) - probability
    return (weight * residual).sum() / np.sqrt((weight**2 * probability * (1 - probability)).sum())


def test_cdnow_has_the_published_totals(cdnow):
    assert len(cdnow) == 69_659
    assert cdnow["customer_id"].nunique() == 23_570
    assert cdnow["dollar_value"].sum() == pytest.approx(2_500_315.63, abs=0.005)
    assert (str(cdnow["date"].min()), str(cdnow["date"].max())) == ("1997-01-01", "1998-06-30")


def test_cdnow_keeps_ids_as_the_log_writes_them(cdnow):
    assert list(cdnow.columns) == ["customer_id", "date", "number_of_cds", "dollar_value"]
    assert cdnow["customer_id"].iloc[0] == "00001"
    assert cdnow["customer_id"].str.len().eq(5).all()


def test_cdnow_refuses_another_log(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.import_module("crmlab.datasets.cdnow"), "ROWS", 69_660)
    with pytest.raises(ValueError, match=r"rows, customers and dollars must be \(69660, .* got \(69659, "):
        datasets.cdnow(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_its_package_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("crmlab.datasets.files"), "find_spec", lambda name: None)
    with pytest.raises(datasets.NotInstalled, match="cdnow comes with the package lifetimes, which is not installed"):
        datasets.write("cdnow", tmp_path / "cdnow")
    assert not (tmp_path / "cdnow").exists()


def test_an_unknown_example_is_named(tmp_path):
    with pytest.raises(InputError, match="there is no example client 'xingling'; did you mean xinglin?"):
        datasets.write("xingling", tmp_path)


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("client", datasets.EXAMPLES)
def test_the_clients_file_names_what_is_written(client):
    params = YAML(typ="safe").load(datasets.client_file(client) or PARAMS / f"{client}.yaml")
    written = {
        "cdnow": {"transactions": "transactions.parquet"},
        "telco": {"contracts": "subscribers.parquet"},
        "dunnhumby": {"customers": "demographics.parquet", "transactions": "transactions.parquet"},
        "xinglin": {name: f"{name}.csv" for name in TABLES},
    }
    sources = {name: table["source"] for name, table in params["data"].items()}
    assert sources == {name: f"data/{client}/{file}" for name, file in written[client].items()}


@pytest.mark.parametrize("customers", [99, 9_901])
def test_the_number_of_customers_is_bounded(customers, tmp_path):
    with pytest.raises(ValueError, match=f"`customers` must lie between 100 and 9900, got {customers}"):
        datasets.xinglin(tmp_path, customers=customers)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_one_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        datasets.xinglin(tmp_path / name, customers=150, seed=seed)
    first, again, other = (contents(tmp_path / name) for name in "abc")
    assert first == again
    assert [name for name in first if first[name] == other[name]] == []


def test_one_tables_draws_do_not_move_the_others(tmp_path, monkeypatch):
    datasets.xinglin(tmp_path / "before", customers=150)
    monkeypatch.setitem(TRUTH["interactions"], "per_year", {"报修": 9.0})
    datasets.xinglin(tmp_path / "after", customers=150)
    before, after = contents(tmp_path / "before"), contents(tmp_path / "after")
    assert {name for name in before if before[name] != after[name]} == {"interactions.csv", "truth.json"}


def test_the_files_are_small(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 15e6


def test_every_table_has_the_columns_of_the_contract(folder):
    header = {name: set(pd.read_csv(folder / f"{name}.csv", nrows=0)) for name in TABLES}
    known = {name: {column.name for column in table.columns} for name, table in TABLES.items()}
    absent = {name: known[name] - header[name] for name in TABLES}
    further = {name: header[name] - known[name] for name in TABLES}
    assert {name: names for name, names in absent.items() if names} == {"transactions": {"cost", "project_id"}}
    assert {name: names for name, names in further.items() if names} == {"contracts": COVARIATES}


def broken_rules(name, text):
    """Row numbers of a file and the rules of the contract they break, by plain pandas."""
    table, found = TABLES[name], {}

    def note(wrong, reason):
        for row in text.index[wrong] + 2:
            found.setdefault(int(row), reason)

    for column in table.columns:
        if column.name not in text:
            continue
        value, filled = text[column.name], text[column.name] != ""
        if column.required:
            note(~filled, f"{column.name} must not be empty")
        if column.kind == "date":
            note(
                filled & pd.to_datetime(value, errors="coerce", format="ISO8601").isna(),
                f"{column.name} must be a date (YYYY-MM-DD)",
            )
        if column.kind in ("number", "integer"):
            number = pd.to_numeric(value, errors="coerce")
            note(filled & number.isna(), f"{column.name} must be a number")
            if column.kind == "integer":
                note(number % 1 > 0, f"{column.name} must be a whole number")
            if column.low is not None:
                note(number < column.low, f"{column.name} must be at least {column.low}")
            if column.high is not None:
                note(number > column.high, f"{column.name} must be at most {column.high}")
        if column.kind == "boolean":
            note(filled & ~value.isin(["true", "false"]), f"{column.name} must be true or false")
        if column.choices:
            note(filled & ~value.isin(column.choices), f"{column.name} must be one of {', '.join(column.choices)}")
    for first, second in table.ordered:
        days = [pd.to_datetime(text[side], errors="coerce", format="ISO8601") for side in (first, second)]
        note(days[1] < days[0], f"{second} must not precede {first}")
    if table.unique:
        sound = text[~(text.index + 2).isin(list(found))]
        note(
            text.index.isin(sound.index[sound.duplicated(list(table.unique))]),
            f"{table.unique[0]} repeats an earlier row",
        )
    return found


@pytest.mark.parametrize("name", TABLES)
def test_only_the_listed_rows_break_the_contract(name, folder, truth):
    text = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
    listed = {dirty["row"]: dirty["reason"] for dirty in truth["dirty_rows"] if dirty["table"] == name}
    assert broken_rules(name, text) == listed
    assert 0 < len(listed) < 0.005 * len(text)


@pytest.mark.parametrize("name", TABLES)
def test_nothing_but_plans_lies_after_the_as_of_date(name, tables):
    rows = tables[name]
    dates = rows.loc[rows["scenario"] == "actual" if "scenario" in rows else rows.index, DATES[name]]
    # instalments that are still to come are planned too
    happened = dates.drop(columns="due_on", errors="ignore")
    assert (happened.max() < AS_OF + pd.Timedelta(days=1)).all()
    assert (dates.min() >= pd.Timestamp("2021-10-01")).all()


@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("acquisition_spend", "crm_cashflows")])
def test_every_id_is_a_customer(name, tables):
    assert set(tables[name]["customer_id"].dropna()) <= set(tables["customers"]["customer_id"])


def test_company_names_are_distinct_and_say_the_trade(tables):
    customers = tables["customers"]
    assert customers["name"].is_unique
    assert customers["name"].str.fullmatch(r"[\u4e00-\u9fff]{8,20}公司").all()
    assert set(customers["industry"]) == {"林业采伐", "木材加工", "造纸", "园林绿化", "生物质能源", "家具制造"}


def test_a_customer_buys_at_most_once_a_day_and_first_when_won(tables, sales):
    assert not sales.duplicated(["customer_id", "date"]).any()
    first = sales.groupby("customer_id")["date"].min()
    won = tables["customers"].set_index("customer_id")["acquired_on"]
    pd.testing.assert_series_equal(first, won, check_names=False)


def weeks_to_repeats(sales):
    """Weeks from each customer's first purchase to each later one, and the number of customers."""
    since = (sales["date"] - sales.groupby("customer_id")["date"].transform("min")).dt.days / 7
    return sales.assign(week=since)[since > 0], sales["customer_id"].nunique()


@pytest.mark.parametrize("weeks", [4, 13, 52])
def test_the_wait_for_the_first_repeat_is_that_of_gamma_rates(weeks, sales):
    """(alpha / (alpha + t))^r do not buy again within t, whatever the dropout; half a day corrects for whole days."""
    repeats, n = weeks_to_repeats(sales)
    within = (repeats.groupby("customer_id")["week"].min() <= weeks).sum()
    law = TRUTH["purchases"]
    none = (law["alpha"] / (law["alpha"] + weeks + 0.5 / 7)) ** law["r"]
    assert abs(within - n * (1 - none)) < 4 * np.sqrt(n * none * (1 - none))


@pytest.mark.parametrize("weeks", [8, 26, 60])
def test_repeat_purchases_are_as_bg_nbd_expects(weeks, sales):
    """Fader, Hardie and Lee (2005), equation 9; every customer is observed for 65 weeks at least."""
    repeats, n = weeks_to_repeats(sales)
    counts = repeats[repeats["week"] <= weeks].groupby("customer_id").size().reindex(sales["customer_id"].unique())
    counts = counts.fillna(0)
    law, t = TRUTH["purchases"], weeks + 0.5 / 7
    r, alpha, a, b = (law[name] for name in ("r", "alpha", "a", "b"))
    series = hyp2f1(r, b, a + b - 1, t / (alpha + t))
    expected = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * series)
    assert abs(counts.mean() - expected) < 4 * counts.std() / np.sqrt(n)


def test_amounts_are_gamma_gamma(sales):
    """The logarithm's variance is trigamma(p) within a customer and trigamma(q) between them."""
    law = TRUTH["spend"]
    groups = np.log(sales["amount"]).groupby(sales["customer_id"])
    size, within = groups.size(), groups.var()
    pooled = ((size - 1) * within).sum() / (size - 1).sum()
    between = groups.mean().var() - pooled * (1 / size).mean()
    assert pooled == pytest.approx(polygamma(1, law["p"]), rel=0.04)
    assert between == pytest.approx(polygamma(1, law["q"]), rel=0.15)
    means = sales.groupby("customer_id")["amount"].mean()
    expected = law["p"] * law["v"] / (law["q"] - 1)
    assert abs(means.mean() - expected) < 4 * means.std() / np.sqrt(len(means))


def test_how_much_does_not_depend_on_how_often(sales):
    groups = sales.groupby("customer_id")["amount"]
    ranks = pd.DataFrame({"often": groups.size(), "much": groups.mean()}).rank()
    assert abs(ranks.corr().loc["often", "much"]) < 4 / np.sqrt(len(ranks))


def test_refunds_give_back_part_of_an_order(tables, sales):
    law = TRUTH["refunds"]
    refunds = (
        tables["transactions"].query("amount < 0").merge(sales, on="order_id", suffixes=("", "_sold"), validate="1:1")
    )
    after = (refunds["date"] - refunds["date_sold"]).dt.days
    assert after.between(law["days_after_low"], law["days_after_high"]).all()
    assert (refunds["customer_id"] == refunds["customer_id_sold"]).all()
    assert np.allclose(refunds["amount"], -law["fraction"] * refunds["amount_sold"], atol=0.0051)
    assert np.allclose(refunds["margin"], -law["fraction"] * refunds["margin_sold"], atol=0.0051)
    seen = sales["date"] <= AS_OF - pd.Timedelta(days=law["days_after_high"])
    refunded = sales.loc[seen, "order_id"].isin(refunds["order_id"])
    assert abs(score_z(refunded, np.full(seen.sum(), law["probability"]))) < 4


def test_the_programme_adds_to_the_margin_rate_from_its_first_day(tables, sales):
    law, margin = TRUTH["programme"], TRUTH["margin"]
    reached = sales["date"] >= sales["customer_id"].map(tables["exposure"].set_index("customer_id")["from_date"])
    rate = sales["margin"] / sales["amount"]
    for group, expected in ((~reached, margin["rate"]), (reached, margin["rate"] + law["margin_rate_added"])):
        assert abs(rate[group].mean() - expected) < 4 * margin["rate_sd"] / np.sqrt(group.sum())
    assert law["relative_effect_on_margin"] == pytest.approx(law["margin_rate_added"] / margin["rate"])


def test_waves_are_balanced_within_industries_and_start_after_acquisition(tables):
    merged = tables["exposure"].merge(tables["customers"], on="customer_id")
    assert merged.groupby("industry")["treated"].mean().between(0.59, 0.61).all()
    assert merged["from_date"].dropna().min() > merged["acquired_on"].max()
    assert sorted(merged["from_date"].dropna().dt.strftime("%Y-%m-%d").unique()) == TRUTH["programme"]["waves"]
    assert (merged["from_date"].notna() == merged["treated"]).all()


def monthly_means(tables, column, first, last):
    """By treated or not: mean of a column of transactions by customer and month, and its standard error."""
    rows, exposure = tables["transactions"], tables["exposure"].set_index("customer_id")
    months = len(pd.period_range(first, last, freq="M"))
    sums = rows[rows["date"].between(first, last)].groupby("customer_id")[column].sum()
    sums = sums.reindex(exposure.index, fill_value=0) / months
    groups = sums.groupby(exposure["treated"])
    return groups.mean(), groups.sem()


def test_the_difference_in_margin_is_the_effect(tables, truth):
    mean, error = monthly_means(tables, "margin", "2026-01-01", "2026-09-30")
    effect = truth["programme"]["realised"]["margin_caused_per_customer_month"]
    assert abs(mean[True] - mean[False] - effect) < 3 * np.hypot(*error)
    assert mean[True] - mean[False] > 2 * np.hypot(*error)


@pytest.mark.parametrize(
    "column, first, last", [("margin", "2024-01-01", "2025-06-30"), ("amount", "2026-01-01", "2026-09-30")]
)
def test_there_is_no_effect_before_the_programme_nor_on_revenue(column, first, last, tables):
    mean, error = monthly_means(tables, column, first, last)
    assert abs(mean[True] - mean[False]) < 3 * np.hypot(*error)


def test_the_effect_is_the_margin_above_what_the_rate_would_give(tables, truth):
    realised = truth["programme"]["realised"]
    ratio = realised["margin_caused_per_customer_month"] / realised["margin_without_it_per_customer_month"]
    assert ratio == pytest.approx(TRUTH["programme"]["relative_effect_on_margin"], rel=0.02)
    exposure = tables["exposure"]
    months = exposure["from_date"].dropna().map(lambda day: len(pd.period_range(day, AS_OF, freq="M"))).sum()
    assert months == realised["treated_customer_months"]


def person_months(contracts):
    """One row for each month of each contract: its number, whether it was the last, and the covariates."""
    ended = contracts["end"].notna()
    stop = contracts["end"].fillna(AS_OF) + pd.Timedelta(days=1)
    months = 12 * (stop.dt.year - contracts["start"].dt.year) + stop.dt.month - contracts["start"].dt.month
    months = months - (~ended & (stop.dt.day < contracts["start"].dt.day))
    rows = contracts.loc[contracts.index.repeat(months)]
    month = rows.groupby(level=0).cumcount() + 1
    return rows.assign(month=month, left=(month == months.loc[rows.index]) & ended.loc[rows.index])


@pytest.fixture(scope="session")
def hazard(tables):
    law, panel = TRUTH["churn"], person_months(tables["contracts"])
    panel["satisfaction_less_3_6"] = panel["satisfaction"] - 3.6
    panel["log_tenure_months"] = np.log(panel["month"])
    panel["intercept"] = 1.0
    names = [name for name in law if name in panel]
    return panel.assign(expected=expit(sum(law[name] * panel[name] for name in names))), names


def test_contracts_are_renewed_each_year_that_they_run_on(tables):
    contracts = tables["contracts"]
    last = contracts["end"].fillna(AS_OF)
    anniversaries = sum((contracts["start"] + pd.DateOffset(years=year) <= last).astype(int) for year in range(1, 6))
    assert (contracts["renewals"] == anniversaries).all()
    assert contracts["renewals"].max() == 4


def test_contracts_end_as_often_as_the_hazard_says(hazard):
    panel, names = hazard
    assert len(names) == 6
    for name in names:
        assert abs(score_z(panel["left"], panel["expected"], panel[name])) < 4, name


def test_the_hazard_would_be_seen_to_be_wrong(hazard):
    """The check above has power: were the sign of any coefficient another, it would fail."""
    panel, names = hazard
    for name in set(names) - {"intercept"}:
        wrong = expit(np.log(panel["expected"] / (1 - panel["expected"])) - 2 * TRUTH["churn"][name] * panel[name])
        assert max(abs(score_z(panel["left"], wrong, panel[other])) for other in names) > 4, name


@pytest.fixture(scope="session")
def answers(tables):
    """Invitations with the customer's covariates, anonymous answers left out."""
    return tables["surveys"].dropna(subset="customer_id").merge(tables["contracts"], on="customer_id")


@pytest.mark.parametrize("driver", TRUTH["nps"]["drivers"])
def test_answers_follow_the_drivers(driver, answers):
    law = TRUTH["nps"]
    given = answers.dropna(subset="nps")
    predictor = sum(weight * given[name] for name, weight in law["drivers"].items())
    for cut, threshold in enumerate(law["thresholds"]):
        assert abs(score_z(given["nps"] <= cut, expit(threshold - predictor), given[driver])) < 4
    assert np.sign(given[[driver, "nps"]].corr().iloc[0, 1]) == np.sign(law["drivers"][driver])


def test_who_answers_flatters_the_score_and_weights_mend_it(tables, answers, truth):
    realised, law = truth["nps"]["realised"], TRUTH["survey_response"]
    points = 100.0 * ((answers["nps"] >= 9).astype(int) - (answers["nps"] <= 6))
    answered = answers["nps"].notna()
    chance = expit(law["intercept"] + law["satisfaction_less_3_6"] * (answers["satisfaction"] - 3.6))
    raw = tables["surveys"]["nps"].dropna()
    assert 100 * ((raw >= 9).mean() - (raw <= 6).mean()) == pytest.approx(realised["answered"], abs=1e-4)
    assert realised["answered"] > realised["all_invited"] + 4
    weighted = np.average(points[answered], weights=1 / chance[answered])
    assert abs(weighted - realised["all_invited"]) < 4 * 80 / np.sqrt(answered.sum())


def test_who_answers_depends_on_satisfaction_alone(answers):
    law = TRUTH["survey_response"]
    chance = expit(law["intercept"] + law["satisfaction_less_3_6"] * (answers["satisfaction"] - 3.6))
    # An answer without an id is not among these rows, so that a few answers are missing.
    chance = chance * (1 - law["anonymous"]) / (1 - law["anonymous"] * chance)
    for name in ("satisfaction", "response_hours", "complaints_per_year"):
        assert abs(score_z(answers["nps"].notna(), chance, answers[name] - answers[name].mean())) < 4


def test_comments_sound_as_the_answers(tables, truth):
    given = tables["surveys"].dropna(subset=["nps", "comment"])
    assert len(given) == sum(truth["nps"]["realised"]["comment_themes"].values())
    late = given["comment"].str.contains("订单处理延迟|售后响应不及时|没有彻底解决")
    good = given["comment"].str.contains("设备质量")
    assert given.loc[late, "nps"].mean() < 7 < 8.5 < given.loc[good, "nps"].mean()
    assert given["comment"].nunique() > 500
    assert tables["surveys"].loc[tables["surveys"]["nps"].isna(), "comment"].isna().all()


def test_service_cases_vary_around_what_the_contract_records(tables):
    cases = tables["interactions"].merge(tables["contracts"], on="customer_id")
    hours = (cases["first_response_at"] - cases["opened_at"]).dt.total_seconds() / 3600
    assert (hours / cases["response_hours"]).mean() == pytest.approx(1, abs=0.03)
    assert abs(score_z(~cases["reopened"], cases["resolved_share"])) < 4
    late = cases["kind"] == "配送延误"
    days = (cases["resolved_at"] - cases["opened_at"]).dt.total_seconds() / 86400
    assert (days / cases["delivery_delay_days"])[late].mean() == pytest.approx(1, abs=0.07)


def test_defaults_follow_rating_capital_and_appetite(tables, truth):
    law, customers, payments = TRUTH["default"], tables["customers"], tables["payments"]
    open_long = payments["paid_on"].isna() & (payments["due_on"] < AS_OF - pd.Timedelta(days=60))
    defaulted = customers["customer_id"].isin(payments.loc[open_long, "customer_id"])
    covariates = {
        "intercept": np.ones(len(customers)),
        "rating_grade": customers["credit_rating"].map({"A": 0, "B": 1, "C": 2, "D": 3, "E": 4}),
        "log10_registered_capital_in_millions": np.log10(customers["registered_capital"] / 1e6),
        "risk_tolerance_进取": (customers["risk_tolerance"] == "进取").astype(float),
    }
    chance = expit(sum(law[name] * covariate for name, covariate in covariates.items()))
    for name, covariate in covariates.items():
        assert abs(score_z(defaulted, chance, covariate)) < 4, name
    assert defaulted.sum() == truth["default"]["realised"]["customers"]
    assert (payments["paid_on"] - payments["due_on"]).dt.days.max() <= 60


def test_payments_belong_to_the_customers_first_project(tables):
    first = tables["payments"].drop_duplicates("project_id")
    leased = first.merge(tables["opportunities"], on="project_id", suffixes=("", "_of_project"), validate="1:1")
    assert len(leased) == len(first)
    assert leased["customer_id"].is_unique
    assert (leased["customer_id"] == leased["customer_id_of_project"]).all()
    assert (leased["outcome"] == "won").all()


def test_opportunities_are_won_by_satisfaction(tables, by_customer):
    law = TRUTH["opportunities"]
    later = tables["opportunities"].merge(by_customer, on="customer_id")
    later = later[(later["opened_on"] >= later["acquired_on"]) & later["outcome"].notna()]
    over = later["satisfaction"] - 3.6
    chance = expit(law["intercept"] + law["satisfaction_less_3_6"] * over)
    assert abs(score_z(later["outcome"] == "won", chance)) < 4
    assert abs(score_z(later["outcome"] == "won", chance, over)) < 4


def test_customers_are_won_with_the_season(tables):
    won = tables["customers"]["acquired_on"]
    whole_years = won[won.dt.year < 2025].dt.month.value_counts().sort_index()
    days = pd.Series(pd.date_range("2022-01-01", "2024-12-31")).dt.month.value_counts().sort_index()
    expected = days * np.array(TRUTH["season"]["multipliers"])
    expected = expected / expected.sum() * whole_years.sum()
    assert ((whole_years - expected) ** 2 / expected).sum() < chi2.ppf(0.9999, 11)
    assert np.mean(TRUTH["season"]["multipliers"]) == pytest.approx(1)


def test_acquisition_spend_counts_every_customer_once(tables):
    spend, law = tables["acquisition_spend"], TRUTH["acquisition"]
    won = tables["customers"].groupby([tables["customers"]["acquired_on"].dt.to_period("M"), "channel"]).size()
    counted = spend.set_index([spend["date"].dt.to_period("M"), "channel"])["new_customers"]
    assert counted[counted > 0].sort_index().to_dict() == won.sort_index().to_dict()
    cost = spend.groupby("channel")["amount"].sum() / spend.groupby("channel")["new_customers"].sum()
    assert cost.to_dict() == pytest.approx(law["cost_per_customer"], rel=0.06)


def test_the_programmes_cash_flows_agree_with_the_tables(tables, truth):
    flows = tables["crm_cashflows"]
    actual = flows[flows["scenario"] == "actual"].groupby("category")["amount"].sum()
    assert actual["毛利增量"] == pytest.approx(truth["programme"]["realised"]["margin_caused"], abs=0.2)
    assert actual["客户上线"] == pytest.approx(tables["exposure"]["cost"].sum(), abs=0.05)
    assert set(flows["scenario"]) == {"actual", "base", "optimistic", "pessimistic"}


def test_hidden_scores_hang_together_as_told(truth):
    found = truth["latent"]["realised_correlations"]
    chance = 4 / np.sqrt(truth["customers"])
    for pair in ("activity, experience", "activity, size", "experience, size"):
        assert abs(found[pair]) < chance, pair
    for score, weight in TRUTH["latent"]["credit_weights"].items():
        assert found[f"{score}, credit"] == pytest.approx(weight, abs=chance)
    signs = {
        "experience, satisfaction": 1,
        "experience, response_hours": -1,
        "credit, days_past_due": -1,
        "satisfaction, left": -1,
        "response_hours, left": 1,
    }
    assert {pair: np.sign(found[pair]) for pair in signs} == signs
    assert min(abs(found[pair]) for pair in signs) > chance


def test_the_tables_hang_together(tables, by_customer, sales):
    """Good service keeps customers and buyers, good credit pays sooner, large firms spend more."""
    known = by_customer.set_index("customer_id")
    groups = sales.groupby("customer_id")
    late = (tables["payments"]["paid_on"] - tables["payments"]["due_on"]).dt.days.groupby(
        tables["payments"]["customer_id"]
    )
    seen = pd.DataFrame(
        {
            "satisfaction": known["satisfaction"],
            "grade": known["credit_rating"].map(ord),
            "capital": np.log(known["registered_capital"]),
            "left": known["end"].notna().astype(int),
            "months_quiet": (AS_OF - groups["date"].max()).dt.days / 30,
            "spend": np.log(groups["amount"].mean()),
            "days_late": late.mean(),
        }
    ).corr()
    signs = {
        ("satisfaction", "left"): -1,
        ("satisfaction", "months_quiet"): -1,
        ("grade", "days_late"): 1,
        ("capital", "spend"): 1,
        ("capital", "grade"): -1,
    }
    assert all(sign * seen.loc[pair] > 0.08 for pair, sign in signs.items())


def test_rows_of_each_table(tables):
    rows = {name: len(table) for name, table in tables.items()}
    assert rows["customers"] == rows["contracts"] == rows["exposure"] == 2_000
    assert 25_000 < rows["transactions"] < 60_000
    assert 30_000 < rows["payments"] < 50_000
    assert 6_000 < rows["surveys"] < 10_000
    assert 15_000 < rows["interactions"] < 25_000


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30, unique=True), st.integers(0, 2**32 - 1))
def test_a_link_by_order_keeps_the_draws(score, seed):
    score, draws = np.array(score), np.random.default_rng(seed).gamma(1.3, size=len(score))
    linked = in_order_of(score, draws)
    assert sorted(linked) == sorted(draws)
    assert (np.argsort(linked) == np.argsort(score)).all()


@given(st.dates(date(2021, 10, 1), date(2026, 9, 30)), st.integers(0, 1_000), st.integers(0, 2**32 - 1))
def test_a_seasonal_day_lies_in_its_window(first, days, seed):
    first = np.array([first], "datetime64[D]")
    last = np.minimum(first + days, np.datetime64("2026-09-30"))
    drawn = seasonal_days(np.random.default_rng(seed), first, last)
    assert first <= drawn <= last
    assert seasonal_years(first, last) > 0


@given(st.dates(date(1990, 1, 1), date(2050, 12, 31)), st.integers(0, 60))
def test_months_after_agrees_with_pandas(day, months):
    expected = pd.Timestamp(day) + pd.DateOffset(months=months)
    assert pd.Timestamp(months_after(np.datetime64(day), months)) == expected
