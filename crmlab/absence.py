"""What cannot be had, and why: a notebook runs on where data do not carry a part of it, and its page says so.

`attempt` calls a function and gives its result, or an `Absent` that stands in its place. Whatever is asked of an
`Absent`, or computed from one, is absent for the same reason; `prose`, `tables` and `plots` show the reason once, where
the answer would stand, and nothing where a table or figure would.
"""

from collections.abc import Callable
from typing import Any


class FitError(ValueError):
    """The data cannot carry the model; the message says why in one sentence."""


class Absent:
    """In place of a result that cannot be had.

    Attributes
    ----------
    reason
        Why, as a clause: "the client supplies no table payments".
    """

    def __init__(self, reason: str):
        self.reason = reason

    def __repr__(self) -> str:
        return f"<absent: {self.reason}>"

    def __bool__(self) -> bool:
        return False

    def __getattr__(self, name: str) -> "Absent":
        # what Python or Jupyter ask for by themselves is no part of a result
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **options: Any) -> "Absent":
        return self

    def __getitem__(self, key: Any) -> "Absent":
        # without this, Python would count through it for ever
        if isinstance(key, int):
            raise IndexError(key)
        return self

    def __or__(self, other: Any) -> Any:
        """Metrics joined with metrics that are absent are those there are."""
        return other

    __ror__ = __or__


def given(result: Any) -> Any:
    """The result, or None in place of one that is absent: for what a function can do without.

    Parameters
    ----------
    result
        Of any kind.
    """
    return None if isinstance(result, Absent) else result


def first(*results: Any) -> Any:
    """The first result that is not absent; the last one where all are.

    Parameters
    ----------
    results
        In the order of preference; at least one.
    """
    return next((result for result in results if not isinstance(result, Absent)), results[-1])


def attempt(function: Callable, *args: Any, **options: Any) -> Any:
    """The function's result, or an `Absent` where an argument is one, or the data cannot carry what is asked.

    Parameters
    ----------
    function
        What makes the result.
    args, options
        Its arguments; where one is absent, it is not called.

    Examples
    --------
    >>> attempt(max, [3, 5]), attempt(max, Absent("nobody bought"))
    (5, <absent: nobody bought>)
    """
    for argument in (*args, *options.values()):
        if isinstance(argument, Absent):
            return argument
    try:
        return function(*args, **options)
    except FitError as error:
        return Absent(str(error))
