"""Files that are a table only together, such as orders and their lines: which is joined to which, and by what."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from crmlab.contract import TABLES
from crmlab.onboarding.guess import CUSTOMER, Guess, guess, is_id
from crmlab.onboarding.looks import Look
from crmlab.reading.form import JoinForm


def guesses(looks: Sequence[Look]) -> list[Guess]:
    """What each file is, where need be with the columns of another one."""
    alone = [guess(each) for each in looks]
    whole = {found.table for found in alone if found.fits}
    return [_completed(found, looks) if found.fits or found.table not in whole else found for found in alone]


def _completed(found: Guess, looks: Iterable[Look]) -> Guess:
    """The guess, or the best that a join makes of it, where it lacks what its table requires or who the customer is."""
    if found.fits and (
        CUSTOMER in found.columns or CUSTOMER not in (column.name for column in TABLES[found.table].columns)
    ):
        return found
    made = [guess(_joined(found.look, other, on)) for other in looks for on in _keys(found.look, other)]
    fitting = [each for each in made if each.fits and each.table == found.table and CUSTOMER in each.columns]
    return max(fitting, key=lambda each: each.score, default=found)


def _keys(look: Look, other: Look) -> list[str]:
    """Columns of both that look like an id, and of which the other has one row for each value."""
    if other is look or "*" in other.form.source:
        return []
    return [
        header
        for header, values in other.columns.items()
        if header in look.columns and is_id(header) and 0 < values.distinct == round(values.filled * other.rows)
    ]


def _joined(look: Look, other: Look, on: str) -> Look:
    join = JoinForm(source=other.form.source, encoding=other.form.encoding, on=on)
    form, columns = look.form.model_copy(update={"join": [join]}), other.columns | look.columns
    return replace(look, form=form, columns=columns, customer=look.customer or other.customer)
