"""What if? Sliders that redraw a result in JupyterLab; in a report the same cell shows its table.

Under a run no widget is made: a page holds no state and no script of Jupyter's.
"""

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import pandas as pd

from crmlab import plots, prose, tables
from crmlab.absence import Absent, attempt
from crmlab.churn.contact import ContactThreshold, contact_threshold
from crmlab.clv import LifetimeValue
from crmlab.messages import N_, _
from crmlab.plots.what_if import value_as_set
from crmlab.purchases import PurchaseModel
from crmlab.roi import scenarios as returns
from crmlab.roi.cash_flows import programme as planned
from crmlab.roi.terms import EFFECT, LEVELS, lines_of, term_name
from crmlab.scenarios import PARAMETERS, Scenarios, value_scenarios

AS_SET = N_("As set")
_SHARE, _MONEY = ".1%", ",.2f"


@dataclass(frozen=True)
class Dial:
    """One slider: the argument that it moves, between which ends, from which value, and how that is written."""

    name: str
    label: str
    value: float
    low: float
    high: float
    form: str = _SHARE


@dataclass(frozen=True, eq=False)
class WhatIf:
    """A result that an analyst can turn.

    Attributes
    ----------
    shown
        The table of what is expected, which a report shows.
    dials
        What can be turned.
    result
        From a value for each dial, by name, to the result.
    figure
        Draws such a result.
    currency
        Of its sums.
    """

    shown: tables.Table | prose.Block
    dials: tuple[Dial, ...]
    result: Callable[..., Any]
    figure: Callable
    currency: str

    def html(self, **values: float) -> str:
        """What stands under the sliders at these values: figure and table, or why there is none.

        Parameters
        ----------
        values
            One for each dial, by its name; those left out stay as expected.
        """
        found = attempt(self.result, **({dial.name: dial.value for dial in self.dials} | values))
        drawn = plots.figure(self.figure, found)
        table = tables.of(found, title=self.shown.content["title"], currency=self.currency)
        if isinstance(drawn, prose.Block) or isinstance(table, prose.Block):  # of what is absent there is neither
            return prose.answer(found).html
        image, label = base64.b64encode(drawn.image.encode()).decode(), escape(drawn.content["label"])
        picture = f'<img alt="{label}" src="data:image/svg+xml;base64,{image}" style="max-width: 100%">'
        return picture + table.gt.as_raw_html()

    def widget(self):
        """The sliders and what they redraw, as a widget of Jupyter's."""
        import ipywidgets

        wide = {"description_width": "12em"}
        sliders = {
            dial.name: ipywidgets.FloatSlider(
                value=dial.value, min=dial.low, max=dial.high, step=(dial.high - dial.low) / 100, style=wide,
                description=dial.label, readout_format=dial.form, continuous_update=False, layout={"width": "32em"},
            )
            for dial in self.dials
        }  # fmt: skip
        shown = ipywidgets.HTML(self.html())

        def redraw(_change):
            shown.value = self.html(**{name: slider.value for name, slider in sliders.items()})

        for slider in sliders.values():
            slider.observe(redraw, "value")
        return ipywidgets.VBox([*sliders.values(), shown])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        table = self.shown._repr_mimebundle_()
        # under a run nobody turns anything, and the widget's state would stand in the report
        return table if "CRMLAB_PUBLISH" in os.environ else self.widget()._repr_mimebundle_() | table


def value(
    cases: Scenarios, worth: LifetimeValue, purchases: PurchaseModel, customers: pd.DataFrame, *, title: str
) -> WhatIf | prose.Block:
    """Lifetime value under other retention, margin, discount and default rates.

    Parameters
    ----------
    cases
        What `scenarios.value_scenarios` gave.
    worth, purchases, customers
        What it was given.
    title
        Of the table that a report shows.
    """
    if isinstance(cases, Absent):
        return prose.NOTHING
    terms = asdict(cases.terms)

    def turned(**values: float) -> Scenarios:
        moved = {name: values[name] - terms[name] for name in terms}
        default_rate = cases.terms.default_rate
        return value_scenarios(worth, purchases, customers, annual_default_rate=default_rate, cases={_(AS_SET): moved})

    dials = tuple(Dial(name, _(PARAMETERS[name][0]), terms[name], *_around(terms[name])) for name in terms)
    shown = tables.of(cases, title=title, currency=cases.base.unit)
    return WhatIf(shown, dials, turned, value_as_set, cases.base.unit)


def contact(pays: ContactThreshold, foretold: pd.DataFrame, *, title: str) -> WhatIf | prose.Block:
    """The profit of calling customers at risk, under another cost of a contact and another save rate.

    Parameters
    ----------
    pays
        What `contact.contact_threshold` gave.
    foretold
        What it was given.
    title
        Of the table that a report shows.
    """
    if isinstance(pays, Absent):
        return prose.NOTHING
    unit = pays.profit.unit

    def turned(**values: float) -> ContactThreshold:
        return contact_threshold(foretold, currency=unit, **values)

    dials = (
        Dial("contact_cost", _("Cost of a contact"), pays.contact_cost, 0.0, 4 * (pays.contact_cost or 25.0), _MONEY),
        Dial("save_rate", _("Save rate"), pays.save_rate, 0.01, 1.0),
    )
    return WhatIf(tables.of(pays, title=title, currency=unit), dials, turned, plots.profit_curve, unit)


def programme(
    cases: returns.Scenarios, flows: pd.DataFrame, *, title: str, own: Mapping | None = None,
    ranges: Mapping | None = None, **terms,
) -> WhatIf | prose.Block:  # fmt: skip
    """What a programme returns under other costs, benefits, effect and discount rate.

    Parameters
    ----------
    cases
        What `roi.scenarios.scenarios` gave.
    flows, own, ranges, terms
        What it was given.
    title
        Of the table that a report shows.
    """
    if isinstance(cases, Absent):
        return prose.NOTHING
    lines = lines_of(planned(flows, **terms))
    known = [name for name in lines.known if name not in lines.programme.categories]

    def turned(**values: float) -> returns.Scenarios:
        return returns.scenarios(flows, ranges=ranges, own=dict(own or {}) | {_(AS_SET): values}, **terms)

    dials = tuple(
        Dial(name, term_name(name), lines.own(name), *_ends(name, lines.own(name)), _form(name)) for name in known
    )
    shown = tables.of(cases, title=title, currency=cases.unit)
    return WhatIf(shown, dials, turned, plots.return_scenarios, cases.unit)


def _around(share: float) -> tuple[float, float]:
    """Ends for a share a year: twenty points each way, within 0 and 1."""
    return max(share - 0.2, 0.0), min(share + 0.2, 1.0)


def _ends(name: str, own: float) -> tuple[float, float]:
    """Ends for a term of a programme: levels as shares, the effect and factors from nothing to twice."""
    if name in LEVELS and name != EFFECT:
        return _around(own)
    return min(0.0, 2 * own), max(0.0, 2 * own) or 1.0


def _form(name: str) -> str:
    return _MONEY if name == EFFECT else _SHARE
