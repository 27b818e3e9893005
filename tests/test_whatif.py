"""Sliders: what they say at other values, in a widget and without one, and that a report shows the table alone."""

import json

import numpy as np
import pandas as pd
import pytest

from crmlab import clv, prose, scenarios, tables, whatif
from crmlab.absence import Absent
from crmlab.churn.contact import contact_threshold
from crmlab.intervals import Estimate
from crmlab.roi import scenarios as returns
from crmlab.roi.cash_flows import programme

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def calls():
    """Whom it pays to call, of two hundred customers; and what is known of them."""
    chance = pd.Series(np.arange(200) / 200)
    foretold = pd.DataFrame({"probability": chance, "left": (chance > 0.7).astype(int), "value": 100.0})
    return contact_threshold(foretold, contact_cost=20.0, save_rate=0.3, currency="USD"), foretold


@pytest.fixture
def flows():
    rows = [
        ("actual", "2025-01-31", "cost", "licence", 100.0),
        ("base", "2025-06-30", "cost", "licence", 50.0),
        ("base", "2025-12-31", "benefit", "labour", 220.0),
    ]
    return pd.DataFrame(rows, columns=["scenario", "date", "kind", "category", "amount"])


@pytest.fixture(scope="module")
def valued():
    """Scenarios of a small client, with what they were made from."""
    rng = np.random.default_rng(3)
    frequency = rng.poisson(2.0, 120)
    customers = pd.DataFrame({"customer_id": [f"c{place}" for place in range(120)], "frequency": frequency})
    customers["recency"] = np.where(frequency > 0, rng.uniform(5, 40, 120), 0.0)
    customers["T"] = customers["recency"] + rng.uniform(5, 30, 120)
    customers["monetary_value"] = np.where(frequency > 0, rng.gamma(6, 5, 120), 0.0)
    customers["revenue"] = (frequency + 1) * rng.gamma(6, 5, 120)
    purchases = clv.fit_bg_nbd(customers, time_unit="week")
    spend = clv.fit_gamma_gamma(customers, currency="EUR")
    worth = clv.customer_lifetime_value(purchases, spend, customers, margin=0.3, annual_discount_rate=0.1, draws=60)
    return scenarios.value_scenarios(worth, purchases, customers), worth, purchases, customers


def test_the_cost_of_a_contact_moves_the_profit(calls, monkeypatch):
    monkeypatch.delenv("CRMLAB_PUBLISH", raising=False)
    pays, foretold = calls
    found = whatif.contact(pays, foretold, title="What if?")
    assert [(dial.name, dial.value) for dial in found.dials] == [("contact_cost", 20.0), ("save_rate", 0.3)]
    assert all(dial.low < dial.value < dial.high for dial in found.dials)
    dearer = contact_threshold(foretold, contact_cost=28.0, save_rate=0.3, currency="USD")
    assert dearer.profit.text().removeprefix("$") in found.html(contact_cost=28.0)
    assert "Calling pays for nobody" in found.html(contact_cost=80.0)


def test_a_moved_slider_redraws(calls, monkeypatch):
    monkeypatch.delenv("CRMLAB_PUBLISH", raising=False)
    found = whatif.contact(*calls, title="What if?")
    *sliders, shown = found.widget().children
    assert shown.value == found.html()
    sliders[0].value = 28.0
    assert shown.value == found.html(contact_cost=28.0) != found.html()


def test_a_report_shows_the_table_and_no_widget(calls, monkeypatch):
    pays, foretold = calls
    table = tables.of(pays, title="What if?", currency="USD")._repr_mimebundle_()
    monkeypatch.setenv("CRMLAB_PUBLISH", "somewhere")
    monkeypatch.setattr(whatif.WhatIf, "widget", lambda _self: pytest.fail("a widget was made"))
    assert whatif.contact(pays, foretold, title="What if?")._repr_mimebundle_() == table


def test_in_jupyterlab_the_widget_stands_beside_the_table(calls, monkeypatch):
    monkeypatch.delenv("CRMLAB_PUBLISH", raising=False)
    bundle = whatif.contact(*calls, title="What if?")._repr_mimebundle_()
    assert bundle[WIDGET]["model_id"] and bundle[prose.MIME]["type"] == "table" and "<table" in bundle["text/html"]


def test_planned_costs_and_the_discount_rate_move_the_return(flows):
    terms = {"as_of": "2025-03-31", "unit": "EUR", "annual_discount_rate": 0.1}
    found = whatif.programme(returns.scenarios(flows, **terms), flows, title="What if?", **terms)
    assert {dial.name: dial.value for dial in found.dials} == {"discount_rate": 0.1, "costs": 1.0, "benefits": 1.0}
    case = found.result(discount_rate=0.1, costs=2.0, benefits=1.0).cases.set_index("scenario")
    assert case.loc["As set", "npv"] < case.loc["As expected", "npv"]
    same = found.result(discount_rate=0.1, costs=1.0, benefits=1.0).cases.set_index("scenario")
    assert same.loc["As set", "npv"] == pytest.approx(same.loc["As expected", "npv"])


def test_an_effect_that_was_measured_can_be_turned_from_none_to_twice(flows):
    reached = pd.DataFrame({"from_date": [pd.Timestamp("2025-02-01")], "customers": [10]})
    effect = Estimate(4.0, 2.0, 6.0, "EUR", 100, "effect")
    terms = {"as_of": "2025-03-31", "unit": "EUR", "effect": effect, "reached": reached}
    assert programme(flows, **terms).effect is effect
    found = whatif.programme(returns.scenarios(flows, **terms), flows, title="What if?", **terms)
    (dial,) = (dial for dial in found.dials if dial.name == "effect")
    assert (dial.low, dial.value, dial.high) == (0.0, 4.0, 8.0)


def test_retention_and_margin_move_the_value(valued):
    cases, *given = valued
    found = whatif.value(cases, *given, title="What if?")
    own = {dial.name: dial.value for dial in found.dials}
    assert set(own) == {"retention", "margin", "discount_rate", "default_rate"}
    assert found.result(**own).cases["change"].iloc[-1] == pytest.approx(0, abs=1e-12)
    assert found.result(**own | {"margin": 0.15}).cases["change"].iloc[-1] == pytest.approx(-0.5)
    lower = found.result(**own | {"retention": own["retention"] - 0.1})
    assert lower.cases["change"].iloc[-1] < 0
    assert "As set: " in found.html(margin=0.15) and "−50.0%" in found.html(margin=0.15)


def test_what_is_absent_shows_nothing():
    none = Absent("the client supplies no table contracts")
    assert whatif.value(none, none, none, none, title="x") is prose.NOTHING
    assert whatif.contact(none, none, title="x") is prose.NOTHING
    assert whatif.programme(none, none, title="x") is prose.NOTHING


def test_values_that_the_data_cannot_carry_say_why(calls):
    pays, foretold = calls

    def cannot(**_values):
        from crmlab.absence import FitError

        raise FitError("nobody is left to call")

    found = whatif.contact(pays, foretold, title="What if?")
    broken = whatif.WhatIf(found.shown, found.dials, cannot, found.figure, "USD")
    assert "Nobody is left to call." in broken.html()


def test_the_page_of_a_report_has_no_state_of_widgets(small):
    """A notebook with sliders, made by a run: neither its page nor the notebook beside it holds a widget."""
    from click.testing import CliRunner

    from crmlab.cli import main

    small.notebook(
        "analysis",
        "import crmlab\nimport pandas as pd\nfrom crmlab import whatif\nfrom crmlab.churn import contact\n"
        "client = crmlab.open(client, as_of)",
        "chance = pd.Series(range(200)) / 200\n"
        "tried = pd.DataFrame({'probability': chance, 'left': (chance > 0.7).astype(int), 'value': 100.0})\n"
        "pays = contact.contact_threshold(tried, contact_cost=20.0, save_rate=0.3, currency=client.currency)",
        "whatif.contact(pays, tried, title='What if the save rate is another?')",
        "client.publish()",
    )
    result = CliRunner().invoke(main, ["report", "--jobs", "1", "--quiet"])
    assert result.exit_code == 0, result.output
    folder = small.root / "reports" / "acme" / "2024-03-31"
    page = (folder / "analysis.html").read_text(encoding="utf-8")
    shown = page.partition("<main")[2].partition("<footer")[0]  # below stand the versions of packages
    assert "What if the save rate is another?" in shown and "widget" not in shown.casefold()
    notebook = json.loads((folder / "analysis.ipynb").read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"] and WIDGET not in json.dumps(notebook)
