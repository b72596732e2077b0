"""The map in the documentation shows what the import contracts check."""

from __future__ import annotations

from tools import architecture_map


def test_map_is_up_to_date() -> None:
    committed = architecture_map.PAGE.read_text(encoding="utf-8")

    assert committed == architecture_map.page(committed), "run: python tools/architecture_map.py"


def test_map_shows_every_room_and_module_that_a_contract_orders() -> None:
    layers = architecture_map.layers_by_container()
    drawn = architecture_map.chapters(layers)

    assert "dekaf.producer._engine" in layers
    for container, ordered in layers.items():
        for name in (name for layer in ordered for name in layer):
            assert f"{container}.{name}".replace(".", "_") in drawn


def test_arrows_lead_from_each_layer_to_the_next() -> None:
    drawn = architecture_map.drawing("dekaf", {"dekaf": [["a", "b"], ["c", "e"], ["d"]]})

    assert drawn.splitlines() == [
        "```mermaid",
        "flowchart TB",
        "    dekaf_a[a]",
        "    dekaf_b[b]",
        "    dekaf_c[c]",
        "    dekaf_e[e]",
        "    dekaf_d[d]",
        "    dekaf_a & dekaf_b --> dekaf_c",
        "    dekaf_a ~~~ dekaf_e",
        "    dekaf_c & dekaf_e --> dekaf_d",
        "```",
    ]
