from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.aggregate.periods import AdjacentPeriods, adjacent_periods
from crmlab.aggregate.year_before import YearBefore, same_months_a_year_before
from crmlab.diagnosis import firm_alerts
from crmlab.diagnosis.firm_alerts import dependence_alerts, nps_alerts, purchase_alerts, score_alerts
from crmlab.intervals import Estimate

DAY, BEFORE, EARLIER = date(2024, 3, 31), date(2023, 12, 31), date(2023, 9, 30)


def estimate(value, half=None, unit="points", label=""):
    ends = (None, None) if half is None else (value - half, value + half)
    return Estimate(value, *ends, unit, 100, label, no_interval="" if half else "a full count")


def history(**values):
    """What was published at the date before, and the date before that with values that must not matter."""
    published = {name: each.to_dict() for name, each in values.items()}
    return [(EARLIER, dict.fromkeys(values, {"value": -1e9, "low": -1e9, "high": -1e9}), {}), (BEFORE, published, {})]


def test_a_score_that_dropped():
    now = {"overall_score": estimate(70, label="overall score"), "score_risk": estimate(60, label="Risk")}
    found = score_alerts(now, history(overall_score=estimate(73), score_risk=estimate(90)), as_of=DAY)
    assert found["severity"].tolist() == ["high", "medium"]
    assert found["reason"].tolist() == [
        "overall score: 70 of 100, 73 on 31 December 2023.",
        "Risk: 60 of 100, 90 on 31 December 2023.",
    ]
    assert found["source"].iloc[0] == "crm_diagnosis.json: metrics=overall_score; as_of=2023-12-31,2024-03-31"
    assert found["customer_id"].isna().all()
    assert score_alerts(now, history(overall_score=estimate(72.9), score_risk=estimate(10)), as_of=DAY).empty
    assert score_alerts(now, [], as_of=DAY).empty


def test_a_metric_is_held_against_the_last_date_that_had_it():
    past = [(BEFORE, {"overall_score": estimate(90).to_dict()}, {}), (date(2024, 1, 31), {}, {})]
    assert "90 on 31 December 2023" in score_alerts({"overall_score": estimate(70)}, past, as_of=DAY)["reason"].iloc[0]


def test_a_lower_net_promoter_score_counts_if_both_intervals_say_so():
    then = history(nps=estimate(40, 4))
    found = nps_alerts({"nps": estimate(34, 3)}, then, as_of=DAY)
    assert found["reason"].tolist() == [
        "The net promoter score is 34.0 points (95% interval 31.0 to 37.0, n = 100), 40.0 points on 31 December 2023."
    ]
    assert nps_alerts({"nps": estimate(35.1, 3)}, then, as_of=DAY).empty  # sqrt(3² + 4²) = 5 are allowed
    assert nps_alerts({"nps": estimate(60, 3)}, then, as_of=DAY).empty
    assert nps_alerts({"nps": estimate(0)}, then, as_of=DAY).empty
    assert nps_alerts({}, then, as_of=DAY).empty


def test_dependence_that_rises():
    now = {"top_10_share": estimate(0.35, unit="share")}
    found = dependence_alerts(now, history(top_10_share=estimate(0.29, unit="share")), as_of=DAY)
    assert found["reason"].tolist() == ["The 10 largest customers hold 35.0% of revenue, 29.0% on 31 December 2023."]
    assert dependence_alerts(now, history(top_10_share=estimate(0.31, unit="share")), as_of=DAY).empty
    assert dependence_alerts(now, [], as_of=DAY).empty


def periods(revenue, before, **changes):
    ids = [f"{number}" for number in range(len(revenue))]
    customers = pd.DataFrame({"customer_id": ids, "revenue": revenue, "revenue_before": before})
    spans = ((date(2022, 4, 1), date(2023, 3, 31)), (date(2023, 4, 1), DAY))
    return AdjacentPeriods(customers, *spans, 12, changes.get("data_from", date(2022, 1, 1)))


def test_without_a_date_before_the_period_before_is_compared():
    found = dependence_alerts({}, [], periods([*[5.0] * 10, *[1.0] * 50], [1.0] * 60), as_of=DAY)
    assert found["reason"].tolist() == [
        "The 10 largest customers hold 50.0% of revenue, 16.7% in the 12 months before."
    ]
    assert found["source"].tolist() == [
        "transactions: date=2022-04-01..2023-03-31 | transactions: date=2023-04-01..2024-03-31"
    ]
    assert dependence_alerts({}, [], periods([1.0] * 60, [1.0] * 60), as_of=DAY).empty
    assert dependence_alerts({}, [], periods([1.0] * 5, [1.0] * 5), as_of=DAY).empty
    late = periods([*[5.0] * 10, *[1.0] * 50], [1.0] * 60, data_from=date(2023, 1, 1))
    assert dependence_alerts({}, [], late, as_of=DAY).empty


def year(*rows):
    columns = ["by", "group", "only_before", "only_now", "purchased_before", "purchased"]
    spans = ((date(2024, 1, 1), DAY), (date(2023, 1, 1), date(2023, 3, 31)))
    return YearBefore(pd.DataFrame(rows, columns=columns), *spans)


def test_purchases_that_fell_in_all_and_in_a_group():
    found = purchase_alerts(
        year(
            ("", "", 140, 80, 1000.0, 600.0),
            ("industry", "timber", 60, 5, 300.0, 100.0),
            ("industry", "paper", 80, 75, 700.0, 500.0),
        ),
        as_of=DAY,
        currency="EUR",
    )
    assert found["severity"].tolist() == ["high", "medium"]
    assert found["reason"].tolist() == [
        "Purchases fell by 40.0% from those of the same months a year before, to €600 from €1,000.",
        "timber: purchases fell by 66.7% from those of the same months a year before, to €100 from €300.",
    ]
    assert found["amount"].tolist() == [400, 200]
    assert found["source"].iloc[1].endswith("date=2024-01-01..2024-03-31 | customers: industry=timber")


def test_what_befell_everybody_is_told_once_and_small_falls_are_no_shock():
    alike = [("region", f"r{number}", 40, 20, 250.0, 150.0) for number in range(4)]
    assert purchase_alerts(year(("", "", 160, 80, 1000.0, 600.0), *alike), as_of=DAY)["severity"].tolist() == ["high"]
    assert purchase_alerts(year(("", "", 160, 80, 1000.0, 800.0)), as_of=DAY).empty
    assert purchase_alerts(year(("", "", 3, 0, 10.0, 1.0)), as_of=DAY).empty
    assert purchase_alerts(year(("", "", 0, 0, 0.0, 0.0)), as_of=DAY).empty
    assert purchase_alerts(year(), as_of=DAY).empty


def test_chance_alone_seldom_raises_an_alarm():
    """Customers who stop and start by the toss of a coin, in eight groups; falls in money left out of the question."""
    rng, alarms, draws = np.random.default_rng(5), 0, 200
    for _draw in range(draws):
        stopped = rng.binomial(40, 0.5, size=8)
        rows = [("region", f"r{place}", count, 40 - count, 2.0, 1.0) for place, count in enumerate(stopped)]
        total = int(stopped.sum())
        alarms += len(purchase_alerts(year(("", "", total, 320 - total, 2.0, 1.0), *rows), as_of=DAY)) > 0
    assert alarms / draws < 0.08  # at most 5%, and what 200 draws leave


def test_xinglin_as_it_is(example, monkeypatch):
    client = crmlab.open("xinglin")
    profiles, sales = client.table("customers"), client.table("transactions")
    found = purchase_alerts(same_months_a_year_before(sales, profiles, until=client.as_of), as_of=client.as_of)
    rows = sales.collect().to_pandas()
    rows = rows[rows["amount"] >= 0]
    spans = [part.split("=")[1].split("..") for part in found["source"].iloc[0].split(" | ")]
    before, now = (rows.loc[rows["date"].between(*span), "amount"].sum() for span in spans)
    assert found["amount"].iloc[0] == pytest.approx(before - now)
    compared = adjacent_periods(sales, until=client.as_of)
    tops = [
        compared.customers[name].nlargest(10).sum() / compared.customers[name].sum()
        for name in ("revenue", "revenue_before")
    ]
    monkeypatch.setattr(firm_alerts, "_RISE", -1)
    rises = dependence_alerts({}, [], compared, as_of=client.as_of)
    now, then = (f"{100 * share:.1f}%" for share in tops)
    assert now in rises["reason"].iloc[0] and then in rises["reason"].iloc[0]
    assert dependence_alerts({}, [], SimpleNamespace(comparable=False), as_of=client.as_of).empty
