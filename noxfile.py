"""The steps of `make test`, each of which runs alone as well: `nox --list`, `nox -s unit`, `nox -s unit -- -k codec`.

nox lives in .venv, which make makes, and most sessions run there. It makes the other environments itself, in .nox: one
for each other Python, and one, shared, with dekaf as machine code. Sessions that allow it run side by side with `-j 2`;
they come first, in this order.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nox

from tools.build_wheel import Build, BuildError, NoCompilerError, prepare_wheel

ROOT = Path(__file__).parent
REPORTS = ROOT / ".cache" / "test-reports"  # of pytest; tools/run_tests.py counts what is in them
IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}
SEED = int(time.time())  # of the tests' order; printed with the command, so that a failure can be repeated
PROBE_SECONDS = 300  # pyright's first run downloads Node
INTERRUPT_SECONDS = 60  # after Ctrl-C, for pytest to end its brokers

OTHER_PYTHONS = [version for version in ("3.11", "3.12", "3.13", "3.14", "3.15") if sys.version[:4] != version]

# The releases of Django that are supported, each with a Python of its own: 4.2 ends with 3.12, 6.0 begins there.
DJANGOS = {"4.2": "3.11", "5.2": "3.13", "6.0": "3.12"}

# What the tests of the compiled wheel see of the repository: everything but dekaf, which would win over the wheel's.
COMPILED_ROOT = ROOT / ".cache" / "compiled-root"
COMPILED_SEES = ("benchmarks", "dashboards", "example_project", "tests", "tools", "pyproject.toml")
COMPILED_PYTHON = ROOT / ".nox" / "wheel" / "bin" / "python"

UNIT = ("tests/unit", "tests/test_public_api.py", "tests/test_implementation.py")  # on every Python, in every build
CONTRIB = ("tests/contrib", "tests/styles")
PROPERTIES = ("tests/properties", "tests/fuzz", "tests/chaos", "tests/soak")  # what the last two count, by itself
CONCURRENCY = ("tests/concurrency", "tests/scenarios", "tests/stories", "tests/mistakes")

# For tests that mostly wait, and share nothing but ports the system gives out. Which worker runs what does not matter,
# so that one which has run out of tests takes over some of another's: a few take ten times as long as the others.
SIDE_BY_SIDE = ("-n", "4", "--dist", "worksteal")

nox.needs_version = ">=2026.8.17"
nox.options.default_venv_backend = "none"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False

# nox looks for Pythons on the PATH: pyenv's shims only run what `pyenv global` switches on.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
FOLDERS = (ROOT / ".venv" / "bin", *os.environ["PATH"].split(os.pathsep), *sorted(PYENV.glob("versions/3.*/bin")))
os.environ["PATH"] = os.pathsep.join(map(str, FOLDERS))
os.environ.setdefault("DEKAF_TEST_KAFKA_CACHE", str(ROOT / ".cache" / "kafka"))
os.environ.setdefault("NOX_ENABLE_STALENESS_CHECK", "1")  # an environment of another Python is made anew

signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends what it has started after Ctrl-C only


@nox.session(venv_backend="virtualenv", allow_parallel=True)
def wheel(session: nox.Session) -> None:
    """Compile dekaf and install it where the compiled sessions run; three minutes of one processor."""
    shutil.rmtree(COMPILED_ROOT, ignore_errors=True)
    try:
        path = prepare_wheel(Build.COMPILED, say=session.log)
    except NoCompilerError as error:
        stop = session.error if IS_CI else session.skip
        stop(str(error))
    except BuildError as error:
        session.error(str(error))
    install(session, f"dekaf[all] @ {path.as_uri()}")
    for name in COMPILED_SEES:  # copied, not linked: a test that resolves its own path must not find dekaf's sources
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, COMPILED_ROOT / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, COMPILED_ROOT / name)


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check rules, format and spelling."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session(allow_parallel=True)
def types(session: nox.Session) -> None:
    """Check types with mypy, and the samples of use in tests/typing with pyright."""
    session.run("mypy")
    if why_no_pyright := why_pyright_cannot_run():
        session.warn(f"pyright: skipped, {why_no_pyright}")
    else:
        session.run("pyright")


@nox.session(allow_parallel=True)
def imports(session: nox.Session) -> None:
    """Check the contracts of pyproject.toml: who may import whom."""
    session.run("lint-imports", "--no-logo")


@nox.session(allow_parallel=True)
def unit(session: nox.Session) -> None:
    """Test the modules one by one, the architecture, and what type checkers say."""
    pytest(session, *UNIT, "tests/test_architecture.py", "tests/typing")


@nox.session(allow_parallel=True)
def contrib(session: nox.Session) -> None:
    """Test the adapters for Django, FastAPI and dependency-injector."""
    pytest(session, *CONTRIB)


@nox.session(allow_parallel=True)
def properties(session: nox.Session) -> None:
    """Test with what hypothesis generates, and run the fuzzer for a moment."""
    pytest(session, *PROPERTIES)


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Run every Python block of the README and the documentation."""
    pytest(session, "tests/docs")


@nox.session(allow_parallel=True)
def site(session: nox.Session) -> None:
    """Build the documentation."""
    session.run("mkdocs", "build", "--strict", "--quiet")


@nox.session(allow_parallel=True)
def example(session: nox.Session) -> None:
    """Test the example project, which `make demo` shows."""
    pytest(session, "example_project")


@nox.session(allow_parallel=True)
def broker(session: nox.Session) -> None:
    """Test with a real Kafka; mostly waits, so that the other Pythons run meanwhile."""
    fetch_kafka(session)
    pytest(session, "tests/broker")


@nox.session(venv_backend="virtualenv", allow_parallel=True)
def browser(session: nox.Session) -> None:
    """Visit both shops of the example in a headless Chromium, and take Kafka away meanwhile."""
    fetch_kafka(session)
    install(session, "--editable", ".[all]", group="browser")
    pytest(session, "tests/browser")


def other_python(session: nox.Session) -> None:
    """Run the unit and contrib tests on another Python, if there is one."""
    install(session, "--editable", ".[all]")
    pytest(session, *UNIT, *CONTRIB)


for version in OTHER_PYTHONS:
    python = os.environ.get(f"DEKAF_PYTHON_{version.replace('.', '_')}", version)
    nox.session(name=f"python-{version}", python=python, venv_backend="virtualenv", allow_parallel=True)(other_python)


def django_version(session: nox.Session) -> None:
    """Test the adapter for Django with one of its releases, on a Python that it supports."""
    install(session, "--editable", ".[all]", f"django~={session.name.removeprefix('django-')}.0")
    pytest(session, "tests/contrib/django")


for version, its_python in DJANGOS.items():
    nox.session(name=f"django-{version}", python=its_python, venv_backend="virtualenv", allow_parallel=True)(
        django_version
    )


@nox.session(name="typed-project", venv_backend="virtualenv", allow_parallel=True)
def typed_project(session: nox.Session) -> None:
    """Check a project that uses all of the adapters, with mypy, django-stubs and pyright, and run its tests."""
    install(session, "--editable", ".[all]", group="typed-project")
    session.chdir("tests/typing/project")
    session.run("mypy")
    if why_no_pyright := why_pyright_cannot_run():
        session.warn(f"pyright: skipped, {why_no_pyright}")
    else:
        session.run("pyright")
    pytest(session)


@nox.session(requires=["wheel"], allow_parallel=True)
def compiled(session: nox.Session) -> None:
    """Run the unit, contrib and property tests on machine code."""
    pytest_compiled(session, *UNIT, *PROPERTIES, *CONTRIB)


@nox.session(requires=["wheel"], allow_parallel=True)
def packaging(session: nox.Session) -> None:
    """Build, inspect and install what users install."""
    pytest(session, "tests/packaging")


# From here on they have the machine to themselves: they measure time, or keep all of it busy.


@nox.session
def concurrency(session: nox.Session) -> None:
    """Test many threads, forks and loops, scenarios and random stories, and the mistakes that other clients made."""
    pytest(session, *CONCURRENCY, options=SIDE_BY_SIDE)


@nox.session(name="compiled-concurrency", requires=["wheel"])
def compiled_concurrency(session: nox.Session) -> None:
    """Run the concurrency tests on machine code."""
    pytest_compiled(session, *CONCURRENCY, options=SIDE_BY_SIDE)


@nox.session(name="compiled-broker", requires=["wheel"])
def compiled_broker(session: nox.Session) -> None:
    """Run those broker tests on machine code that are about producing."""
    fetch_kafka(session)
    tests = ("test_producing.py", "test_process.py", "test_secure_matrix.py")
    pytest_compiled(session, *[f"tests/broker/{name}" for name in tests])


@nox.session(default=False, venv_backend="virtualenv")
def servers(session: nox.Session) -> None:
    """Tell every web server to stop, in every way, and write what was delivered into docs/deployment.md."""
    install(session, "--editable", ".[all]", "--group", "all-servers")
    session.run("python", "-m", "tests.servers", *session.posargs)


@nox.session(default=False, venv_backend="virtualenv")
def jobs(session: nox.Session) -> None:
    """Tell workers of job queues to stop: Celery, huey, Django-Q2, RQ, arq, taskiq, APScheduler."""
    install(session, "--editable", ".[all]", "--group", "jobs")
    pytest(session, "tests/jobs")


@nox.session(default=False)
def secure(session: nox.Session) -> None:
    """Run the tests of secure connections against Kafka for long: every mechanism, sessions that end for a minute."""
    fetch_kafka(session)
    session.env["DEKAF_SECURE_SECONDS"] = os.environ.get("DEKAF_SECURE_SECONDS", "60")
    pytest(session, *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/broker/test_secure_*.py")))


@nox.session(default=False)
def outage(session: nox.Session) -> None:
    """Take Kafka away from Django and FastAPI under load for a minute: what visitors see, and what is lost."""
    fetch_kafka(session)
    session.env["OUTAGE_SECONDS"] = os.environ.get("OUTAGE_SECONDS", "60")
    pytest(session, "tests/broker/test_outage.py", options=("-s",))


@nox.session
def speed(session: nox.Session) -> None:
    """Measure the steps of a message, and refuse a third more than they took."""
    session.run("python", "-m", "benchmarks.guard")


@nox.session(name="compiled-speed", requires=["wheel"])
def compiled_speed(session: nox.Session) -> None:
    """Measure the same in machine code."""
    enter_compiled_root(session)
    session.run(COMPILED_PYTHON, "-m", "benchmarks.guard")


def pytest(session: nox.Session, *paths: str, python: str = "python", options: Sequence[str] = ()) -> None:
    """Run pytest in the session's environment, and leave a report to count.

    Args:
        session: who runs it; what follows `--` on nox's command line comes after our own arguments.
        paths: files and folders with tests.
        python: an interpreter of another environment.
        options: more of pytest's own, for this session.
    """
    is_compiled = python == str(COMPILED_PYTHON)
    session.run(
        *(python, "-m", "pytest", "-q", f"--randomly-seed={SEED}", f"--junit-xml={REPORTS / session.name}.xml"),
        *options,
        *paths,
        *session.posargs,
        env={"DEKAF_TEST_IMPLEMENTATION": "compiled" if is_compiled else "interpreted"},
        interrupt_timeout=INTERRUPT_SECONDS,
    )


def pytest_compiled(session: nox.Session, *paths: str, options: Sequence[str] = ()) -> None:
    """Run pytest on dekaf as machine code: its wheel, installed, in a folder without the sources."""
    enter_compiled_root(session)
    pytest(session, *paths, python=str(COMPILED_PYTHON), options=options)


def enter_compiled_root(session: nox.Session) -> None:
    """Go where dekaf's sources are not, or skip when the wheel could not be had."""
    if not COMPILED_ROOT.exists():
        session.skip("there is no compiled wheel: see the session `wheel`")
    session.chdir(COMPILED_ROOT)


def fetch_kafka(session: nox.Session) -> None:
    """Fetch Kafka unless it is there: the time limits of tests shall not count that. Failing, each test says why."""
    if "DEKAF_TEST_BOOTSTRAP_SERVERS" not in os.environ:
        session.run("python", "-m", "tests.kafka", "fetch", success_codes=(0, 1))


def install(session: nox.Session, *dekaf: str, group: str = "test") -> None:
    """Install dekaf and what the tests need, unless that was done for the same requirements."""
    wanted = "\n".join((*dekaf, (ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    stamp = Path(session.virtualenv.location) / "installed-for-dekaf"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "dekaf")  # pip would keep another wheel
    session.install("--upgrade", "pip>=25.1")  # the first with --group
    session.install(*dekaf, "--group", group)
    stamp.write_text(wanted, encoding="utf-8")


def why_pyright_cannot_run() -> str | None:
    """Let pyright fetch what it needs, and return what it says when that fails."""
    try:
        subprocess.run(["pyright", "--version"], capture_output=True, check=True, timeout=PROBE_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return "it could not fetch or start Node"
    return None
