"""Check that help in an installed, compiled dekaf is what it is when the same wheel's source runs interpreted.

    python tools/check_help.py              what `help()`, `inspect.signature` and IPython's `?` show
    python tools/check_help.py --with-jedi  what editors show, too; jedi has to be installed

The release runs it on every compiled wheel. What the source says is found out in a process of its own, in which Python
does not see dekaf's machine code.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path
from typing import Any, TypeAlias

PUBLIC_MODULES = ("dekaf", "dekaf.abc", "dekaf.message", "dekaf.partitioning", "dekaf.producer", "dekaf.types")

# What an unfilled docstring reads: typing's for overloads without an implementation, and mypyc's.
FILLERS = ("Helper for @overload to raise when called.", "mypyc filler docstring")

# What somebody types in an editor, and what has to be offered for it.
TYPED = {
    "import dekaf\ndekaf.Producer(key=str).produce(": "topic",
    "import dekaf\nasync def f(p: dekaf.AsyncProducer[str, str]):\n    p.produce(": "topic",
    "import dekaf\ndekaf.ProducerMessage.create(": "topic",
    "from dekaf import Kafka\nKafka.create_producer(str, str).build().for_topic('t').fire(": "on_delivery",
}

# By the name of an object: its docstring, its parameters (name, kind, whether there is a default) if it is callable and
# has any signature, and whether it is a coroutine function.
Help: TypeAlias = dict[str, tuple[str, list[tuple[str, str, bool]] | None, bool]]


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with-jedi", action="store_true")
    parser.add_argument("--print-source", action="store_true", help=argparse.SUPPRESS)  # the process of its own
    arguments = parser.parse_args()
    if arguments.print_source:
        hide_machine_code()
        sys.stdout.write(json.dumps(help_of_all()))
        return 0
    if not importlib.import_module("dekaf").compiled:
        sys.stderr.write("dekaf is interpreted: there is nothing to compare\n")
        return 1
    source = help_from_source()
    problems = [*differences(source, help_of_all()), *(jedi_problems() if arguments.with_jedi else ())]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(f"help of {len(source)} public names compared, {len(problems)} problems\n")
    return int(bool(problems))


def hide_machine_code() -> None:
    """Let Python find nothing but source in dekaf's folders."""
    spec = importlib.util.find_spec("dekaf")
    assert spec is not None
    folder = Path(spec.origin or "").parent

    def find_source(path: str) -> FileFinder:
        if not Path(path).is_relative_to(folder):
            raise ImportError
        return FileFinder(path, (SourceFileLoader, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, find_source)
    sys.path_importer_cache.clear()


def help_from_source() -> Help:
    """Return what the source says, run interpreted."""
    command = [sys.executable, __file__, "--print-source"]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True).stdout
    loaded: Help = json.loads(printed)
    return loaded


def help_of_all() -> Help:
    """Return the help of every public function, and of every public class and what it offers."""
    found: Help = {}
    for module_name in PUBLIC_MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            for path, value in walk(f"{module_name}.{name}", getattr(module, name)):
                found[path] = (inspect.getdoc(value) or "", parameters_of(value), inspect.iscoroutinefunction(value))
    return found


def walk(path: str, value: Any) -> Iterator[tuple[str, object]]:
    """Yield a function or a class; of a class also the methods and properties that dekaf defines."""
    if not inspect.isclass(value):
        if inspect.isroutine(value):  # and not an alias of a type
            yield path, value
        return
    yield path, value
    for owner in inspect.getmro(value):
        for name in list(vars(owner)) if owner.__module__.startswith("dekaf") else ():
            member = inspect.getattr_static(value, name)
            is_property = inspect.isdatadescriptor(member) and not inspect.ismemberdescriptor(member)
            if not name.startswith("_") and (is_property or callable(getattr(value, name))):
                yield f"{path}.{name}", getattr(value, name)


def parameters_of(value: Any) -> list[tuple[str, str, bool]] | None:
    """Return parameters without `self`, which builtin methods only take by position."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):  # not callable; or without a signature
        return None
    return [(item.name, item.kind.name, item.default is not item.empty) for item in parameters if item.name != "self"]


def differences(source: Help, compiled: Help) -> Iterator[str]:
    """Yield a line per thing that the compiled build does not tell as the source does."""
    for path, (doc, parameters, is_coroutine) in source.items():
        if not doc or doc in FILLERS:
            yield f"{path}: the source has no docstring"
        found = compiled.get(path)
        if found is None:
            yield f"{path}: not there"
            continue
        if found[0] != doc:
            yield f"{path}: the docstring begins with {found[0][:60]!r}, not {doc[:60]!r}"
        if found[1:] != (as_tuples(parameters), is_coroutine):
            yield f"{path}: the signature is {found[1:]}, not {(parameters, is_coroutine)}"


def as_tuples(parameters: list[tuple[str, str, bool]] | None) -> list[tuple[str, str, bool]] | None:
    """Undo what JSON did."""
    return None if parameters is None else [(name, kind, default) for name, kind, default in parameters]


def jedi_problems() -> Iterator[str]:
    """Yield a line per call for which an editor offers no parameters."""
    import jedi  # noqa: PLC0415 - only this part needs it

    for code, parameter in TYPED.items():
        signatures = jedi.Script(code).get_signatures()
        if not any(parameter in {found.name for found in signature.params} for signature in signatures):
            yield f"jedi offers no {parameter!r} after {code!r}, but {[found.to_string() for found in signatures]}"


if __name__ == "__main__":
    sys.exit(main())
