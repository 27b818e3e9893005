"""The life of a forked kernel. Apart from `kernels`, whose imports the run needs and each kernel would pay for."""

import os
import sys
import tempfile


def serve(arguments: list[str], environment: dict[str, str], folder: str, log: str) -> None:
    """Be a kernel until it is ended.

    Parameters
    ----------
    arguments
        Of the command line, as ipykernel_launcher takes them.
    environment, folder
        All of its environment, and where it works.
    log
        File for what is written past the kernel, by libraries or when it breaks down.
    """
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    tempfile.tempdir = None  # chosen anew from this environment
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    # a kernel started by itself chooses this before it imports matplotlib
    backend = os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].rcParams["backend"] = backend
    sys.argv = arguments
    from ipykernel.kernelapp import IPKernelApp

    # it ends with the server, and does not print how to connect to it
    IPKernelApp.launch_instance(argv=[*arguments[1:], f"--IPKernelApp.parent_handle={os.getppid()}"])
