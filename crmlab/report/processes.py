"""Processes forked from one warm server that has imported the heavy libraries already, so that each starts at once.

The server is multiprocessing's fork server; it starts with the first process that is asked for. Whatever it forks ends
with the run, be the run killed outright.
"""

import gc
import multiprocessing.util
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from crmlab.report import workspace

# What notebooks import, directly or once they draw and fit. A name that is missing costs time, nothing else.
PRELOAD = (
    "crmlab.report.apart",
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "ipykernel.zmqshell",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
    "psutil",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "seaborn",
    "great_tables",
    "narwhals._arrow.dataframe",
    "narwhals._duckdb.group_by",
    "narwhals._duckdb.namespace",
    "pyarrow.pandas_compat",
    "crmlab.cli",
    "crmlab.report.forked",
    "crmlab.report.plan",
    "crmlab.client",
    "crmlab.clv",
    "crmlab.model_choice",
    "crmlab.deductions",
    "crmlab.segments",
    "crmlab.value",
    "crmlab.plots",
    "crmlab.tables",
)
CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()

_context = multiprocessing.get_context("forkserver") if CAN_FORK else multiprocessing.get_context("spawn")
if CAN_FORK:
    _context.set_forkserver_preload(list(PRELOAD))
# multiprocessing looks after its processes whenever one is started; in two threads at once it loses exit codes
_BOOKKEEPING = threading.Lock()
_REAPER = "reaper"
# the path of a socket may have 103 bytes; multiprocessing appends "/pymp-xxxxxxxx/listener-xxxxxxxx"
_LONGEST_FOLDER = 103 - 33
_asked: set[int] = set()


class ProcessDied(RuntimeError):
    """A process ended without an answer."""


def start(function: Callable, *arguments: Any) -> BaseProcess:
    """Run `function` in a process of its own, which leads a process group and ends with this process.

    Raises
    ------
    OSError, EOFError
        If no process could be started.
    """
    process = _context.Process(target=_lead, args=(function, arguments))
    with _BOOKKEEPING:
        if CAN_FORK and not any(each.name == _REAPER for each in multiprocessing.active_children()):
            _prepare_server()
            _context.Process(target=_reap, name=_REAPER, daemon=True).start()
        process.start()
    return process


def end_asked() -> None:
    """End all processes that an answer is awaited from."""
    for pid in list(_asked):
        end_group(pid)


def exit_code(process: BaseProcess) -> int | None:
    """How a process ended, negative by a signal; None while it runs."""
    with _BOOKKEEPING:
        return process.exitcode


def ask(function: Callable, *arguments: Any, seconds: float | None = None) -> Any:
    """What `function` returns, from a process of its own.

    Parameters
    ----------
    seconds
        How long it may take.

    Raises
    ------
    Exception
        What `function` raises.
    ProcessDied
        If its process ended first, or took too long; the message says how.
    """
    receiver, sender = _context.Pipe(duplex=False)
    try:
        process = start(_answer, sender, function, arguments)
    except (OSError, EOFError):  # no server: a new Python takes longer, and does as well
        process = multiprocessing.get_context("spawn").Process(
            target=_lead, args=(_answer, (sender, function, arguments))
        )
        process.start()
    _asked.add(process.pid)
    sender.close()
    with receiver:
        try:
            if not receiver.poll(seconds):
                raise ProcessDied(f"the process took longer than {seconds / 60:g} minutes")
            succeeded, result = receiver.recv()
        except EOFError as error:
            wait([process.sentinel])
            raise ProcessDied(f"the process {how_it_ended(exit_code(process))}") from error
        finally:
            end_group(process.pid)
            _asked.discard(process.pid)
    if succeeded:
        return result
    raise result


def end_group(pid: int) -> None:
    """End a process that leads a group, and whatever it started."""
    for end in (os.killpg, os.kill) if hasattr(os, "killpg") else (os.kill,):
        try:
            return end(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        except (ProcessLookupError, PermissionError):  # it has ended, or does not lead a group yet
            continue


def how_it_ended(code: int | None) -> str:
    """The end of a process in words, such as `was killed by SIGKILL`."""
    if code is None or code >= 0:
        return "ended by itself" + (f" with code {code}" if code is not None else "")
    name = signal.Signals(-code).name
    return f"was killed by {name}" + (", as a system does when memory runs out" if name == "SIGKILL" else "")


def _lead(function: Callable, arguments: tuple) -> None:
    if hasattr(os, "setsid"):
        os.setsid()
    if not multiprocessing.parent_process().is_alive():
        return  # killed between asking for this process and getting it, after the reaper has looked for the last time
    gc.freeze()  # what the server has loaded is never garbage: looking through it again and again takes time and memory
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.path.exists("/proc/self/oom_score_adj"):
        # where memory runs out, the system should end this process and not the run that it belongs to
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("500")
    if "numpy" in sys.modules:
        # the fork would share numpy's global state; random's own is reseeded by Python
        sys.modules["numpy"].random.seed()
    function(*arguments)


def _reap() -> None:
    """Wait for the end of the run, though it be killed, and end all that its server has forked, hanging or not."""
    import psutil

    server = psutil.Process(os.getppid())
    multiprocessing.parent_process().join()
    # a server that was killed itself has left its processes to another parent, whose others are none of ours
    for process in server.children(recursive=True) if server.is_running() else ():
        if process.pid != os.getpid():
            end_group(process.pid)


def _prepare_server() -> None:
    """Have multiprocessing put its files where the next run finds them if this one is killed; keep the server quiet."""
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the kernel's debugger else warns when it is loaded
    # as many kernels compute as there are cores: threads of linear algebra would only wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    usual = tempfile.tempdir
    folders = [str(workspace.own_folder()), tempfile.gettempdir(), "/tmp"]
    tempfile.tempdir = next((f for f in folders if len(os.fsencode(f)) <= _LONGEST_FOLDER), usual)
    multiprocessing.util.get_temp_dir()  # chosen once for the process
    tempfile.tempdir = usual


def _answer(sender: Connection, function: Callable, arguments: tuple) -> None:
    try:
        answer = True, function(*arguments)
    except Exception as error:
        answer = False, error
    sender.send(answer)
