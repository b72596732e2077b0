from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from dekaf.contrib.django.command import DrainingCommand
from dekaf.testing import FakeCluster

ROOT = Path(__file__).parents[3]

# What `manage.py resend` does with a command of the project's.
JOB = """
    import os, signal, sys, time
    import django
    from django.conf import settings
    settings.configure(INSTALLED_APPS=["dekaf.contrib.django"], DEKAF={
        "bootstrap_servers": os.environ["SERVERS"], "linger_ms": 60_000,
    })
    django.setup()
    from django.core.management.base import BaseCommand
    from dekaf.contrib.django import get_producer
    from dekaf.contrib.django.command import DrainingCommand

    class Command(%s):
        def handle(self, **options):
            try:
                for number in range(100):
                    get_producer().fire("orders", str(number), str(number))
                os.kill(os.getpid(), signal.SIGTERM)  # what Kubernetes does to the pod of a Job
                time.sleep(30)
            finally:
                get_producer().fire("orders", "last", "last")

    Command().run_from_argv(["manage.py", "resend", "--skip-checks"])
"""


@pytest.mark.parametrize(
    ("base", "code", "delivered"), [("DrainingCommand", 143, 101), ("BaseCommand", -signal.SIGTERM, 0)]
)
def test_a_command_of_ours_delivers_when_it_is_told_to_end_and_djangos_does_not(
    base: str, code: int, delivered: int
) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(JOB) % base],
            cwd=ROOT,
            env={**os.environ, "SERVERS": cluster.bootstrap_servers},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

        assert done.returncode == code, done.stderr
        assert len(cluster.log("orders")) == delivered


def test_a_command_that_is_called_by_a_program_leaves_its_signals_alone() -> None:
    class Command(DrainingCommand):
        def handle(self, **_options: Any) -> None:
            pass

    before = signal.getsignal(signal.SIGTERM)

    call_command(Command())

    assert signal.getsignal(signal.SIGTERM) is before
