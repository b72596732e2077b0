"""Show dekaf at work: a demo that runs by itself, or two shops with a page to play with.

    python -m example_project          the demo, which brings its own Kafka
    python -m example_project shop     the shops, until Ctrl-C

With DEKAF_BOOTSTRAP_SERVERS=localhost:9092 both use your Kafka, with two topics for the time they run.

The demo runs the shop as FastAPI under uvicorn, Django under uvicorn and Django under gunicorn. Orders are placed over
HTTP and read back with confluent-kafka, a client that shares nothing with dekaf. Then each server gets one more order
that nobody waits for, and SIGTERM. The exit code is 0 if every order was read back once and as it was placed.

`shop` is FastAPI and Django to be opened in a browser: order, watch orders arrive from Kafka, stop it, start it again.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from typing import Final

from example_project.demo.failure import DemoError
from example_project.demo.interruption import Interrupted, Interruption
from example_project.demo.printing import Printer

SHARED: Final = ("confluent_kafka", "dependency_injector", "django", "fastapi", "httpx", "uvicorn")
NEEDED_PACKAGES: Final = {
    "demo": ("confluent_kafka", "dependency_injector", "django", "fastapi", "gunicorn", "httpx", "uvicorn"),
    "shop": (
        "confluent_kafka",
        "cryptography",
        "dependency_injector",
        "django",
        "fastapi",
        "httpx",
        "trustme",
        "uvicorn",
    ),
}
FIRST_PORT: Final = 8000


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m example_project",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=("demo", "shop"), default="demo", help="default: demo")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the servers' logs")
    parser.add_argument(
        "--port",
        type=int,
        default=FIRST_PORT,
        metavar="N",
        help=f"of the shop in FastAPI, by default {FIRST_PORT}; Django has the next one. 0: free ones",
    )
    arguments = parser.parse_args()
    what: str = arguments.what
    if not 0 <= arguments.port < 65535:
        parser.error("--port: there are ports from 1 to 65534 for two shops")
    if reason := why_it_cannot_run(what):
        sys.stderr.write(f"{reason}\n")
        return 1
    return run(what, port=arguments.port, verbose=arguments.verbose)


def why_it_cannot_run(what: str) -> str:
    if os.name == "nt":
        return f"The {what} needs signals and processes of POSIX, which Windows does not have. It runs under WSL."
    missing = [name for name in NEEDED_PACKAGES[what] if importlib.util.find_spec(name) is None]
    if missing:
        return (
            f"The {what} needs packages that are not installed: {', '.join(missing)}. `make {what}` installs them, on "
            "Python 3.11 to 3.14: confluent_kafka has no wheel for 3.15 yet."
        )
    return ""


def run(what: str, *, port: int, verbose: bool) -> int:
    failures = Printer(sys.stderr, subject=f"The {what}")
    interruption = Interruption()
    interruption.listen()
    try:
        show(what, interruption, port=port, verbose=verbose)
    except DemoError as error:
        failures.failure(str(error), error.details)
        return 1
    except Interrupted as interrupted:
        if what == "shop":  # there is no other end to it
            Printer().note("Closed. Nothing is left running.")
            return 0
        failures.failure("it was interrupted. Nothing is left running.")
        return interrupted.exit_code
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def show(what: str, interruption: Interruption, *, port: int, verbose: bool) -> None:
    # Only now: without the packages these imports would end in a traceback.
    if what == "shop":
        from example_project.stand.opening import keep_open  # noqa: PLC0415

        keep_open(Printer(), interruption, port=port, verbose=verbose)
    else:
        from example_project.demo.story import tell  # noqa: PLC0415

        tell(Printer(), interruption, verbose=verbose)


if __name__ == "__main__":
    sys.exit(main())
