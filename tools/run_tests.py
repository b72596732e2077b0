"""Run the checks and tests step by step, then sum up; the last line reads `N passed, N failed, N skipped`.

    python -m tools.run_tests                  everything
    python -m tools.run_tests lint types unit  these steps

Run by the Python of `.venv`. A step that cannot run says why; one that fails does not keep the next from running.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tools.build_wheel import Build, BuildError, NoCompilerError, prepare_wheel

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / ".cache" / "test-reports"
PYTHON = sys.executable
SCRIPTS = Path(PYTHON).parent
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON_VERSIONS = ("3.11", "3.12", "3.13")
IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}
SEED = int(time.time())  # of the tests' order; printed, so that a failure can be repeated
PROBE_SECONDS = 300  # pyright's first run downloads Node

# What the tests of the compiled wheel see of the repository: everything but dekaf, which would win over the wheel's.
COMPILED_ROOT = ROOT / ".cache" / "compiled-root"
COMPILED_SEES = ("benchmarks", "example_project", "tests", "tools", "pyproject.toml")

NO_TESTS_COLLECTED = 5  # pytest's exit code

UNIT = ("tests/unit", "tests/test_public_api.py", "tests/test_implementation.py")  # on every Python, in every build
CONCURRENCY = ("tests/concurrency", "tests/scenarios", "tests/mistakes")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one step."""

    step: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reason: str = ""
    seconds: float = 0

    @property
    def verdict(self) -> str:
        """What the summary says."""
        if self.failed:
            return f"FAILED ({self.reason or self.counts})"
        if self.reason:
            return f"skipped: {self.reason}"
        return self.counts

    @property
    def counts(self) -> str:
        """The numbers that pytest gave, or `ok` for a step without tests."""
        named = (("passed", self.passed), ("failed", self.failed), ("skipped", self.skipped))
        return ", ".join(f"{count} {name}" for name, count in named if count) or "ok"


@dataclass(frozen=True, kw_only=True)
class Commands:
    """A step that passes when all of its commands exit with 0."""

    name: str
    commands: tuple[tuple[str, ...], ...]

    def run(self) -> Result:
        """Run all commands, also after one has failed."""
        failed = [command for command in self.commands if run((str(SCRIPTS / command[0]), *command[1:])) != 0]
        reason = ", ".join(" ".join(command) for command in failed)
        return Result(step=self.name, failed=len(failed), reason=reason)


@dataclass(frozen=True, kw_only=True)
class Types:
    """mypy over everything, and pyright over the samples of use."""

    name: str = "types"

    def run(self) -> Result:
        """Run both checkers; pyright only where it can get hold of Node."""
        commands = [("mypy",)]
        if not list(ROOT.glob("tests/typing/**/*.py")):
            say("pyright: skipped, there is nothing in tests/typing")
        elif not pyright_works():
            say("pyright: skipped, it could not fetch or start Node")
        else:
            commands.append(("pyright",))
        return Commands(name=self.name, commands=tuple(commands)).run()


@dataclass(frozen=True, kw_only=True)
class Pytest:
    """A step that runs pytest on some folders, with any interpreter."""

    name: str
    paths: tuple[str, ...]
    python: str = PYTHON
    root: Path = ROOT
    implementation: str = "interpreted"  # what dekaf has to be; tests/conftest.py refuses to run another

    def run(self) -> Result:
        """Run pytest and read the numbers from its report."""
        paths = [path for path in self.paths if (ROOT / path).exists()]
        if not paths:
            return Result(step=self.name, reason=f"there is no {' or '.join(self.paths)}")
        report = REPORTS / f"{self.name.replace(' ', '-')}.xml"
        report.unlink(missing_ok=True)
        say(f"pytest --randomly-seed={SEED} {' '.join(paths)}")
        options = ("-q", f"--randomly-seed={SEED}", f"--junit-xml={report}")
        environment = {"DEKAF_TEST_IMPLEMENTATION": self.implementation}
        exit_code = run((self.python, "-m", "pytest", *options, *paths), cwd=self.root, environment=environment)
        if exit_code == NO_TESTS_COLLECTED:
            return Result(step=self.name, reason=f"there are no tests in {' or '.join(paths)}")
        return read_report(self.name, report, exit_code)


@dataclass(frozen=True, kw_only=True)
class BrokerTests:
    """The tests that need a real Kafka, which is fetched first: the time limits of tests shall not count that."""

    name: str = "broker"

    def run(self) -> Result:
        """Fetch Kafka when needed, then run the tests; without Kafka they skip, or in CI fail, with the reason."""
        fetch_kafka()
        return Pytest(name=self.name, paths=("tests/broker",)).run()


@dataclass(frozen=True, kw_only=True)
class OtherPython:
    """The unit and contrib tests on another Python version, where there is one."""

    version: str

    @property
    def name(self) -> str:
        """The step's name."""
        return f"python {self.version}"

    def run(self) -> Result:
        """Find the interpreter, make its environment and run the tests."""
        base = find_python(self.version)
        if base is None:
            places = "on the PATH or among pyenv's versions"
            return Result(step=self.name, reason=f"no working python{self.version} {places}")
        folder = f".venv-{self.version}"
        if run((base, "tools/make_venv.py", folder, "test")) != 0:
            reason = f"the packages could not be installed in {folder}"
            return Result(step=self.name, reason=reason, failed=int(IS_CI))
        paths = (*UNIT, "tests/contrib")
        return Pytest(name=self.name, paths=paths, python=str(ROOT / folder / "bin" / "python")).run()


# Started before the first step: the compiler needs one processor for three minutes, and so do the tests before its own.
COMPILER = ThreadPoolExecutor(1)


@functools.cache
def compiled_wheel() -> Future[Path]:
    """Have the wheel built in the background, unless it is there."""
    return COMPILER.submit(prepare_wheel, Build.COMPILED, say=lambda text: say(f"[compiler] {text}"))


@dataclass(frozen=True, kw_only=True)
class CompiledTests:
    """Tests of dekaf as machine code: its wheel, installed, in a folder without the sources."""

    name: str
    paths: tuple[str, ...] = ()
    module: str = ""  # to run instead of pytest

    def run(self) -> Result:
        """Install the wheel when it is built, and run the tests."""
        try:
            wheel = compiled_wheel().result()
        except NoCompilerError as error:
            return Result(step=self.name, reason=str(error), failed=int(IS_CI))
        except BuildError as error:
            say(str(error))
            return Result(step=self.name, reason="dekaf could not be compiled", failed=1)
        folder = ".venv-compiled"
        if run((PYTHON, "tools/make_venv.py", folder, "test", "--wheel", str(wheel))) != 0:
            reason = f"the packages could not be installed in {folder}"
            return Result(step=self.name, reason=reason, failed=1)
        self._lay_out()
        fetch_kafka()
        python = str(ROOT / folder / "bin" / "python")
        if self.module:
            code = run((python, "-m", self.module), cwd=COMPILED_ROOT)
            return Result(
                step=self.name, failed=int(code != 0), reason=f"{self.module} ended with {code}" if code else ""
            )
        return Pytest(
            name=self.name, paths=self.paths, python=python, root=COMPILED_ROOT, implementation="compiled"
        ).run()

    @staticmethod
    def _lay_out() -> None:
        """Copy, not link: a test that resolves its own path must not find dekaf's sources there."""
        shutil.rmtree(COMPILED_ROOT, ignore_errors=True)
        COMPILED_ROOT.mkdir(parents=True)
        for name in COMPILED_SEES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, COMPILED_ROOT / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, COMPILED_ROOT / name)


Step = Commands | Types | Pytest | BrokerTests | OtherPython | CompiledTests

STEPS: tuple[Step, ...] = (
    Commands(name="lint", commands=(("ruff", "check", "."), ("ruff", "format", "--check", "."), ("codespell",))),
    Types(),
    Commands(name="imports", commands=(("lint-imports", "--no-logo"),)),
    Pytest(name="unit", paths=(*UNIT, "tests/test_architecture.py", "tests/typing")),
    Pytest(name="properties", paths=("tests/properties", "tests/fuzz")),
    Pytest(name="contrib", paths=("tests/contrib",)),
    Pytest(name="concurrency", paths=CONCURRENCY),
    BrokerTests(),
    Pytest(name="docs", paths=("tests/docs",)),
    Commands(name="site", commands=(("mkdocs", "build", "--strict", "--quiet"),)),
    Pytest(name="example", paths=("example_project",)),
    CompiledTests(name="compiled", paths=(*UNIT, "tests/properties", "tests/fuzz", "tests/contrib")),
    # A process of its own: these tests collect garbage each time, which is slow where much was imported before.
    CompiledTests(name="compiled concurrency", paths=CONCURRENCY),
    CompiledTests(name="compiled broker", paths=("tests/broker/test_producing.py", "tests/broker/test_process.py")),
    Commands(name="speed", commands=(("python", "-m", "benchmarks.guard"),)),
    CompiledTests(name="compiled speed", module="benchmarks.guard"),
    Pytest(name="packaging", paths=("tests/packaging",)),
    *(OtherPython(version=version) for version in PYTHON_VERSIONS if version != PYTHON_VERSION),
)


def main() -> int:
    """Run the command line and return the exit code."""
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="step", help=", ".join(names))
    wanted = parser.parse_args().steps or names
    if unknown := set(wanted) - set(names):
        parser.error(f"unknown step: {', '.join(sorted(unknown))}")
    REPORTS.mkdir(parents=True, exist_ok=True)
    if any(isinstance(step, CompiledTests) and step.name in wanted for step in STEPS):
        compiled_wheel()
    try:
        results = run_steps([step for step in STEPS if step.name in wanted])
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    sum_up(results)
    return int(any(result.failed for result in results))


def run_steps(steps: Sequence[Step]) -> list[Result]:
    """Run one step after the other, but the other Pythons beside the broker's tests, which mostly wait for Kafka."""
    if not any(isinstance(step, BrokerTests) for step in steps):
        return [timed(step) for step in steps]
    results: list[Result] = []
    others: list[Future[tuple[Result, str]]] = []
    # Not forked: the compiler's thread may hold any lock just then.
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    try:
        for step in steps:
            if isinstance(step, BrokerTests):
                others = [pool.submit(timed_quietly, other) for other in steps if isinstance(other, OtherPython)]
            if not isinstance(step, OtherPython):
                results.append(timed(step))
        for other in others:
            result, printed = other.result()
            say(printed.rstrip())
            results.append(result)
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def timed_quietly(step: Step) -> tuple[Result, str]:
    """Run a step in a process of its own; return its result and everything that was printed."""
    with tempfile.TemporaryFile() as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())
        result = timed(step)
        output.seek(0)
        return result, output.read().decode(errors="replace")


def timed(step: Step) -> Result:
    """Run a step under a heading."""
    say(f"\n== {step.name}")
    started = time.monotonic()
    result = step.run()
    if result.reason:
        say(result.verdict)
    return Result(**{**vars(result), "seconds": time.monotonic() - started})


def sum_up(results: Sequence[Result]) -> None:
    """Print one line per step, and the sum in the words of pytest's closing line."""
    say("\n== summary")
    for result in results:
        say(f"{result.step:<20} {result.seconds:4.0f} s  {result.verdict}")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.skipped for result in results)
    say(f"{passed} passed, {failed} failed, {skipped} skipped")


def read_report(step: str, report: Path, exit_code: int) -> Result:
    """Count a JUnit report's tests. No report, or a bad exit without a failure in it, counts as one failure."""
    try:
        suites = list(ElementTree.parse(report).iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return Result(step=step, failed=1, reason=f"pytest ended with {exit_code}")
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    failed = max(failures + errors, int(exit_code != 0))
    return Result(step=step, passed=max(tests - failures - errors - skipped, 0), failed=failed, skipped=skipped)


def find_python(version: str) -> str | None:
    """Return an interpreter of this version that runs and can make environments."""
    check = f"import sys, ensurepip, venv; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    for candidate in python_candidates(version):
        try:
            if subprocess.run([candidate, "-c", check], capture_output=True, check=False, timeout=30).returncode == 0:
                return candidate
        except (OSError, subprocess.TimeoutExpired):
            continue
    return None


def python_candidates(version: str) -> Iterator[str]:
    """Name the places to look: the PATH, then pyenv's folder, whose shims only run what `pyenv global` switches on."""
    yield f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for folder in sorted((pyenv / "versions").glob(f"{version}*"), reverse=True):
        yield str(folder / "bin" / "python")


def pyright_works() -> bool:
    """Let pyright fetch what it needs."""
    try:
        probe = subprocess.run(
            [SCRIPTS / "pyright", "--version"], capture_output=True, check=False, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0


def fetch_kafka() -> None:
    """Fetch Kafka unless it is there or a cluster is given; why it cannot be had, each broker test says by itself."""
    if "DEKAF_TEST_BOOTSTRAP_SERVERS" not in os.environ:
        run((PYTHON, "-m", "tests.kafka", "fetch"))


def run(command: Sequence[str], *, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> int:
    """Run a command, in the repository unless told otherwise, and return its exit code."""
    with subprocess.Popen(command, cwd=cwd, env={**os.environ, **(environment or {})}) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()  # Ctrl-C reached it as well: let pytest end its brokers
            raise


def say(text: str) -> None:
    """Print at once, before a child process prints."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
