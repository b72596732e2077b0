"""Windows has no fork, no uvloop and little of POSIX: dekaf must not ask for them, neither on import nor later."""

from __future__ import annotations

import subprocess
import sys
import textwrap

# The standard library's own modules first: on this platform they need what is then taken away.
PROGRAM = """
    import asyncio, multiprocessing, os, signal, socket, ssl, subprocess, sys, tempfile, zipfile
    import annotated_types, crc32c, pydantic, pydantic.fields
    asyncio.set_event_loop(None)  # from Python 3.14 on, asyncio asks for the platform here, not on import

    for module, names in {
        os: "fork forkpty register_at_fork getuid geteuid getgid getppgid killpg setsid sched_getaffinity set_blocking",
        signal: "SIGALRM SIGCHLD SIGHUP SIGKILL SIGQUIT SIGUSR1 SIGUSR2 pthread_sigmask setitimer",
        socket: "MSG_DONTWAIT SO_REUSEPORT",
    }.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    sys.modules.update(dict.fromkeys(["uvloop", "fcntl", "grp", "pwd", "resource", "termios"]))

    sys.platform = "win32"

    import dekaf.registry
    import dekaf.contrib.django
    import dekaf.contrib.fastapi
    from dekaf.testing import FakeCluster

    with FakeCluster(topics={"orders": 1}) as cluster:
        with dekaf.Producer(bootstrap_servers=cluster.bootstrap_servers, key=str, value=str) as producer:
            producer.fire("orders", "1", "latte")
            print(producer.produce("orders", "1", "mocha").offset)
"""


def test_a_producer_works_without_fork_and_uvloop() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
