"""Setting up Django does no more than it has to."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.contrib.django.settings"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_setting_up_django_makes_no_producers_and_starts_no_threads() -> None:
    done = run_script("""
        import sys, threading
        import django
        django.setup()
        from dekaf.contrib.django import producers
        assert producers._current.existing is None
        assert threading.active_count() == 1, threading.enumerate()
        loaded = [name for name in ("celery", "dependency_injector", "fastapi", "starlette") if name in sys.modules]
        assert not loaded, loaded
    """)

    assert (done.returncode, done.stderr) == (0, "")
