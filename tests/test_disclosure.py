import numpy as np
import pandas as pd
import pytest

from crmlab import privacy, tables
from crmlab.disclosure import HIDDEN, shown
from crmlab.groups import hidden_cells, large


@pytest.fixture(autouse=True)
def acme(tmp_path):
    privacy.protect("acme", tmp_path, names=lambda: ["Ann Lee"])
    yield
    privacy.unprotected()


def texts(table):
    return [[cell["text"] for cell in row] for row in table.content["rows"]]


GROUPS = pd.DataFrame({"region": ["North", "South", "East"], "customers": [3, 60, 25], "revenue": [1.0, 50.0, 9.0]})


def test_small_groups_are_hidden_with_what_gives_them_away():
    found = tables.table(GROUPS, title="Regions", subtitle="A year")
    assert texts(found) == [["North", HIDDEN, HIDDEN], ["South", "60", "50.0"], ["East", HIDDEN, HIDDEN]]
    assert found.content["subtitle"] == (
        "A year; ·: hidden, as fewer than 5 customers, or lest such a group be told by subtraction"
    )


def test_how_few_are_hidden_is_the_clients_choice(tmp_path):
    privacy.protect("acme", tmp_path, min_group=3)
    found = tables.table(GROUPS, title="Regions")
    assert texts(found)[0] == ["North", "3", "1.0"]
    assert found.content["subtitle"] == ""


def test_intervals_bars_and_the_file_of_all_rows_hide_them_too():
    many = pd.DataFrame({"day": [f"d{n}" for n in range(30)], "customers": [3, 77] + [500 + n for n in range(28)]})
    many["rate"] = [0.125, 0.375] + [0.25] * 28
    many["low"], many["high"] = many["rate"] - 0.0625, many["rate"] + 0.0625
    found = tables.table(many, title="T", intervals={"rate": ("low", "high")})
    assert texts(found)[:2] == [["d0", HIDDEN, HIDDEN], ["d1", HIDDEN, HIDDEN]]
    assert not any("bounds" in cell for row in found.content["rows"][:2] for cell in row)
    assert found.content["csv"].splitlines()[1:3] == ["d0,,,,", "d1,,,,"]
    for told in ("0.125", "0.375", "77"):
        assert told not in str(found._repr_mimebundle_())


def test_a_list_of_single_customers_has_codes_for_ids():
    frame = pd.DataFrame({"customer_id": ["C00012", "C00013"], "revenue": [5.0, 6.0]})
    found = tables.table(frame.set_index("customer_id"), title="T")
    assert [row[0] for row in texts(found)] == [privacy.coded("C00012"), privacy.coded("C00013")]
    assert "C0001" not in str(found._repr_mimebundle_())


def test_comments_are_masked_whatever_table_they_stand_in():
    frame = pd.DataFrame({"theme": ["x", "y"], "comment": ["Ann Lee, 13800138000", None]})
    assert texts(tables.table(frame, title="T")) == [["x", "[name], [phone number]"], ["y", ""]]


def test_customers_alone_are_no_groups():
    assert not shown(pd.DataFrame({"customers": [3, 50]})).hidden.any()


def test_the_frame_stays_as_it_was():
    before = GROUPS.copy()
    tables.table(GROUPS, title="T")
    pd.testing.assert_frame_equal(GROUPS, before)


def test_a_figure_counts_the_groups_that_a_table_shows():
    assert large(GROUPS)["region"].tolist() == ["South"]
    assert large(GROUPS.drop(0))["region"].tolist() == ["South", "East"]


def test_of_a_map_cells_are_hidden_so_that_rows_and_columns_do_not_tell():
    customers = np.array([[3, 40, 60], [50, 20, 70], [80, 90, 30]])
    hidden = hidden_cells(customers)
    assert hidden[0, 0]
    # in each row and column none or two at least
    assert all(line.sum() != 1 for line in (*hidden, *hidden.T))
    assert not hidden_cells(customers + 5).any()
