import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from crmlab.contract import InputError
from crmlab.report import processes


def ended(pid):
    """Whether a process ends within some seconds."""
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def refuse_input(text):
    raise InputError(text)


def start_another():
    return subprocess.Popen(["sleep", "1000"]).pid


def numbers():
    return np.random.random(3).tolist(), os.getpid(), os.getpgid(0)


def test_every_answer_comes_from_a_process_of_its_own_with_fresh_random_state():
    (first, one, group), (second, two, _) = processes.ask(numbers), processes.ask(numbers)
    assert first != second
    assert len({one, two, os.getpid()}) == 3
    assert one == group != os.getpgid(0)


def test_what_the_function_raises_is_raised_here():
    with pytest.raises(InputError, match="^no such table$"):
        processes.ask(refuse_input, "no such table")


def test_an_end_without_an_answer_says_how():
    with pytest.raises(processes.ProcessDied, match="the process was killed by SIGKILL, as a system does when memory"):
        processes.ask(os.kill, 0, signal.SIGKILL)
    with pytest.raises(processes.ProcessDied, match="the process ended by itself with code 3"):
        processes.ask(os._exit, 3)


def test_where_nothing_can_be_forked_a_new_python_answers(monkeypatch):
    def refuse(*_):
        raise OSError("no more processes")

    monkeypatch.setattr(processes, "start", refuse)
    (first, one, _), (second, two, _) = processes.ask(numbers), processes.ask(numbers)
    assert first != second
    assert len({one, two, os.getpid()}) == 3
    with pytest.raises(InputError, match="^no such table$"):
        processes.ask(refuse_input, "no such table")


def test_what_a_process_started_ends_with_it():
    assert ended(processes.ask(start_another))


@pytest.mark.parametrize("work", ["time.sleep, 1000", "os.kill, 0, signal.SIGSTOP"])
def test_a_process_ends_with_the_one_that_asked_for_it_though_that_was_killed(work):
    code = (
        "import os, signal, time; from crmlab.report import processes\n"
        f"print(processes.start({work}).pid, flush=True)\n"
        "time.sleep(1000)"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(run.stdout.readline())
    others = [pid, *(each.pid for each in psutil.Process(run.pid).children(recursive=True))]
    assert psutil.pid_exists(pid)
    run.kill()
    run.wait()
    run.stdout.close()
    assert all(ended(each) for each in others), "the fork server or one of its processes outlived the run"


def test_a_process_that_was_asked_for_but_not_yet_forked_ends_with_the_run_too():
    code = (
        "import sys, threading, time; from crmlab.report import processes\n"
        "print(processes.start(time.sleep, 1000).pid, flush=True)\n"
        "input()\n"  # until the fork server is halted
        "late = threading.Thread(target=processes.start, args=(time.sleep, 1000), daemon=True)\n"
        "late.start()\n"
        "while sys._current_frames()[late.ident].f_code.co_name != 'read_signed': time.sleep(0.01)\n"
        "print('asked', flush=True)\n"
        "time.sleep(1000)"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    first = int(run.stdout.readline())
    others = psutil.Process(run.pid).children(recursive=True)
    server = psutil.Process(first).parent()
    server.suspend()
    run.stdin.write("\n")
    run.stdin.flush()
    assert run.stdout.readline() == "asked\n"
    run.kill()
    run.wait()
    run.stdin.close()
    run.stdout.close()
    assert ended(first)
    server.resume()
    assert all(ended(each.pid) for each in others), "what was forked after the run's end stayed, and the server with it"


def test_the_end_of_a_process_in_words():
    assert processes.how_it_ended(None) == "ended by itself"
    assert processes.how_it_ended(1) == "ended by itself with code 1"
    assert processes.how_it_ended(-signal.SIGSEGV) == "was killed by SIGSEGV"


@pytest.mark.parametrize("module", processes.PRELOAD)
def test_what_is_loaded_ahead_exists(module):
    from importlib.util import find_spec

    assert find_spec(module)
