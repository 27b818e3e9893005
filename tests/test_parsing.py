import ast
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from crmlab.parsing import parsed
from tests.conftest import ROOT

SOURCE = (ROOT / "crmlab" / "tables.py").read_text(encoding="utf-8")


class Litter(SimpleNamespace):
    """What the collector finds while a tree is made; its end lets another thread in."""

    def __del__(self):
        sum(range(50))


def littered(_turn: int) -> str:
    for _each in range(50):
        litter = Litter()
        litter.itself = litter
    return ast.dump(parsed(SOURCE))


def test_threads_may_parse_at_once():
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5)
    try:
        with ThreadPoolExecutor(4) as pool:
            trees = set(pool.map(littered, range(12)))
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
    assert trees == {ast.dump(ast.parse(SOURCE))}


def test_what_is_no_python_is_refused():
    assert isinstance(parsed("a + 1", mode="eval"), ast.Expression)
    with pytest.raises(SyntaxError):
        parsed("a +")
