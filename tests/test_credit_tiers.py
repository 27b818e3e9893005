import pandas as pd
import pytest

from crmlab.credit.tiers import risk_tiers
from tests.test_credit_behaviour import plan, summary

pytestmark = [pytest.mark.filterwarnings("error::RuntimeWarning"), pytest.mark.usefixtures("any_size")]


def payments():
    return summary(
        plan("good", "2024-01-01", *[0] * 9),
        plan("slow", "2024-01-01", *[12] * 9),
        plan("once late", "2024-01-01", *[0] * 8, 45),
        plan("cured", "2023-01-01", *[0] * 8, 100),
        plan("open", "2024-01-01", *[0] * 10, None),  # due on 27 October: 65 days
        plan("broken", "2024-01-01", 0, *[None] * 8),
        plan("new", "2024-11-15", 0),
    )


RULES = {
    "good": ("Low risk", "pays as agreed"),
    "slow": ("Medium risk", "pays late on average"),
    "once late": ("Medium risk", "has paid very late before"),
    "cured": ("High risk", "was in default before"),
    "open": ("High risk", "an instalment is long overdue"),
    "broken": ("In default", "in default"),
    "new": ("Not yet known", "too few instalments to judge"),
}


def by_customer(tiers, *columns):
    frame = tiers.customers.set_index("customer_id")[list(columns)]
    return dict(zip(frame.index, frame.itertuples(index=False, name=None), strict=True))


def test_rules_alone():
    tiers = risk_tiers(payments())
    assert by_customer(tiers, "tier", "reason") == RULES
    assert not tiers.modelled and "probability" not in tiers.table()
    assert tiers.table()["tier"].tolist() == ["Low risk", "Medium risk", "High risk", "In default", "Not yet known"]
    assert tiers.table()["customers"].tolist() == [1, 2, 2, 1, 1]
    codes = dict(zip(tiers.customer_list()["customer_id"], tiers.customer_list()["risk_tier"], strict=True))
    assert codes["good"] == "low" and codes["broken"] == "default" and pd.isna(codes["new"])
    assert tiers.table()["exposure_share"].tolist() == pytest.approx([0, 0, 1 / 9, 8 / 9, 0])
    assert tiers.summary() == (
        "High risk or in default: 3 of 7 customers, with 100.0% of the exposure. Tiers follow from rules on how "
        "customers pay: there are too few defaults for a model."
    )


def test_probabilities_go_before_rules_and_arrears_before_both():
    scored = pd.DataFrame({"customer_id": list(RULES), "probability": [0.01, 0.02, 0.079, 0.01, 0.01, 0.01, 0.08]})
    tiers = risk_tiers(payments(), scored[scored["customer_id"] != "slow"])
    assert by_customer(tiers, "tier") == {
        "good": ("Low risk",), "slow": ("Medium risk",), "once late": ("Medium risk",), "cured": ("High risk",),
        "open": ("High risk",), "broken": ("In default",), "new": ("High risk",),
    }  # fmt: skip
    assert tiers.modelled and tiers.table()["probability"].notna().all()
    assert "follow from the default model" in tiers.summary()


def test_one_customer_without_exposure():
    tiers = risk_tiers(summary(plan("A", "2024-01-01", 0, 0, 0)))
    assert tiers.table()["exposure_share"].tolist() == [0]
    assert tiers.summary().startswith("High risk or in default: 0 of 1 customers")


def test_misuse_is_named():
    with pytest.raises(ValueError, match="missing: exposure"):
        risk_tiers(payments().drop(columns="exposure"))
