"""`.ci/run` installs a browser where there is none, or says what to do; then it runs everything."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / ".ci" / "run"
BASH = shutil.which("bash")

# Machine code is tested in a folder that has no .ci.
pytestmark = [pytest.mark.interpreted, pytest.mark.skipif(BASH is None, reason="needs bash")]


@dataclass
class Machine:
    """A PATH with few programs, each of which writes down how it was called."""

    folder: Path
    programs: dict[str, str] = field(default_factory=dict)

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run the script there."""
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        for name in ("dirname", "env"):
            (bin_folder / name).symlink_to(str(shutil.which(name)))
        for name, body in self.programs.items():
            program = bin_folder / name
            program.write_text(f'#!{BASH}\necho "{name} $*" >> "{self.folder}/calls"\n{body}\n')
            program.chmod(0o755)
        ci = self.folder / ".ci"
        ci.mkdir()
        shutil.copy(SCRIPT, ci / "run")
        environment = {"PATH": str(bin_folder)}
        return subprocess.run(
            [str(BASH), str(ci / "run")], env=environment, capture_output=True, text=True, check=False
        )

    @property
    def calls(self) -> list[str]:
        """What was called, in order."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


def test_a_machine_with_a_browser_runs_everything_at_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"google-chrome": "", "apt-get": "", "make": 'echo "CI=$CI"'})

    done = machine.run()

    assert done.returncode == 0, done.stderr
    assert done.stdout == "CI=true\n"
    assert machine.calls == ["make test"]


def test_root_gets_chromium_after_the_lists_were_fetched(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"id": "echo 0", "apt-get": "", "make": ""})

    assert machine.run().returncode == 0
    assert machine.calls == ["id -u", "apt-get update --quiet", "apt-get install --quiet --yes chromium", "make test"]


def test_others_get_it_by_sudo(tmp_path: Path) -> None:
    sudo = 'shift; [ "$1" = true ] || "$@"'
    machine = Machine(tmp_path, {"id": "echo 1000", "sudo": sudo, "apt-get": "", "make": ""})

    assert machine.run().returncode == 0
    assert [call for call in machine.calls if call.startswith("apt-get")] == [
        "apt-get update --quiet",
        "apt-get install --quiet --yes chromium",
    ]


@pytest.mark.parametrize(
    ("programs", "says"),
    [
        pytest.param({"id": "echo 1000", "apt-get": "", "make": ""}, "As root: apt-get update", id="no sudo"),
        pytest.param({"id": "echo 0", "make": ""}, "no apt-get to install it with", id="no apt-get"),
    ],
)
def test_where_it_cannot_be_installed_somebody_is_told_and_nothing_is_run(
    tmp_path: Path, programs: dict[str, str], says: str
) -> None:
    machine = Machine(tmp_path, programs)

    done = machine.run()

    assert done.returncode == 1
    assert says in done.stderr
    assert "make test" not in machine.calls
