"""The `crmlab` command.

Exit codes: 0 all built, reused or skipped with a reason; 1 some report failed, or was not printed though it was to be;
2 the input is wrong and nothing ran; 128 and the signal's number if one ended the run.

A module of this folder holds commands that belong together; what is imported here is part of the program.
"""

from crmlab.cli import beginning, bench, clients, reports, safety  # noqa: F401
from crmlab.cli.program import main

__all__ = ["main"]
