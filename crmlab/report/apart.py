"""Imported by the fork server before all else: it leaves the process group of the run that started it.

Whoever ends the whole group (Ctrl-C, a closed terminal, a scheduler) ends the run, and not the server, which stays
until the reaper has ended what it forked.
"""

import os

if hasattr(os, "setsid") and os.getpgid(0) != os.getpid():
    os.setsid()
