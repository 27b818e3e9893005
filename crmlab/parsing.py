"""Python's own parser, for one thread at a time.

In Python 3.11 two threads that parse at once may fail with `SystemError: AST constructor recursion depth mismatch`
(CPython issue 106905), and a run plans the reports of many clients in threads.
"""

import ast
import warnings
from threading import RLock
from typing import Any

# one that the thread which holds it may take again: a finalizer may run, and parse, while its thread is parsing
_ONE_AT_A_TIME = RLock()


def parsed(source: str, mode: str = "exec") -> Any:
    """The tree of a text that is Python, as `ast.parse` gives it, without Python's remarks on its manner."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, mode=mode)
