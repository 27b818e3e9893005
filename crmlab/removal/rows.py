"""Whose rows go, and what became of a file."""

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

KEY = "customer_id"


@dataclass(frozen=True)
class Wanted:
    """Whose rows go.

    Attributes
    ----------
    ids
        What the column holds in the customer's rows, blanks around it aside.
    column
        What the column is called in the file.
    """

    ids: frozenset[str]
    column: str = KEY

    def owns(self, value: Any) -> bool:
        """Whether a value of the column is the customer's id, blanks around it and `.0` of a number aside."""
        if isinstance(value, float) and value.is_integer() and str(int(value)) in self.ids:
            return True
        return value is not None and str(value).strip() in self.ids

    def is_named_in(self, text: str) -> bool:
        """Whether a text names the customer as a whole word; a short number says nothing, and is looked for nowhere."""
        return any(each in text for each in self.ids) and bool(self._pattern and self._pattern.search(text))

    @cached_property
    def _pattern(self) -> re.Pattern | None:
        words = [re.escape(each) for each in self.ids if len(each) > 4 or not each.isdigit()]
        return re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])") if words else None


@dataclass
class Removal:
    """A file and the one that is to take its place.

    Attributes
    ----------
    path, new
        The file as it is, and without the customer's rows.
    keyed
        Whether it has the column that tells whose a row is.
    rows
        How many rows were the customer's.
    named
        Numbers of the rows, as they stand afterwards, that name the customer elsewhere: those are another's.
    """

    path: Path
    new: Path
    keyed: bool = False
    rows: int = 0
    named: list[int] = field(default_factory=list)

    def commit(self) -> None:
        """Put the new file in the place of the old, if a row was the customer's."""
        if self.rows:
            os.replace(self.new, self.path)
        else:
            self.new.unlink(missing_ok=True)
