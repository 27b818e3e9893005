"""Data completeness: how much of what should be known of the customers is known."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from crmlab import language
from crmlab.absence import FitError
from crmlab.intervals import FULL_COUNT, Estimate
from crmlab.messages import N_, _, sentences

# what a portrait of a customer needs, of the contract's columns of `customers`
FACTS = {
    "industry": N_("Industry"),
    "region": N_("Region"),
    "segment": N_("Segment"),
    "channel": N_("Channel"),
    "acquired_on": N_("Day of winning"),
    "credit_rating": N_("Credit rating"),
    "registered_capital": N_("Registered capital"),
    "risk_tolerance": N_("Risk tolerance"),
}


@dataclass(frozen=True, eq=False)
class Completeness:
    """What is known of the customers.

    Attributes
    ----------
    facts
        One row per fact: `column`, `filled` (number of customers) and `share` of all customers, 0 to 1.
    share
        Of all facts of all customers, 0 to 1; a customer whom the table of customers lacks is one of whom nothing is
        known.
    """

    facts: pd.DataFrame
    share: Estimate

    formats: ClassVar[dict[str, str]] = {"fact": "text", "filled": "integer", "share": "share"}
    labels: ClassVar[dict[str, str]] = {
        "fact": N_("Fact"),
        "filled": N_("Customers of whom it is known"),
        "share": N_("Share of customers"),
    }

    def metrics(self) -> dict[str, Estimate]:
        """By the name under which a run publishes it."""
        return {"data_completeness": self.share}

    def table(self) -> pd.DataFrame:
        """One row per fact, the least known last."""
        told = self.facts.sort_values("share", ascending=False, kind="stable", ignore_index=True)
        told.insert(0, "fact", told["column"].map(FACTS).map(_))
        return told[list(self.formats)]

    def summary(self) -> str:
        """What share is known of all that should be, and which fact is known least."""
        least = self.facts.loc[self.facts["share"].idxmin()]
        fact = FACTS[least["column"]]
        found = _("Of what a portrait of a customer needs, {share} is known (all {n} customers counted).").format(
            share=self.share.text(), n=language.number(self.share.n)
        )
        if least["share"] == 1:
            return found
        return sentences(
            found,
            _("Least known is “{fact}”: of {share} of the customers.").format(
                fact=_(fact), share=language.quantity(float(least["share"]), "share")
            ),
        )


def completeness(filled: pd.DataFrame, *, customers: int) -> Completeness:
    """How much is known of the customers.

    Parameters
    ----------
    filled
        What `aggregate.filled_columns` gives for `FACTS` of the table of customers.
    customers
        How many customers there are in all; at least as many as that table has count.

    Raises
    ------
    FitError
        If there is no customer.
    """
    n = max(int(customers), int(filled["rows"].max()))
    if not n:
        raise FitError(_("no customer is known"))
    facts = filled[["column", "filled"]].assign(share=filled["filled"] / n)
    label = _("data completeness, over {facts} facts of each customer").format(facts=language.number(len(facts)))
    whole = Estimate(float(facts["share"].mean()), None, None, "share", n, label, no_interval=FULL_COUNT)
    return Completeness(facts, whole)
