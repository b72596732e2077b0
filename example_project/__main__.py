"""Show dekaf at work: start a Kafka and the same shop on three servers, order, read back, shut down, lose nothing.

    python -m example_project                                           brings its own Kafka, inside this process
    DEKAF_BOOTSTRAP_SERVERS=localhost:9092 python -m example_project    uses yours, with two topics for the time it runs

The shop runs as FastAPI under uvicorn, Django under uvicorn and Django under gunicorn. Orders are placed over HTTP and
read back with confluent-kafka, a client that shares nothing with dekaf. Then each server gets one more order that
nobody waits for, and SIGTERM. The exit code is 0 if every order was read back once and as it was placed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

NEEDED_PACKAGES = ("confluent_kafka", "dependency_injector", "django", "fastapi", "gunicorn", "httpx", "uvicorn")


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m example_project",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show the servers' logs")
    verbose: bool = parser.parse_args().verbose
    if reason := why_it_cannot_run():
        sys.stderr.write(f"{reason}\n")
        return 1
    return run(verbose=verbose)


def why_it_cannot_run() -> str:
    if os.name == "nt":
        return "The demo needs signals and gunicorn, which Windows does not have. It runs under WSL."
    missing = [name for name in NEEDED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return (
            f"The demo needs packages that are not installed: {', '.join(missing)}. `make demo` installs them, on "
            "Python 3.11 to 3.14: confluent_kafka has no wheel for 3.15 yet."
        )
    return ""


def run(*, verbose: bool) -> int:
    # Only now: without the packages these imports would end in a traceback.
    from example_project.demo.failure import DemoError  # noqa: PLC0415
    from example_project.demo.interruption import Interrupted, Interruption  # noqa: PLC0415
    from example_project.demo.printing import Printer  # noqa: PLC0415
    from example_project.demo.story import tell  # noqa: PLC0415

    failures = Printer(sys.stderr)
    interruption = Interruption()
    interruption.listen()
    try:
        tell(Printer(), interruption, verbose=verbose)
    except DemoError as error:
        failures.failure(str(error), error.details)
        return 1
    except Interrupted as interrupted:
        failures.failure("it was interrupted. Nothing is left running.")
        return interrupted.exit_code
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
