"""What a cell is at, where it takes longer than a glance: the step that it computes and for how long, under the cell.

Nothing is said by the computations themselves: the line reads from outside which function of crmlab the cell is in.
"""

import contextvars
import sys
import threading
import time
from typing import Any

AFTER = 3.0  # seconds until something is said
EVERY = 1.0


def watch(shell: Any) -> None:
    """Show a line under every cell of this IPython that takes longer than `AFTER` seconds, until it ends.

    Parameters
    ----------
    shell
        The running IPython.
    """
    running: list[threading.Event] = []

    def start(_info=None):
        running.append(threading.Event())
        # in the context of the cell: what is shown goes under it
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(_tell, running[-1], threading.get_ident()), daemon=True).start()

    def stop(_result=None):
        while running:
            running.pop().set()

    shell.events.register("pre_run_cell", start)
    shell.events.register("post_run_cell", stop)


def step(frame: Any) -> str:
    """The function of crmlab that was called first in a stack of frames: `clv.customer_lifetime_value`."""
    found = ""
    while frame is not None:
        module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if module.startswith("crmlab.") and module != "crmlab.absence" and not name.startswith("<"):
            found = f"{module.removeprefix('crmlab.')}.{name}"
        frame = frame.f_back
    return found


def _tell(ended: threading.Event, thread: int) -> None:
    from IPython.display import HTML, display

    started, line = time.monotonic(), None
    wait = AFTER
    while not ended.wait(wait):
        wait, seconds = EVERY, int(time.monotonic() - started)
        at = step(sys._current_frames().get(thread))
        said = HTML(f"<small>{at or 'computing'} … {seconds} s</small>")
        if line is None:
            line = display(said, display_id=True)
        else:
            line.update(said)
    if line is not None:
        line.update(HTML(""))
