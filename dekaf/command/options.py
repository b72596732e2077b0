"""The options of the command's producer: from the environment, a file, and arguments, which win."""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from dekaf.environment import BETWEEN, PREFIX, registry_of_environment
from dekaf.errors import ConfigurationError
from dekaf.producer import ProducerConfig
from dekaf.producer.options import ProducerOptions
from dekaf.registry import DEFAULT_ALIAS, ProducerRegistry

__all__ = ("add_options", "config_of", "of_properties", "sources_of")

_NOTHING_SAID: Final = {"bootstrap_servers": "localhost:9092"}
_TOML: Final = ".toml"
_SECRET_ENDINGS: Final = ("password", "secret", "passphrase")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how to connect, and as whom."""
    group = parser.add_argument_group("connection")
    group.add_argument(
        "-b",
        "--bootstrap-servers",
        metavar="HOST:PORT[,…]",
        help=f"brokers to begin with; default: {PREFIX}BOOTSTRAP_SERVERS, or localhost:9092",
    )
    group.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="options in a file: TOML with dekaf's names, or lines `name=value` with those of Kafka, as for kcat",
    )
    group.add_argument(
        "-X",
        dest="options",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="an option of dekaf's, such as security_protocol=SASL_SSL; may be repeated. No secrets: other users of "
        f"the machine see arguments. Those belong into FILE, or {PREFIX}SASL_PASSWORD",
    )
    group.add_argument("--alias", default=DEFAULT_ALIAS, help="of the producer, where many are configured")


def config_of(arguments: argparse.Namespace, **fixed: Any) -> ProducerConfig:
    """Return what the environment, the file and the arguments say.

    Args:
        arguments: Those that `add_options` added.
        fixed: Options of the command's own, where nothing else sets them.

    Raises:
        ConfigurationError: Something of it is wrong.
    """
    given: dict[str, Any] = dict(arguments.options)
    if arguments.bootstrap_servers is not None:
        given["bootstrap_servers"] = arguments.bootstrap_servers
    base = _base(arguments)
    if base is None:
        return ProducerConfig.from_mapping({**_NOTHING_SAID, **fixed, **given}, source="the command line")
    missing = {name: value for name, value in fixed.items() if name not in base.model_fields_set}
    return base.with_options(**cast("ProducerOptions", {**missing, **given}))


def sources_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return where each option comes from that the environment, the file or an argument says.

    Args:
        arguments: Those that `add_options` added.

    Raises:
        ConfigurationError: Something of it is wrong.
    """
    base = _base(arguments)
    found: dict[str, str] = {}
    for name in () if base is None else base.model_fields_set:
        found[name] = str(arguments.config) if arguments.config is not None else _variable(arguments.alias, name)
    found.update({name: f"-X {name}" for name, _ in arguments.options})
    if arguments.bootstrap_servers is not None:
        found["bootstrap_servers"] = "-b"
    return found


def of_properties(text: str) -> dict[str, str]:
    """Return the options in lines `name=value`; empty lines and those after `#` are nothing.

    Raises:
        ConfigurationError: A line has no `=`.
    """
    return dict(_properties(text))


def _base(arguments: argparse.Namespace) -> ProducerConfig | None:
    path: Path | None = arguments.config
    if path is None:
        registry = registry_of_environment()
        return None if registry is None else registry.config(arguments.alias)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--config {path}: {error}") from error
    if path.suffix == _TOML:
        return ProducerRegistry(_of_toml(path, text), source=str(path)).config(arguments.alias)
    try:
        options = of_properties(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"--config {path}: {error}") from error
    return ProducerConfig.from_confluent(options)


def _variable(alias: str, name: str) -> str:
    """Return the variable that an option comes from: the alias's own, or else the one for all."""
    own = f"{PREFIX}{alias}{BETWEEN}{name}".upper()
    return own if own in map(str.upper, os.environ) else f"{PREFIX}{name}".upper()


def _of_toml(path: Path, text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"--config {path}: {error}") from error


def _properties(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator:
            raise ConfigurationError(f"line {number} is not `name=value`.")
        yield name.strip(), value.strip()


def _option(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("it is not NAME=VALUE, as in linger_ms=20")
    name = name.strip().lower()
    if name.endswith(_SECRET_ENDINGS):
        raise argparse.ArgumentTypeError(
            f"{name} is a secret, which other users of the machine would see: put it into a file, or set "
            f"{PREFIX}{name.upper()} in the environment"
        )
    return name, value
