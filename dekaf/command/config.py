"""`dekaf config`: what a configuration comes to, and what another client's does."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

from dekaf.command.manual import add_command
from dekaf.command.options import add_options, arguments_of, config_of, given_of, of_properties, sources_of
from dekaf.command.terminal import Canvas, canvas_on
from dekaf.errors import ConfigurationError
from dekaf.producer import Producer, ProducerConfig

__all__ = ("add_parser",)

_CLIENTS: Final[dict[str, Callable[..., ProducerConfig]]] = {
    "confluent": ProducerConfig.from_confluent,
    "aiokafka": ProducerConfig.from_aiokafka,
    "kafka-python": ProducerConfig.from_kafka_python,
}

_DESCRIPTION: Final = (
    "Say whether a configuration is valid, and print the options that are not at their defaults, as TOML; secrets are "
    "left out; with rich, on a terminal, as a table that says where each comes from. Nothing is connected."
)
_NOWHERE: Final = "localhost:9092"  # nothing is connected
_DEFAULT: Final = "default"
_NOT_SHOWN: Final = "set, and not shown"
_EXAMPLES: Final = """
dekaf config -c kafka.toml
dekaf config --from confluent theirs.properties > kafka.toml
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser = add_command(
        commands,
        "config",
        "validate and show a configuration, or translate another client's",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument("--all", action="store_true", help="print the defaults, too, as comments")
    parser.add_argument(
        "--from",
        dest="client",
        choices=tuple(_CLIENTS),
        metavar="CLIENT",
        help="translate the configuration of confluent (the names of Kafka and librdkafka), aiokafka or kafka-python",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="with --from: what to translate, JSON or lines `name=value`"
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a configuration.

    Raises:
        ConfigurationError: It is not valid.
    """
    if arguments.client is None and arguments.file is not None:
        raise ConfigurationError(
            f"{arguments.file}: whose configuration is it? --from CLIENT takes another client's, -c FILE ours."
        )
    config = config_of(arguments) if arguments.client is None else _translated(arguments)
    Producer.from_config(config.with_options(start="lazy"))  # what only a producer finds, such as an extra that misses
    canvas = canvas_on(sys.stdout)
    if canvas is None:
        for line in _lines(config, with_defaults=arguments.all):
            print(line)
    else:
        _draw(canvas, config, arguments)
    return 0


def _draw(canvas: Canvas, config: ProducerConfig, arguments: argparse.Namespace) -> None:
    if arguments.client is None:
        sources = sources_of(arguments)
    else:
        sources = dict.fromkeys(config.model_fields_set, str(arguments.file)) | arguments_of(arguments)
    table = canvas.table("option", "value", "comes from")
    for name, value, is_default in _effective(config):
        if arguments.all or not is_default:
            table.add(name, _cell(value), sources.get(name, _DEFAULT))
    table.end()


def _translated(arguments: argparse.Namespace) -> ProducerConfig:
    path: Path | None = arguments.file
    if path is None or arguments.config is not None:
        raise ConfigurationError(
            f"--from {arguments.client} needs the FILE to translate, without -c: `dekaf config --from "
            f"{arguments.client} FILE`."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return _CLIENTS[arguments.client](_options_of(path, text), **given_of(arguments))


def _options_of(path: Path, text: str) -> Mapping[str, Any]:
    try:
        if not text.lstrip().startswith(("{", "[")):
            return of_properties(text)
        given: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    if not isinstance(given, dict):
        raise ConfigurationError(f"{path}: it is no object of names and values.")
    return given


def _effective(config: ProducerConfig) -> Iterator[tuple[str, object, bool]]:
    """Yield each option's name, its value, and whether that is the default."""
    defaults = ProducerConfig(bootstrap_servers=_NOWHERE)
    for name, value in config.model_dump().items():
        yield name, value, value == getattr(defaults, name) and name != "bootstrap_servers"


def _lines(config: ProducerConfig, *, with_defaults: bool) -> Iterator[str]:
    for name, value, is_default in _effective(config):
        if is_default and not with_defaults:
            continue
        shown = _toml(value)
        if is_default:
            yield f"# {name}: {'none' if shown is None else shown}"
        elif shown is None:
            yield f"# {name}: {_NOT_SHOWN}"
        else:
            yield f"{name} = {shown}"


def _cell(value: object) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "none"
    if isinstance(value, (tuple, list)) and all(type(one) is str for one in value):
        return ", ".join(value)
    return _toml(value) or _NOT_SHOWN


def _toml(value: object) -> str | None:
    """Return a value as TOML writes it; None for what it cannot, secrets included."""
    if isinstance(value, Enum):
        value = value.name.lower()
    if isinstance(value, bool):
        return str(value).lower()
    if type(value) in {int, float}:
        return str(value)
    if type(value) is str:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (tuple, list)):
        shown = [_toml(one) for one in value]
        return None if None in shown else f"[{', '.join(map(str, shown))}]"
    return None
