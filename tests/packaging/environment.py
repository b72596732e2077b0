"""A user's virtual environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What a newcomer would try, against a Kafka that runs inside the same process.
FIRST_STEPS = """
import dekaf
from dekaf.testing import FakeCluster

with FakeCluster(topics={"orders": 1}) as cluster:
    with dekaf.Producer(bootstrap_servers=cluster.bootstrap_servers, key=str, value=str) as producer:
        print(producer.produce("orders", "42", "espresso").offset, dekaf.compiled)
"""


class UserEnvironment:
    """A virtual environment whose processes find no C compiler."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        self.folder = folder

    def install(self, *requirements: str) -> None:
        """Install with pip, dependencies included."""
        self.run("-m", "pip", "--disable-pip-version-check", "install", "--quiet", *requirements)

    def run(self, *arguments: str) -> str:
        """Run this environment's Python, away from the checkout, and return what it prints."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("DEKAF_", "HATCH_", "PYTHON"))
        }
        kept.pop("CC", None)
        done = subprocess.run(
            [str(self.folder / "bin" / "python"), *arguments],
            cwd=self.folder,
            env={**kept, "PATH": str(self.folder / "bin")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def site_packages(self) -> set[str]:
        """Return the names at the top of site-packages."""
        (folder,) = self.folder.glob("lib/python*/site-packages")
        return {path.name for path in folder.iterdir()}
