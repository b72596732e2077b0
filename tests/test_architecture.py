"""The house rules that a machine can check: import contracts, and what every module of dekaf looks like."""

from __future__ import annotations

import ast
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
    acts = {"_fail_locked"}  # counts a failure, and returns it

    assert [
        (path, function.name)
        for path, tree in modules()
        for function in functions_that_return_an_error(tree)
        if not function.name.endswith("_error") and function.name not in makes_itself | acts
    ] == []


def test_every_room_orders_its_modules() -> None:
    """A contract that lists all modules of a folder makes whoever adds one think about its place."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = configuration["tool"]["importlinter"]["contracts"]
    ordered = {container for one in contracts if one.get("exhaustive") for container in one["containers"]}
    adapters = {
        "dekaf.contrib",
        "dekaf.contrib.dependency_injector",
    }  # siblings that do not know each other; one module
    rooms = {".".join(init.parent.relative_to(ROOT).parts) for init in PACKAGE.rglob("__init__.py")}

    assert rooms - ordered == adapters
