import numpy as np
import pandas as pd
import pytest

from crmlab.credit.features import design_matrix, effect_name, learn_features


def customers(n=100):
    return pd.DataFrame(
        {
            "rating": np.resize(["A", "B", "C"], n),
            "capital": np.resize([1e5, 1e6, 1e7, 1e8], n),
            "industry": np.repeat(["wood", "paper", "rare"], [60, 35, 5]),
        }
    )


def test_each_way_to_read_a_column():
    frame = customers()
    treatments = {"rating": ["A", "B", "C"], "capital": "log10", "industry": "levels"}
    features = learn_features(frame, treatments)
    design = design_matrix(frame, features)
    assert list(design) == ["rating", "log10(capital)", "industry = paper"]
    assert design.iloc[:4, 0].tolist() == [0, 1, 2, 0]
    assert design.iloc[:4, 1].tolist() == pytest.approx([5, 6, 7, 8])
    assert design.iloc[[0, 60, 99], 2].tolist() == [0, 1, 0]
    names = [effect_name(feature, name) for feature in features for name in feature.names]
    assert names == [
        "rating: each step from A towards C",
        "capital: ten times as much",
        "industry: paper against wood",
    ]


def test_unknown_values_count_as_usual():
    frame = customers()
    features = learn_features(frame, {"rating": ["A", "B", "C"], "capital": "log10", "industry": "levels"})
    strange = pd.DataFrame({"rating": ["Z", None], "capital": [0.0, np.nan], "industry": [None, "steel"]})
    # 100 customers: A is the most common rating, wood the industry, 6.5 the median of the logarithms
    assert design_matrix(strange, features).to_numpy().tolist() == [[0, 6.5, 0], [0, 6.5, 0]]


@pytest.mark.parametrize(("column", "treatment"), [("x", "plain"), ("x", "levels"), ("x", ["1.0"])])
def test_a_column_that_tells_nobody_apart_is_left_out(column, treatment):
    assert learn_features(pd.DataFrame({"x": [1.0] * 9}), {column: treatment}) == ()
    assert learn_features(pd.DataFrame({"x": [None] * 9}), {column: treatment}) == ()


def test_no_feature_gives_an_empty_design():
    assert design_matrix(customers(), ()).shape == (100, 0)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"size": "plain"}, "`features` names size; the customers have rating, capital, industry"),
        ({"capital": "cube"}, "must read capital as one of plain, log10, levels, or list its levels; got 'cube'"),
        ({"rating": ["A", "B"]}, "lists the levels A, B of rating, which also has C"),
        ({"industry": "plain"}, "reads industry as plain, but it holds text"),
    ],
)
def test_misuse_is_named(features, message):
    with pytest.raises(ValueError, match=message):
        learn_features(customers(), features)
