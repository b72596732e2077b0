"""The house rules that a machine can check: import contracts, and what every module of dekaf looks like."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dekaf"

# A file with such a name has no subject; what lands in it belongs to a room that has one.
NAMES_WITHOUT_A_SUBJECT = {"common", "helper", "helpers", "misc", "util", "utils"}

# mypyc puts an underscore before an attribute's name, and with two of them these are keywords of gcc and clang.
KEYWORDS_OF_C = {
    *("alignof", "asm", "attribute", "auto_type", "complex", "const", "extension", "func", "imag", "inline", "int128"),
    *("label", "null", "real", "restrict", "signed", "thread", "typeof", "volatile"),
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_docstring_only(tree: ast.Module) -> bool:
    return len(tree.body) == 1 and ast.get_docstring(tree) is not None


def imports_from_future(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )


def names_type_checking(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING")
        or (isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING")
        or (isinstance(node, ast.alias) and node.name == "TYPE_CHECKING")
        for node in ast.walk(tree)
    )


@functools.cache
def compiled_paths() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]["include"]
    return {str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern.lstrip("/"))}


def attributes(tree: ast.Module) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


def test_import_contracts_are_kept() -> None:
    # A process of its own: the linter's logging configuration silences every logger that exists by then.
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_begins_with_a_docstring() -> None:
    assert [path for path, tree in modules() if not ast.get_docstring(tree)] == []


def test_docstrings_have_the_sections_of_googles_style() -> None:
    """`Args:`, `Returns:`, `Raises:`, in everything that is read here; one style, which renderers know."""
    folders = [ROOT / name for name in ("dekaf", "tests", "tools", "benchmarks", "example_project")]
    other_style = re.compile(r"^\s*(:(param|returns?|raises)\b.*:|Parameters:)", re.MULTILINE)
    kinds = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    documented = {
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}": ast.get_docstring(node) or ""
        for folder in folders
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, kinds)
    }

    assert len(documented) > 1000
    assert [place for place, text in documented.items() if other_style.search(text)] == []


def test_every_module_postpones_its_annotations() -> None:
    assert [path for path, tree in modules() if not is_docstring_only(tree) and not imports_from_future(tree)] == []


def test_no_module_imports_for_the_type_checker_alone() -> None:
    assert [path for path, tree in modules() if names_type_checking(tree)] == []


def test_every_module_is_named_after_a_subject() -> None:
    parts = {path: Path(path).with_suffix("").parts for path, _ in modules()}

    assert [path for path, names in parts.items() if NAMES_WITHOUT_A_SUBJECT & {n.strip("_") for n in names}] == []


def test_no_attribute_becomes_a_keyword_in_machine_code() -> None:
    forbidden = {f"_{keyword}" for keyword in KEYWORDS_OF_C}
    compiled = compiled_paths()
    found = {path: attributes(tree) & forbidden for path, tree in modules() if path in compiled}

    assert "dekaf/types.py" in found
    assert {path: names for path, names in found.items() if names} == {}


def test_no_compiled_coroutine_waits_while_it_handles_an_exception() -> None:
    """One that is never resumed leaves the exception behind in its thread, as the context of all later ones."""
    waiting = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        if path in compiled_paths()
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler)
        for node in ast.walk(handler)
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.AsyncWith | ast.AsyncFor)
    ]

    assert waiting == []


def test_machine_code_compares_no_more_than_two_numbers_at_once() -> None:
    """`min` and `max` of two are a comparison; of three, mypyc makes objects of all, calls Python, and undoes it."""
    calls = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        if path in compiled_paths()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"min", "max"}
        if len(node.args) > 2
    ]

    assert calls == []


def test_constants_of_machine_code_are_written_out() -> None:
    """One that is a tuple made of others with a star is never set by mypyc: whoever reads it gets a NameError."""
    starred = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        if path in compiled_paths()
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Tuple)
        if any(isinstance(element, ast.Starred) for element in node.value.elts)
    ]

    assert starred == []


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ("from typing import TYPE_CHECKING", True),
        ("import typing\nif typing.TYPE_CHECKING: pass", True),
        ("import typing as t\nif t.TYPE_CHECKING: pass", True),
        ("from typing import Final", False),
    ],
)
def test_type_checking_is_found_in_every_spelling(source: str, is_found: bool) -> None:
    assert names_type_checking(ast.parse(source)) is is_found


def functions_that_return_an_error(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            kind = ast.unparse(node.returns).split("[")[0].split(".")[-1]
            if kind.isidentifier() and kind.endswith(("Error", "Exception")) and kind != "BaseException":
                yield node


def test_functions_that_make_an_error_say_so() -> None:
    """A call that makes an exception without raising it looks like one that acts, unless its name tells."""
    makes_itself = {"of", "derive"}  # constructors of an error's own class

    assert [
        (path, function.name)
        for path, tree in modules()
        for function in functions_that_return_an_error(tree)
        if not function.name.endswith("_error") and function.name not in makes_itself
    ] == []


def test_every_room_orders_its_modules() -> None:
    """A contract that lists all modules of a folder makes whoever adds one think about its place."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = configuration["tool"]["importlinter"]["contracts"]
    ordered = {container for one in contracts if one.get("exhaustive") for container in one["containers"]}
    adapters = {
        "dekaf.contrib",
        "dekaf.contrib.dependency_injector",
        "dekaf.contrib.django.management",
        "dekaf.contrib.django.management.commands",
    }  # siblings that do not know each other; one module; Django's own order
    rooms = {".".join(init.parent.relative_to(ROOT).parts) for init in PACKAGE.rglob("__init__.py")}

    assert rooms - ordered == adapters


# Tests mirror modules: those of dekaf/_wire/reader.py are in tests/unit/wire/test_reader.py.

# Modules without such a file, and where their tests are instead.
TESTED_ELSEWHERE = {
    "dekaf/_security/exchange.py": "an interface: each mechanism has its tests",
    "dekaf/_security/sasl_options.py": "values without a decision: tested with what reads them",
    "dekaf/__main__.py": "one call: tests/unit/command/test_fake.py runs it",
    "dekaf/contrib/django/urls.py": "three paths: test_probes.py asks for them",
    "dekaf/contrib/opentelemetry/ended_counters.py": "test_instruments.py, where producers come and go",
    "dekaf/contrib/opentelemetry/instrumentation.py": "what switches the rest on: all tests beside it go through it",
    "dekaf/contrib/opentelemetry/tracers.py": "test_spans.py, through instrument()",
    "dekaf/contrib/prometheus/targets.py": "values by name: test_collector.py",
    "dekaf/_version.py": "a constant: tests/packaging finds it in the distributions",
    "dekaf/producer/_core/core.py": "joins what has tests of its own: every scenario goes through it",
    "dekaf/producer/_core/faces.py": "how one face makes the other: as_async() and as_sync() in the tests of both",
    "dekaf/producer/_engine/engine.py": "a thread and a cluster: tests/scenarios, tests/concurrency",
    "dekaf/producer/_engine/interface.py": "a protocol: the type checker holds both engines against it",
    "dekaf/producer/options.py": "checks of single options, all of which go through ProducerConfig: test_config.py",
    **dict.fromkeys(
        (
            f"dekaf/producer/translation/{name}.py"
            for name in ("adjustments", "clients", "confluent_rules", "rules", "values")
        ),
        "what the tables of each client are made of: test_confluent.py, test_python_clients.py",
    ),
    **dict.fromkeys(
        (f"dekaf/testing/{name}.py" for name in ("expectation", "topic_messages")),
        "what assertions of the fixture are made of: test_kafka_fixture.py",
    ),
    "dekaf/testing/answers.py": "read by other clients in test_broker_apis.py and test_broker_versions.py",
}

# Tests of units that are about no single module.
ABOUT_SEVERAL = {
    "tests/contrib/django/test_secrets.py": "whatever Django shows of the settings",
    "tests/contrib/django/test_values.py": "types in the encoder and the responses of Django",
    "tests/contrib/django/test_ways_in.py": "security options by every way in, of which Django's needs a project",
    "tests/contrib/opentelemetry/test_exporters.py": "the SDK's exporters, as they fail and fork",
    "tests/contrib/opentelemetry/test_requests.py": "one trace through FastAPI, and through Django",
    "tests/contrib/opentelemetry/test_spans.py": "spans, from instrument() to the exporter",
    "tests/contrib/prometheus/test_dashboards.py": "the folder dashboards, which no module reads",
    "tests/contrib/test_states.py": "probes and endpoints of both frameworks, by the state of the producer",
    "tests/unit/oidc/test_login.py": "a login whose tokens come from an endpoint",
    "tests/unit/producer/test_bad_input.py": "both faces, the builder and the registry refuse the same",
    "tests/unit/protocol/test_hostile_responses.py": "every response in every version",
    "tests/unit/producer/engine/test_growth.py": "how the work of all of them grows",
    "tests/unit/test_other_platforms.py": "the package without fork and uvloop",
    "tests/unit/test_start_up.py": "what a process imports, of all modules",
    "tests/unit/testing/test_exports.py": "the names of dekaf.testing, which are imported late",
    "tests/unit/testing/test_fake_sasl_answers.py": "what a real broker is asked, too: tests/broker",
    "tests/unit/testing/test_other_clients.py": "other people's clients at the fake cluster",
}
NO_PART_OF_DEKAF = {"benchmarks", "certificates", "oauth", "tools"}  # folders of tests/unit


def mirror_of(module: Path) -> Path:
    """Return where the tests of a module belong."""
    *rooms, name = [part.strip("_") for part in module.relative_to(PACKAGE).with_suffix("").parts]
    base = ROOT / "tests" if rooms[:1] == ["contrib"] else ROOT / "tests" / "unit"
    return base.joinpath(*rooms, f"test_{name}.py")


def mirrored_modules() -> dict[str, str]:
    """Return the modules with code, each with the file its tests belong in."""
    paths = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    return {str(path.relative_to(ROOT)): str(mirror_of(path).relative_to(ROOT)) for path in paths}


def test_every_module_has_tests_of_its_own_or_a_reason() -> None:
    without = {module for module, tests in mirrored_modules().items() if not (ROOT / tests).exists()}

    assert without == set(TESTED_ELSEWHERE)


def test_every_file_of_unit_tests_is_about_one_module_or_has_a_reason() -> None:
    unit, contrib = ROOT / "tests" / "unit", ROOT / "tests" / "contrib"
    files = [
        path
        for path in (*unit.rglob("test_*.py"), *contrib.rglob("test_*.py"))
        if path.relative_to(ROOT).parts[2] not in NO_PART_OF_DEKAF
    ]

    assert {str(path.relative_to(ROOT)) for path in files} - set(mirrored_modules().values()) == set(ABOUT_SEVERAL)
