"""Options of aiokafka and kafka-python, which have most names in common.

https://aiokafka.readthedocs.io/en/stable/api.html, https://kafka-python.readthedocs.io/en/master/apidoc/KafkaProducer.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from dekaf.producer.masked import Masked, masked, unmasked
from dekaf.producer.translation.rules import LEFT_OUT, SKIPPED, Becomes, Refused, Rule, Translation, translate
from dekaf.producer.translation.serializers import serializer
from dekaf.producer.translation.tokens import TextTokens
from dekaf.producer.translation.values import check_hostname_of, retries, rounded_up, servers

__all__ = ("AIOKAFKA_RULES", "KAFKA_PYTHON_RULES", "aiokafka_translated", "kafka_python_translated")

_CONTEXT: Final = Refused("give an ssl_context that does so", settled_by=("ssl_context",))
_PROXY: Final = Refused("proxies are not supported")


def _partitioner(value: Any) -> object:
    """Return nothing for their default, which places keys as ours does."""
    kind = value if isinstance(value, type) else type(value)
    if kind.__name__ == "DefaultPartitioner" and kind.__module__.split(".")[0] in {"aiokafka", "kafka"}:
        return SKIPPED
    raise ValueError(
        "is called otherwise here, and another one would move keys: give partitioner=, an object with a method "
        "partition(topic, key, partition_count)"
    )


def _provider(value: Any) -> object:
    if not callable(getattr(value, "token", None)):
        raise ValueError("must be an object with a method token()")  # noqa: TRY004 - a check
    return TextTokens(value)


_IN_COMMON: Final[dict[str, Rule]] = {
    "bootstrap_servers": Becomes("bootstrap_servers", servers),
    "client_id": Becomes("client_id"),
    "key_serializer": Becomes("key", serializer),
    "value_serializer": Becomes("value", serializer),
    "acks": Becomes("acks"),
    "enable_idempotence": Becomes("enable_idempotence"),
    "linger_ms": Becomes("linger_ms", rounded_up),
    "compression_type": Becomes("compression_type"),
    "max_request_size": Becomes("max_request_size"),
    "partitioner": Becomes("partitioner", _partitioner),
    "request_timeout_ms": Becomes("request_timeout_ms"),
    "retry_backoff_ms": Becomes("retry_backoff_ms"),
    "metadata_max_age_ms": Becomes("metadata_max_age_ms"),
    "connections_max_idle_ms": Becomes("connections_max_idle_ms"),
    "security_protocol": Becomes("security_protocol"),
    "ssl_context": Becomes("ssl_context"),
    "sasl_mechanism": Becomes("sasl_mechanism"),
    "sasl_plain_username": Becomes("sasl_username"),
    "sasl_plain_password": Becomes("sasl_password"),
    "sasl_oauth_token_provider": Becomes("sasl_oauth_token_provider", _provider),
    "sasl_kerberos_domain_name": LEFT_OUT,
    "sasl_kerberos_service_name": LEFT_OUT,
    "api_version": LEFT_OUT,
    "transactional_id": Refused("transactions are not supported yet"),
    "transaction_timeout_ms": LEFT_OUT,
}

AIOKAFKA_RULES: Final[Mapping[str, Rule]] = {
    **_IN_COMMON,
    "max_batch_size": Becomes("batch_size"),
    "loop": LEFT_OUT,
}

_TUNING: Final = (
    *("api_version_auto_timeout_ms", "bootstrap_timeout_ms", "client_dns_lookup", "kafka_client"),
    *("metric_group_prefix", "metric_reporters", "metrics_enabled", "metrics_num_samples"),
    *("metrics_sample_window_ms", "receive_buffer_bytes", "receive_message_max_bytes", "sasl_kerberos_name"),
    *("selector", "send_buffer_bytes", "sock_chunk_buffer_count", "sock_chunk_bytes", "socket_options"),
    *("state_change_callback",),
)

KAFKA_PYTHON_RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(_TUNING, LEFT_OUT),
    **_IN_COMMON,
    "batch_size": Becomes("batch_size"),
    "buffer_memory": Becomes("buffer_memory"),  # up to version 2
    "max_block_ms": Becomes("max_block_ms"),
    "delivery_timeout_ms": Becomes("delivery_timeout_ms"),
    "max_in_flight_requests_per_connection": Becomes("max_in_flight_requests_per_connection"),
    "reconnect_backoff_ms": Becomes("reconnect_backoff_ms"),
    "reconnect_backoff_max_ms": Becomes("reconnect_backoff_max_ms"),
    "allow_auto_create_topics": Becomes("allow_auto_create_topics"),
    "retries": Becomes("delivery_timeout_ms", retries),
    "ssl_cafile": Becomes("ssl_cafile"),
    "ssl_certfile": Becomes("ssl_certfile"),
    "ssl_keyfile": Becomes("ssl_keyfile"),
    "ssl_password": Becomes("ssl_key_password"),
    "ssl_check_hostname": Becomes("ssl_check_hostname", check_hostname_of),
    "ssl_ciphers": _CONTEXT,
    "ssl_crlfile": _CONTEXT,
    "proxy_url": _PROXY,
    "socks5_proxy": _PROXY,
}


def aiokafka_translated(mapping: Masked, overrides: Collection[str]) -> Translation:
    """Translate the keywords of `aiokafka.AIOKafkaProducer`, whose default mechanism is PLAIN.

    Args:
        mapping: The keywords.
        overrides: Our options that the application gives beside.
    """
    translation = translate(mapping, AIOKAFKA_RULES, overrides)
    options = translation.options
    logs_in = str(unmasked(options.get("security_protocol", ""))).strip().upper().startswith("SASL_")
    if logs_in and "sasl_mechanism" not in overrides:
        options.setdefault("sasl_mechanism", masked("PLAIN"))
    elif not logs_in and unmasked(options.get("sasl_mechanism")) == "PLAIN":
        del options["sasl_mechanism"]
    return translation


def kafka_python_translated(mapping: Masked, overrides: Collection[str]) -> Translation:
    """Translate the keywords of `kafka.KafkaProducer`.

    Args:
        mapping: The keywords.
        overrides: Our options that the application gives beside.
    """
    return translate(mapping, KAFKA_PYTHON_RULES, overrides)
