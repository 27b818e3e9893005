"""How papermill runs a notebook for us: in a kernel of its own, with its own working folder and environment."""

import os
from pathlib import Path

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config


class ReportEngine(NBClientEngine):
    """papermill's engine, which can give a kernel neither a folder nor an environment without changing the parent's."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man, kernel_name, *, folder: Path, environment: dict[str, str], start_timeout: int = 60, **_
    ):
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(folder)}},
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
        return client.execute(env={**os.environ, **environment})


papermill_engines.register("crmlab", ReportEngine)
