"""Where Spark is, and how a session has to be set so that no moment is moved and no row is lost on the way."""

import os
import sys
import tempfile

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from crmlab.contract import InputError

# in the environment, where Spark is: local[2], spark://host:7077, sc://host (Spark Connect), or databricks
ADDRESS = "CRMLAB_SPARK"
# moments bear no zone, but are in the client's own time: no engine is then tempted to move them
_OPTIONS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
_NEEDS = (
    "engine: spark needs `pip install 'crmlab[spark]'`, Java 17 or 21 on this machine unless Spark runs elsewhere, "
    f"and its address in {ADDRESS} (local[*], spark://host:7077, sc://host or databricks; local[*] without one)"
)


def connect() -> SparkSession:
    """The session of this process, at the address that `CRMLAB_SPARK` gives.

    Raises
    ------
    InputError
        If Spark cannot be reached; the address, which may hold a token, is not shown.
    """
    address = os.environ.get(ADDRESS) or "local[*]"
    try:
        session = _session(address)
        for name, value in _OPTIONS.items():
            session.conf.set(name, value)
    except (PySparkException, Py4JError, ImportError, OSError) as error:
        raise InputError(f"{_NEEDS}; {type(error).__name__} while it was started") from error
    return session


def _session(address: str) -> SparkSession:
    if address == "databricks":
        from databricks.connect import DatabricksSession

        return DatabricksSession.builder.getOrCreate()
    builder = SparkSession.builder.appName("crmlab")
    if address.startswith("sc://"):
        return builder.remote(address).getOrCreate()
    options = _OPTIONS | {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "FATAL",
        "spark.sql.warehouse.dir": tempfile.gettempdir(),
    }
    if address.startswith("local"):
        # workers are this very Python; a machine without a name in the network has its loopback alone
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        options |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        if memory_mb := os.environ.get("CRMLAB_MEMORY_MB"):
            options["spark.driver.memory"] = f"{memory_mb}m"
    for name, value in options.items():
        builder = builder.config(name, value)
    return builder.master(address).getOrCreate()
