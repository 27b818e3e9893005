"""How papermill runs a notebook for us: in a kernel of its own, forked warm, with its own folder and environment.

Each kernel is a process of its own with fresh random state. Where forking is not to be had or fails, the ordinary
provisioner of jupyter_client takes over, which takes some seconds longer a report.
"""

import crmlab.report.light  # noqa: F401

# isort: split
import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellTimeoutError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets import Any, Float
from traitlets.config import Config

from crmlab.report import processes
from crmlab.report.forked import serve

_START_SECONDS = 60
_SAYING, _said = threading.Lock(), set()


class KernelDied(RuntimeError):
    """A kernel ended before its notebook did."""


class TimeLimit(RuntimeError):
    """A notebook took longer than it may; `source` is the cell that ran."""

    source = ""


class WarmProvisioner(LocalProvisioner):
    """Forks kernels from a warm server."""

    async def launch_kernel(self, cmd: list[str], **options):
        """Fork the kernel; where that cannot be had, start it by `cmd` as jupyter_client does, which takes longer."""
        log, manager = options.pop("log"), self.parent
        self.process = None
        if processes.CAN_FORK:
            try:
                environment, folder = options["env"], str(options.get("cwd") or Path.cwd())
                process = processes.start(serve, ["ipykernel_launcher", *cmd[3:]], environment, folder, log)
                # jupyter_client has them None in the class, which mypy takes for their type
                self.process, self.pid, self.pgid = _Forked(process), process.pid, process.pid  # type: ignore[assignment]
                self.cwd = options.get("cwd")
            except (OSError, EOFError) as error:
                _say_once(f"kernels cannot be forked ({error or type(error).__name__}); each starts by itself, slower")
        if self.process is None:
            with open(log, "ab") as stream:
                await super().launch_kernel(cmd, **options, stdout=stream, stderr=stream)
        manager.started(self.pid)
        return self.connection_info

    async def poll(self) -> int | None:
        """How the kernel ended, as the manager is told; None while it runs."""
        code = await super().poll()
        if self.process and code is not None:
            self.parent.exit_code = code
        return code

    async def wait(self) -> int | None:
        """Wait until the kernel has ended; how it did."""
        while await self.poll() is None:  # jupyter_client looks ten times less often
            await asyncio.sleep(0.01)
        return await super().wait()

    async def cleanup(self, restart: bool = False) -> None:
        """End what the notebook has started and left behind."""
        if self.pid:
            processes.end_group(self.pid)  # what the notebook has started, where the kernel itself is gone
        await super().cleanup(restart)


class WarmKernelManager(AsyncKernelManager):
    """Starts this Python as the kernel, whatever kernels the user has installed.

    Attributes
    ----------
    started
        Called with the process id of each kernel.
    exit_code
        How the kernel ended, if it ended by itself.
    """

    started = Any()
    exit_code = Any(None, allow_none=True)

    @property
    def kernel_spec(self) -> KernelSpec:
        """This Python, whatever kernel was asked for."""
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": "crmlab-warm"}, "supported_encryption": "curve"},
        )


class _NotebookClient(PapermillNotebookClient):
    """Has the kernel ready when the notebook's turn comes, and hands the turn on before the kernel is gone.

    Attributes
    ----------
    turn
        Entered while the cells run.
    seconds
        How long they may take.
    deadline
        When they are over their time.
    """

    turn, seconds, deadline = Any(), Float(), Float()

    def papermill_execute_cells(self):
        with self.turn:
            self.deadline = time.monotonic() + self.seconds
            super().papermill_execute_cells()


class ReportEngine(NBClientEngine):
    """papermill's engine, which can give a kernel neither a folder nor an environment without changing the parent's."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man,
        kernel_name,
        *,
        folder: Path,
        environment: dict[str, str],
        scratch: Path,
        seconds: float,
        started: Callable[[int], None],
        turn: AbstractContextManager,
        **_,
    ):
        """The executed notebook.

        Parameters
        ----------
        folder, environment
            Where the kernel works, and all of its environment.
        scratch
            A folder for files that nobody keeps.
        seconds
            How long the cells may take.
        started
            Called with the process id of the kernel.
        turn
            Entered while the cells run.

        Raises
        ------
        TimeLimit
            If the cells took longer than they may.
        KernelDied
            If the kernel ended before its notebook did.
        """
        log, running = scratch / "kernel.log", {}
        manager = WarmKernelManager(
            kernel_name=kernel_name,
            started=started,
            connection_file=str(scratch / "kernel.json"),
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
        client: _NotebookClient = _NotebookClient(
            nb_man,
            km=manager,
            turn=turn,
            seconds=seconds,
            startup_timeout=_START_SECONDS,
            iopub_timeout=_START_SECONDS,
            timeout_func=lambda _: max(1, round(client.deadline - time.monotonic())),
            on_cell_execute=lambda cell, **_: running.update(source=cell.source),
            shutdown_kernel="immediate",
            ipython_hist_file="",
            extra_arguments=["--HistoryManager.enabled=False"],
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            return client.execute(cleanup_kc=True, log=str(log), env=environment)
        except CellTimeoutError as error:
            if time.monotonic() < client.deadline - 1:  # the outputs of a cell did not come, which is another fault
                raise
            limit = TimeLimit(f"took longer than the {seconds / 60:g} minutes that a report may take (--time-limit)")
            limit.source = running.get("source", "")
            raise limit from error
        except RuntimeError as error:  # nbclient's DeadKernelError, or that of a kernel which never answered
            if manager.exit_code is None:
                raise
            said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            last = said.replace(f"{scratch}{os.sep}", "").strip().splitlines()[-1:]
            raise KernelDied(": ".join([f"the kernel {processes.how_it_ended(manager.exit_code)}", *last])) from error
        finally:
            _end_tasks()


def _end_tasks() -> None:
    """End what nbclient still waits for in this thread when a notebook is broken off."""
    loop = ensure_event_loop()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def register() -> None:
    """Make the engine known to papermill as `crmlab`."""
    papermill_engines.register("crmlab", ReportEngine)


class _Forked:
    """A forked kernel with the face of a `subprocess.Popen`, as far as jupyter_client looks."""

    stdin = stdout = stderr = None

    def __init__(self, process):
        self._process = process
        self.pid = process.pid

    def poll(self) -> int | None:
        return processes.exit_code(self._process)

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        processes.end_group(self.pid)

    terminate = kill


def _say_once(message: str) -> None:
    with _SAYING:
        if message not in _said:
            logging.getLogger("crmlab").warning(message)
        _said.add(message)
