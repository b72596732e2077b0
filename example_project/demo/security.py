"""Secure connections by the environment: dekaf's variables for the servers, and the same for the clients that read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from dekaf import DekafError, Producer, ProducerConfig
from example_project.demo.failure import DemoError

PREFIXES: Final = ("DEKAF_SECURITY_", "DEKAF_SSL_", "DEKAF_SASL_")

# What confluent-kafka, which reads, calls the options; a value that is PEM text has another name there.
NAMES: Final = {
    "DEKAF_SECURITY_PROTOCOL": "security.protocol",
    "DEKAF_SSL_CAFILE": "ssl.ca.location",
    "DEKAF_SSL_CERTFILE": "ssl.certificate.location",
    "DEKAF_SSL_KEYFILE": "ssl.key.location",
    "DEKAF_SSL_KEY_PASSWORD": "ssl.key.password",
    "DEKAF_SASL_MECHANISM": "sasl.mechanism",
    "DEKAF_SASL_USERNAME": "sasl.username",
    "DEKAF_SASL_PASSWORD": "sasl.password",
}
PEM_NAMES: Final = {
    "ssl.ca.location": "ssl.ca.pem",
    "ssl.certificate.location": "ssl.certificate.pem",
    "ssl.key.location": "ssl.key.pem",
}


def security_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that say how to connect, and as whom; empty ones count as absent."""
    return {name: value for name, value in environment.items() if name.startswith(PREFIXES) and value}


def options_for_confluent(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the same for confluent-kafka.

    Raises:
        DemoError: it has no counterpart there.
    """
    options: dict[str, str] = {}
    for variable, value in security_variables(environment).items():
        if variable not in NAMES:
            raise DemoError(f"the demo's reader, which is not dekaf, does not know what to do about {variable}")
        name = NAMES[variable]
        is_pem = name in PEM_NAMES and "-----BEGIN" in value
        options[PEM_NAMES[name] if is_pem else name] = value.replace("\\n", "\n") if is_pem else value
    return options


def what_dekaf_says(servers: str, timeout: float) -> str:
    """Return why dekaf cannot use a cluster with the options of the environment; empty if it can."""
    options = {name.removeprefix("DEKAF_"): value for name, value in security_variables().items()}
    try:
        config = ProducerConfig.from_mapping({**options, "BOOTSTRAP_SERVERS": servers})
        with Producer(config=config) as producer:
            producer.check(timeout)
    except DekafError as error:
        return str(error)
    return ""
