"""What a configuration means for the engine: options become settings of its rooms, milliseconds become seconds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

from dekaf._network.client import NetworkSettings
from dekaf._network.connection import ConnectionSettings
from dekaf._network.security import SecuritySettings
from dekaf._record.compression import codec_for
from dekaf._security.sasl_options import SaslOptions
from dekaf._security.tls_contexts import TlsContexts
from dekaf._version import __version__
from dekaf.producer._buffer.accumulator import BufferLimits
from dekaf.producer._engine.batch_selector import SelectionRules
from dekaf.producer._engine.completion import RetrySettings
from dekaf.producer._engine.engine import EngineSettings
from dekaf.producer._engine.sender import SenderSettings
from dekaf.producer.config import ProducerConfig

LONGEST_AFTER_REFUSAL: Final = 10.0  # seconds between two attempts to come in where we were refused


def engine_settings(config: ProducerConfig) -> EngineSettings:
    """Return an engine's settings; imports the codec's package, and makes the partitioner.

    Raises:
        ConfigurationError: The codec's package is missing. What the making of a partitioner raises is not caught.
    """
    backoff = exponential_backoff(config.retry_backoff_ms / 1000.0, config.retry_backoff_max_ms / 1000.0)
    request_timeout = config.request_timeout_ms / 1000.0
    rules = SelectionRules(
        config.linger_ms / 1000.0,
        config.max_request_size,
        config.max_in_flight_requests_per_connection,
        is_idempotent=config.idempotence,
    )
    return EngineSettings(
        bootstrap=config.bootstrap_endpoints,
        network=NetworkSettings(
            ConnectionSettings(
                config.client_id, __version__, request_timeout, config.socket_connection_setup_timeout_ms / 1000.0
            ),
            _security(config),
            exponential_backoff(config.reconnect_backoff_ms / 1000.0, config.reconnect_backoff_max_ms / 1000.0),
            exponential_backoff(
                config.reconnect_backoff_ms / 1000.0,
                max(config.reconnect_backoff_max_ms / 1000.0, LONGEST_AFTER_REFUSAL),
            ),
            math.inf if config.connections_max_idle_ms < 0 else config.connections_max_idle_ms / 1000.0,
            returns_to_bootstrap=config.metadata_recovery_strategy == "rebootstrap",
        ),
        sender=SenderSettings(
            int(config.acks), request_timeout, RetrySettings(config.delivery_timeout_ms / 1000.0, backoff), rules
        ),
        limits=BufferLimits(config.batch_size, config.buffer_memory, config.max_request_size),
        codec=codec_for(config.compression_type, config.compression_level),
        partitioner=config.create_partitioner(),
        max_block=config.max_block_ms / 1000.0,
        unavailable_after=math.inf if config.unavailable_after_ms is None else config.unavailable_after_ms / 1000.0,
        call_timeout=config.produce_timeout_ms / 1000.0,
        metadata_max_age=config.metadata_max_age_ms / 1000.0,
        rebootstrap_after=_rebootstrap_after(config),
        metadata_max_idle=config.metadata_max_idle_ms / 1000.0,
        allow_auto_create_topics=config.allow_auto_create_topics,
    )


def _rebootstrap_after(config: ProducerConfig) -> float:
    if config.metadata_recovery_strategy == "none":
        return math.inf
    return config.metadata_recovery_rebootstrap_trigger_ms / 1000.0


def _security(config: ProducerConfig) -> SecuritySettings:
    """Return what connections need; the files that options name are read here, when a producer for Kafka is made.

    The other backends make no connection, and production's settings must do in tests, where such files are not.
    """
    if config.backend != "kafka":
        return SecuritySettings(None, None)
    options = config.create_security_options()
    sasl = options.sasl
    if sasl is not None and sasl.oidc is not None:
        # Not above: importing an HTTP client takes longer than most of dekaf, and few need it.
        from dekaf._oidc.token_source import OidcTokens  # noqa: PLC0415

        cafile = None if options.tls is None else options.tls.cafile
        tokens = OidcTokens(sasl.oidc, cafile, config.request_timeout_ms / 1000.0)
        sasl = SaslOptions(sasl.mechanism, token_provider=tokens, oidc=sasl.oidc)
    return SecuritySettings(None if options.tls is None else TlsContexts(options.tls, config.client_id), sasl)


def exponential_backoff(initial: float, longest: float) -> Callable[[int], float]:
    """Return the wait before attempt n + 1, doubling from `initial` seconds, with 20 % of jitter (KIP-580)."""

    def backoff(attempt: int) -> float:
        doubled = initial * 2.0 ** min(attempt - 1, 30)  # beyond, the longest wait has long been reached
        return float(min(longest, doubled * random.uniform(0.8, 1.2)))

    return backoff
