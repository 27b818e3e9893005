"""How much memory there is for kernels, and how much one takes.

What a container may use counts, not what its host has.
"""

from pathlib import Path

import psutil

# what a report takes whose kernel was not measured yet: the libraries, and a table or two
TYPICAL = 500 * 2**20
_CGROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """Bytes that new processes can take without others being swapped out."""
    return min([psutil.virtual_memory().available, *_left_of_cgroup()])


def used(pid: int) -> int:
    """Bytes that a process and its children hold for themselves, shared pages left out; 0 once it has ended."""
    try:
        process = psutil.Process(pid)
        return sum(each.memory_full_info().uss for each in (process, *process.children(recursive=True)))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def enough(needed: int, free: int, claims: list[tuple[int, int]]) -> bool:
    """Whether one more kernel fits.

    Parameters
    ----------
    needed
        Bytes that it is expected to take.
    free
        Bytes available now.
    claims
        Of each kernel that runs, what it is expected to take and what it holds already.
    """
    return not claims or free - sum(max(0, expected - held) for expected, held in claims) >= needed


def _left_of_cgroup() -> list[int]:
    for limit, usage in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            # "max" stands for no limit
            return [int((_CGROUP / limit).read_text()) - int((_CGROUP / usage).read_text())]
        except (OSError, ValueError):
            continue
    return []
