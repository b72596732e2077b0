"""Write the map in `docs/architecture.md` from the import contracts in `pyproject.toml`.

python tools/architecture_map.py           writes the map
python tools/architecture_map.py --check   fails if the map is not up to date
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- the map begins: written by tools/architecture_map.py from the contracts in pyproject.toml -->\n"
END: Final = "<!-- the map ends -->\n"

HOUSE: Final = "dekaf"
PRODUCER: Final = "dekaf.producer"
INDENT: Final = "    "


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the map is not up to date")
    is_check = parser.parse_args().check
    committed = PAGE.read_text(encoding="utf-8")
    if not is_check:
        PAGE.write_text(page(committed), encoding="utf-8")
        return 0
    if committed == page(committed):
        return 0
    sys.stderr.write("The map is not up to date: run python tools/architecture_map.py\n")
    return 1


def page(committed: str) -> str:
    """Return the page as it should be, given what is around the map."""
    before, _, rest = committed.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{chapters(layers_by_container())}\n{END}{after}"


def chapters(layers: dict[str, list[list[str]]]) -> str:
    """Return the map: the house with the producer's rooms, then every room whose inside a contract orders."""
    house = {name: layers[name] for name in (HOUSE, PRODUCER)}
    parts = [drawing(HOUSE, house)]
    parts += [
        f"### Inside `{_short(name)}`\n\n{drawing(name, {name: layers[name]})}" for name in layers if name not in house
    ]
    return "\n".join(parts)


def layers_by_container() -> dict[str, list[list[str]]]:
    """Return the layers of every room that has a contract for its inside, from the top: each a list of siblings."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = configuration["tool"]["importlinter"]["contracts"]
    return {
        contract["containers"][0]: [_siblings(layer) for layer in contract["layers"]]
        for contract in contracts
        if contract["type"] == "layers"
    }


def drawing(container: str, layers: dict[str, list[list[str]]]) -> str:
    """Return a Mermaid diagram of one container; those within it that have layers, too, are drawn open."""
    lines = ["```mermaid", "flowchart TB", *_room(container, layers, INDENT), "```"]
    return "\n".join(lines) + "\n"


def _room(name: str, layers: dict[str, list[list[str]]], indent: str) -> Iterator[str]:
    """Draw a room's layers from the top, an arrow from each to the next: it may import that, and all below."""
    for layer in layers[name]:
        for child in layer:
            yield from _child(f"{name}.{child}", child, layers, indent)
    rows = [[f"{_identifier(name)}_{child}" for child in layer] for layer in layers[name]]
    for above, below in itertools.pairwise(rows):
        yield f"{indent}{' & '.join(above)} --> {below[0]}"
        if len(below) > 1:  # beside the first: an arrow to each from each would hide the rooms
            yield f"{indent}{above[0]} ~~~ {' & '.join(below[1:])}"


def _child(path: str, name: str, layers: dict[str, list[list[str]]], indent: str) -> Iterator[str]:
    if path not in layers:
        yield f"{indent}{_identifier(path)}[{name}]"
        return
    yield f"{indent}subgraph {_identifier(path)}[{name}]"
    yield f"{indent}{INDENT}direction TB"
    yield from _room(path, layers, indent + INDENT)
    yield f"{indent}end"


def _siblings(layer: str) -> list[str]:
    """Return the rooms of one layer: `a | b`. One in parentheses need not be there, and is drawn if it is."""
    names = [name.strip() for name in layer.replace(":", "|").split("|")]
    optional = {name for name in names if name.startswith("(")}
    return [name.strip("() ") for name in names if name not in optional or _exists(name.strip("() "))]


def _exists(name: str) -> bool:
    return (ROOT / HOUSE / name).is_dir() or (ROOT / HOUSE / f"{name}.py").is_file()


def _short(name: str) -> str:
    return name.removeprefix(f"{HOUSE}.")


def _identifier(path: str) -> str:
    return path.replace(".", "_")


if __name__ == "__main__":
    sys.exit(main())
