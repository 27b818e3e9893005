import os

from hypothesis import given
from hypothesis import strategies as st

from crmlab.report import memory, processes

SIZES = st.integers(0, 2**40)
CLAIMS = st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=8)


def hold(size):
    block = bytearray(os.urandom(1)) * size
    return memory.used(os.getpid()), len(block)


def test_what_a_process_holds_is_measured():
    (little, _), (much, size) = processes.ask(hold, 1), processes.ask(hold, 200 * 2**20)
    assert 0.9 * size < much - little < 1.2 * size


def test_a_process_that_has_ended_holds_nothing():
    assert memory.used(2**22 + 1) == 0


def test_there_is_memory_for_this_test():
    assert 2**20 < memory.available() < 2**50


@given(SIZES, SIZES)
def test_the_first_kernel_always_starts(needed, free):
    assert memory.enough(needed, free, [])


@given(SIZES, SIZES, CLAIMS)
def test_what_is_expected_of_all_kernels_fits_into_what_is_free(needed, free, claims):
    grow = sum(max(0, expected - held) for expected, held in claims)
    assert memory.enough(needed, free, claims) == (grow + needed <= free)


@given(SIZES, SIZES, CLAIMS)
def test_more_memory_never_starts_fewer(needed, free, claims):
    assert memory.enough(needed, free + 1, claims) >= memory.enough(needed, free, claims)


def test_a_limit_of_the_container_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    free = memory.available()
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("5000\n")
    assert memory.available() == 4000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() > 0.5 * free
