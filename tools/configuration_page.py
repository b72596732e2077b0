"""Write `docs/configuration.md` from the descriptions in `ProducerConfig`.

python tools/configuration_page.py           writes the page
python tools/configuration_page.py --check   fails if the page is not up to date
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dekaf import ProducerConfig

PAGE: Final = Path(__file__).parents[1] / "docs" / "configuration.md"

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Where, and who": ("bootstrap_servers", "client_id", "start", "backend"),
    "Keys and values": ("key", "value", "partitioner"),
    "Delivery": (
        "acks",
        "enable_idempotence",
        "max_in_flight_requests_per_connection",
        "delivery_timeout_ms",
        "produce_timeout_ms",
        "unavailable_after_ms",
        "request_timeout_ms",
        "retry_backoff_ms",
        "retry_backoff_max_ms",
    ),
    "Batches": ("linger_ms", "batch_size", "compression_type", "compression_level", "max_request_size"),
    "Memory and waiting": ("buffer_memory", "buffer_full", "max_block_ms", "close_timeout_ms"),
    "Connections and metadata": (
        "socket_connection_setup_timeout_ms",
        "connections_max_idle_ms",
        "reconnect_backoff_ms",
        "reconnect_backoff_max_ms",
        "metadata_max_age_ms",
        "metadata_max_idle_ms",
        "metadata_recovery_strategy",
        "metadata_recovery_rebootstrap_trigger_ms",
        "allow_auto_create_topics",
    ),
    "Security": (
        "security_protocol",
        "ssl_cafile",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_key_password",
        "ssl_check_hostname",
        "ssl_context",
        "sasl_mechanism",
        "sasl_username",
        "sasl_password",
        "sasl_oauth_token_provider",
    ),
    "Tokens from an endpoint, or a file": (
        "sasl_oauthbearer_token_endpoint_url",
        "sasl_oauthbearer_client_credentials_client_id",
        "sasl_oauthbearer_client_credentials_client_secret",
        "sasl_oauthbearer_scope",
        "sasl_oauthbearer_header_urlencode",
        "sasl_oauthbearer_extensions",
        "sasl_oauthbearer_assertion_file",
        "sasl_oauthbearer_assertion_private_key_file",
        "sasl_oauthbearer_assertion_private_key_passphrase",
        "sasl_oauthbearer_assertion_algorithm",
        "sasl_oauthbearer_assertion_claim_aud",
        "sasl_oauthbearer_assertion_claim_iss",
        "sasl_oauthbearer_assertion_claim_sub",
        "sasl_oauthbearer_assertion_claim_exp_seconds",
        "sasl_oauthbearer_assertion_claim_nbf_seconds",
        "sasl_oauthbearer_assertion_claim_jti_include",
        "sasl_oauthbearer_assertion_template_file",
    ),
    "Hooks, and exceptions to rules": ("listener", "tracer", "on_undelivered", "allow_blocking_in_loop"),
}

INTRODUCTION: Final = """\
<!-- Written by tools/configuration_page.py from dekaf/producer/config.py and security_config.py. Change it there. -->

# Configuration

Every option of a producer, for the builder (`.with_linger_ms(20)`), as a keyword (`linger_ms=20`) and in a mapping
(`"LINGER_MS": "20"`). Names are Kafka's, with underscores. Numbers and switches may be text. Whatever is wrong is
refused when the producer is made: see [Creating a producer](producer/creating.md).

Options end in `_ms` where they are milliseconds. Timeouts of calls, as in `produce(..., timeout=2.0)`, are seconds.

Where a default differs from the Java client's, it is because a request handler waits at the other end.

Security options that are empty text or None count as not given, so that one settings file serves where there is
security and where there is none. Files are read when a producer is made, not by a configuration.
"""


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    sys.stderr.write(f"{PAGE.name} is not up to date: run python tools/configuration_page.py\n")
    return 1


def page() -> str:
    """Return the page as it should be."""
    grouped = [name for names in GROUPS.values() for name in names]
    if sorted(grouped) != sorted(ProducerConfig.model_fields):
        difference = sorted(set(grouped) ^ set(ProducerConfig.model_fields))
        raise ValueError(f"GROUPS and ProducerConfig differ: {', '.join(difference)}")
    return "\n".join([INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for heading, names in GROUPS.items():
        yield f"## {heading}\n"
        for name in names:
            yield f"### `{name}`\n"
            yield f"{_description(name)}\n"


def _description(name: str) -> str:
    text = ProducerConfig.model_fields[name].description or ""
    # Errors are written in code font, and documented.
    return re.sub(r"\b([A-Z][A-Za-z]+Error)\b", r"[`\1`](errors.md)", text)


if __name__ == "__main__":
    sys.exit(main())
