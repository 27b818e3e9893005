"""Drivers: the truth of the simulated client, and tables that are missing, collinear or separated."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.absence import Absent, FitError, attempt
from crmlab.aggregate.answer_drivers import answer_drivers
from crmlab.nps.design import make_design
from crmlab.nps.driver_names import driver_name, driver_value, is_lever, pain_point
from crmlab.nps.drivers import driver_model
from crmlab.tables import of
from tests.bench.coverage_nps_drivers import draw_answers

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def answers(customers=300, seed=0) -> pd.DataFrame:
    return draw_answers(customers, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def model():
    return driver_model(answers())


def test_xinglin_s_drivers_are_found_again(example):
    truth = json.loads((example / "data/xinglin/truth.json").read_text(encoding="utf-8"))["nps"]
    client = crmlab.open("xinglin")
    tables = {name: client.table(name) for name in ("interactions", "contracts", "transactions", "customers")}
    known = answer_drivers(client.table("surveys"), until=client.as_of, **tables)
    with messages_in_english():
        alone = driver_model(known, drivers=list(truth["drivers"]))
        among_others = driver_model(known)
    for found in (alone, among_others):
        rows = found.effects.set_index("driver")
        for name, value in truth["drivers"].items():
            assert rows.loc[name, "low"] <= value <= rows.loc[name, "high"], name
            assert rows.loc[name, "borne_out"]
    assert set(among_others.effects.loc[among_others.effects["borne_out"], "driver"]) == set(truth["drivers"])
    # what customers say of their satisfaction is no driver of what they say
    assert not {"satisfaction", "csat"} & set(among_others.effects["driver"])


def messages_in_english():
    from crmlab.messages import speaking

    return speaking("en")


def test_an_odds_ratio_is_between_the_quartiles(model):
    row = model.effects.set_index("driver").loc["response_hours"]
    low, high = answers()["response_hours"].quantile([0.25, 0.75])
    assert row["odds_ratio"].value == pytest.approx(math.exp(row["coefficient"] * (high - low)))
    assert row["odds_ratio"].low < row["odds_ratio"].value < row["odds_ratio"].high < 1
    assert row["change"] == f"{high:.1f} hours against {low:.1f}"


def test_summary_names_the_strongest_lever(model):
    first = model.effects[model.effects["borne_out"]].iloc[0]
    assert model.summary().startswith(f"{first['effect'].capitalize()}, {first['change']}, goes with higher scores")
    assert "is an association" in model.summary()
    assert first["odds_ratio"].text() in model.summary()


def test_table_is_shown(model):
    assert "Odds of a higher answer" in of(model, title="Drivers").content["columns"][2]["label"]


def test_entry_is_what_a_report_publishes(model):
    entry = model.entry()
    assert set(entry["params"]) == set(model.design.matrix.columns) == set(entry["standard_errors"])
    assert entry["n"] == len(answers())
    slopes = model.effects.set_index("driver")["coefficient"]
    assert entry["params"]["resolved_share"] == pytest.approx(slopes["resolved_share"])


def test_drivers_of_another_score():
    known = answers()
    known["csat"] = 1 + np.digitize(known["nps"], [3, 6, 8, 10])
    found = driver_model(known.drop(columns="nps"), score="csat")
    assert found.score == "csat" and len(found.fit.thresholds) == 4
    assert found.effects.set_index("driver").loc["response_hours", "odds_ratio"].value < 1


def test_answers_bear_out_nothing():
    rng = np.random.default_rng(1)
    known = pd.DataFrame({"customer_id": range(200), "nps": rng.integers(0, 11, 200), "luck": rng.normal(size=200)})
    found = driver_model(known)
    assert not found.effects["borne_out"].any()
    assert found.summary() == "Of 200 answers, no driver can be told to go with higher or lower scores."


def test_columns_are_left_out_with_their_reason():
    known = answers()
    n = len(known)
    known["constant"] = 3.0
    known["rare"] = np.where(np.arange(n) < 30, 1.5, np.nan)
    known["twice"] = 2 * known["response_hours"] + 1
    known["touchpoint"] = "visit"
    known["satisfaction"] = known["nps"] / 2
    found = driver_model(known)
    assert found.left_out == {
        "constant": "the same for every answer",
        "rare": "not known for most answers",
        "twice": "follows from the others",
        "touchpoint": "the same for every answer",
    }
    assert "Left out: constant: the same for every answer; rare: not known for most answers" in found.summary()


def test_a_driver_that_separates_is_left_out_and_the_rest_is_told():
    known = answers()
    known["oracle"] = known["nps"] + 0.1 * np.random.default_rng(0).random(len(known))
    found = driver_model(known)
    assert found.left_out == {"oracle": "tells the answers apart without fault"}
    assert "response_hours" in set(found.effects["driver"])


def test_only_a_driver_that_separates():
    known = answers()[["customer_id", "nps"]].assign(oracle=lambda frame: frame["nps"])
    with pytest.raises(FitError, match="no driver can be told apart: oracle: tells the answers apart without fault"):
        driver_model(known)


def test_many_unknown_values_have_an_effect_of_their_own():
    known = answers(600)
    rng = np.random.default_rng(5)
    hidden = rng.random(len(known)) < 0.3
    known.loc[hidden, "delivery_delay_days"] = np.nan
    found = driver_model(known)
    rows = found.effects[found.effects["driver"] == "delivery_delay_days"]
    assert sorted(rows["unknown"]) == [False, True]
    assert (found.n, found.rows_left_out) == (len(known), 0)
    slope = rows[~rows["unknown"]].iloc[0]
    assert slope["low"] <= -0.2 <= slope["high"]
    (driver,) = [driver for driver in found.design.drivers if driver.name == "delivery_delay_days"]
    assert driver.unknown == hidden.sum()


def test_a_few_unknown_values_leave_their_answers_out():
    known = answers()
    known.loc[[0, 1, 2], "response_hours"] = np.nan
    found = driver_model(known)
    assert (found.n, found.rows_left_out) == (len(known) - 3, 3)
    assert "3 answers are left out because a driver is not known for them." in found.summary()


def test_levels_are_compared_with_the_most_common_one():
    known = answers()
    rng = np.random.default_rng(2)
    known["touchpoint"] = rng.choice(["repair", "visit", "call"], len(known), p=[0.5, 0.3, 0.2])
    known.loc[known.index[:5], "touchpoint"] = "fair"
    known.loc[known.index[5:10], "touchpoint"] = None
    rows = driver_model(known).effects.set_index("effect")
    assert rows.loc["touchpoint: visit", "change"] == "against repair"
    assert "touchpoint: Others" in rows.index or "touchpoint: Not known" not in rows.index
    assert not rows.loc["touchpoint: call", "lever"]


def test_money_counts_by_ratios():
    known = answers()
    known["spend"] = np.exp(np.random.default_rng(0).normal(8, 2, len(known)))
    design = make_design(known, ["spend"])
    assert design.matrix["spend"].to_numpy() == pytest.approx(np.log1p(known["spend"].to_numpy()))


def test_more_drivers_than_answers_can_carry():
    rng = np.random.default_rng(4)
    known = pd.DataFrame(rng.normal(size=(60, 8)), columns=[f"d{place}" for place in range(8)])
    known = known.assign(customer_id=range(60), nps=rng.integers(0, 11, 60))
    found = make_design(known)
    assert [driver.name for driver in found.drivers] == ["d0", "d1", "d2", "d3", "d4"]
    assert found.left_out == dict.fromkeys(["d5", "d6", "d7"], "too few answers for so many drivers")


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (answers().iloc[:20], "drivers need at least 50 answers of known customers, and there are 20"),
        (answers().assign(customer_id=None), "drivers need at least 50 answers of known customers, and there are 0"),
        (answers().assign(nps=10), "all answers are the same, so that nothing can be told to drive them"),
        (answers()[["customer_id", "nps"]], "no driver can be told apart: not in the data"),
    ],
)
def test_what_answers_cannot_carry_is_absent_with_its_reason(known, reason):
    found = attempt(driver_model, known)
    assert isinstance(found, Absent) and found.reason == reason


def test_columns_that_must_be_there():
    with pytest.raises(ValueError, match="must have the columns customer_id and nps; missing: nps"):
        driver_model(answers().drop(columns="nps"))


def test_a_driver_that_is_not_in_the_data():
    found = driver_model(answers(), drivers=["response_hours", "mood"])
    assert found.left_out == {"mood": "not in the data"}


def test_frames_are_not_changed():
    known = answers()
    before = known.copy()
    driver_model(known)
    pd.testing.assert_frame_equal(known, before)


def test_names_of_drivers():
    assert (driver_name("response_hours"), pain_point("response_hours")) == (
        "response time",
        "slow after-sales response",
    )
    assert pain_point("delivery_delay_days") == "delays in order handling"
    assert driver_name("my_column") == pain_point("my_column") == "my column"
    assert is_lever("my_column") and not is_lever("spend")


@pytest.mark.parametrize(
    ("column", "value", "step", "told"),
    [
        ("response_hours", 9.34, 4.8, "9.3 hours"),
        ("resolved_share", 0.914, 0.1, "91%"),
        ("complaints_per_year", 0.906, 0.46, "0.91 a year"),
        ("spend", 43757.2, 40000, "43,757"),
        ("my_column", 2.0, 0, "2.0"),
    ],
)
def test_values_of_drivers(column, value, step, told):
    assert driver_value(column, value, step=step) == told


def test_every_word_can_be_translated(untranslated):
    known = answers().assign(constant=1.0)
    found = driver_model(known)
    words = set(untranslated(found.summary() + " ".join(found.table()["effect"]) + " ".join(found.table()["change"])))
    assert words <= {"n", "constant"}


def test_many_answers_are_sampled_by_customer(monkeypatch):
    monkeypatch.setattr("crmlab.nps.design.MOST_ANSWERS", 400)
    known = answers(400)
    found = driver_model(known)
    assert 300 < found.n < 500 and found.design.sampled == len(known)
    used = known[known["customer_id"].isin(found.design.clusters)]
    assert len(used) == found.n
    assert f"Of {len(known)} answers, those of a random sample of customers are used: {found.n}." in found.summary()
    # the order of rows does not matter
    assert driver_model(known.iloc[::-1]).effects["coefficient"].to_numpy() == pytest.approx(
        found.effects["coefficient"].to_numpy()
    )
