"""What becomes of the options of confluent-kafka, which are librdkafka's and a few of its own.

https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dekaf.producer.translation.rules import LEFT_OUT, SKIPPED, Becomes, Refused, Rule
from dekaf.producer.translation.values import (
    check_hostname_of,
    forever_if_zero,
    kibibytes,
    never_if_zero,
    retries,
    rounded_up,
    servers,
    unless_negative,
)

__all__ = ("ASSERTION", "CLIENT_ID", "CLIENT_SECRET", "ENDPOINT", "RULES")

_CONTEXT: Final = Refused("give an ssl_context that does so", settled_by=("ssl_context",))
_PKCS12: Final = Refused(
    "PKCS#12 is not read: openssl pkcs12 -nodes writes PEM, for ssl_certfile",
    settled_by=("ssl_certfile", "ssl_context"),
)
_IN_C: Final = Refused("is for programs in C", settled_by=("ssl_context",))
_CALLBACK: Final = Refused(
    "outcomes are told by fire(..., on_delivery=...), or to a listener", settled_by=("listener",)
)
_PROVIDER: Final = ("sasl_oauth_token_provider",)
_KEY: Final = Refused("give key=, a type or a serializer", settled_by=("key",))
_VALUE: Final = Refused("give value=, a type or a serializer", settled_by=("value",))
_HTTPS_CA: Final = Refused(
    "endpoints are verified by ssl_cafile and the system's authorities: give an ssl_cafile that holds these, too",
    harmless=("probe", ""),
    settled_by=("ssl_cafile",),
)

_PARTITIONERS: Final = {
    "consistent_random": "consistent_random",
    "murmur2_random": "murmur2",
}


def _partitioner(value: Any) -> object:
    name = value.strip() if isinstance(value, str) else ""
    if name not in _PARTITIONERS:
        raise ValueError(
            "has no counterpart, and another one would move keys: give partitioner=, an object with a method "
            "partition(topic, key, partition_count)"
        )
    return _PARTITIONERS[name]


def _unless_probe(value: Any) -> object:
    """Return the authorities' path; `probe` looks for the system's, which are the default."""
    unchanged: object = value
    return SKIPPED if value == "probe" else unchanged


def _unless_inherit(value: Any) -> object:
    unchanged: object = value
    return SKIPPED if value == "inherit" else unchanged


ENDPOINT: Final = "sasl_oauthbearer_token_endpoint_url"
CLIENT_ID: Final = "sasl_oauthbearer_client_credentials_client_id"
CLIENT_SECRET: Final = "sasl_oauthbearer_client_credentials_client_secret"
ASSERTION: Final = "sasl_oauthbearer_assertion_"

_SECURITY: Final[dict[str, Rule]] = {
    "security.protocol": Becomes("security_protocol"),
    "ssl.ca.location": Becomes("ssl_cafile", _unless_probe),
    "ssl.ca.pem": Becomes("ssl_cafile"),
    "ssl.certificate.location": Becomes("ssl_certfile"),
    "ssl.certificate.pem": Becomes("ssl_certfile"),
    "ssl.key.location": Becomes("ssl_keyfile"),
    "ssl.key.pem": Becomes("ssl_keyfile"),
    "ssl.key.password": Becomes("ssl_key_password"),
    "ssl.endpoint.identification.algorithm": Becomes("ssl_check_hostname", check_hostname_of),
    "enable.ssl.certificate.verification": Refused(
        "certificates are always verified: give ssl_cafile for an authority of your own, or an ssl_context",
        harmless=("true", "1", "t"),
        settled_by=("ssl_context",),
    ),
    "https.ca.location": _HTTPS_CA,
    "https.ca.pem": _HTTPS_CA,
    "ssl.ca.certificate.stores": Refused(_CONTEXT.remedy, harmless=("root",), settled_by=("ssl_context",)),
    "ssl.certificate.verify_cb": _CONTEXT,
    "ssl.cipher.suites": _CONTEXT,
    "ssl.crl.location": _CONTEXT,
    "ssl.curves.list": _CONTEXT,
    "ssl.engine.id": Refused(_CONTEXT.remedy, harmless=("dynamic",), settled_by=("ssl_context",)),
    "ssl.engine.location": _CONTEXT,
    "ssl.providers": _CONTEXT,
    "ssl.sigalgs.list": _CONTEXT,
    "ssl_ca": _IN_C,
    "ssl_certificate": _IN_C,
    "ssl_engine_callback_data": _IN_C,
    "ssl_key": _IN_C,
    "ssl.keystore.location": _PKCS12,
    "ssl.keystore.password": _PKCS12,
    "sasl.mechanism": Becomes("sasl_mechanism"),
    "sasl.mechanisms": Becomes("sasl_mechanism"),
    "sasl.username": Becomes("sasl_username"),
    "sasl.password": Becomes("sasl_password"),
    "sasl.oauthbearer.token.endpoint.url": Becomes(ENDPOINT),
    "sasl.oauthbearer.client.id": Becomes(CLIENT_ID),
    "sasl.oauthbearer.client.credentials.client.id": Becomes(CLIENT_ID),
    "sasl.oauthbearer.client.secret": Becomes(CLIENT_SECRET),
    "sasl.oauthbearer.client.credentials.client.secret": Becomes(CLIENT_SECRET),
    "sasl.oauthbearer.scope": Becomes("sasl_oauthbearer_scope"),
    "sasl.oauthbearer.extensions": Becomes("sasl_oauthbearer_extensions"),
    "sasl.oauthbearer.assertion.file": Becomes(f"{ASSERTION}file"),
    "sasl.oauthbearer.assertion.private.key.file": Becomes(f"{ASSERTION}private_key_file"),
    "sasl.oauthbearer.assertion.private.key.pem": Becomes(f"{ASSERTION}private_key_file"),
    "sasl.oauthbearer.assertion.private.key.passphrase": Becomes(f"{ASSERTION}private_key_passphrase"),
    "sasl.oauthbearer.assertion.algorithm": Becomes(f"{ASSERTION}algorithm"),
    "sasl.oauthbearer.assertion.claim.aud": Becomes(f"{ASSERTION}claim_aud"),
    "sasl.oauthbearer.assertion.claim.iss": Becomes(f"{ASSERTION}claim_iss"),
    "sasl.oauthbearer.assertion.claim.sub": Becomes(f"{ASSERTION}claim_sub"),
    "sasl.oauthbearer.assertion.claim.exp.seconds": Becomes(f"{ASSERTION}claim_exp_seconds"),
    "sasl.oauthbearer.assertion.claim.nbf.seconds": Becomes(f"{ASSERTION}claim_nbf_seconds"),
    "sasl.oauthbearer.assertion.claim.jti.include": Becomes(f"{ASSERTION}claim_jti_include"),
    "sasl.oauthbearer.assertion.jwt.template.file": Becomes(f"{ASSERTION}template_file"),
    "sasl.oauthbearer.metadata.authentication.type": Refused(
        "give a sasl_oauth_token_provider that asks the cloud's own package", harmless=("none",), settled_by=_PROVIDER
    ),
    "enable.sasl.oauthbearer.unsecure.jwt": Refused(
        "unsecured tokens are not made: give a sasl_oauth_token_provider",
        harmless=("false", "0", "f"),
        settled_by=_PROVIDER,
    ),
    "oauthbearer_token_refresh_cb": Refused("is for programs in C: write oauth_cb", settled_by=_PROVIDER),
    # These decide together; see `confluent.translated`.
    "oauth_cb": Becomes("sasl_oauth_token_provider"),
    "sasl.oauthbearer.config": Becomes("sasl_oauth_token_provider"),
    "sasl.oauthbearer.method": LEFT_OUT,
    "sasl.oauthbearer.grant.type": LEFT_OUT,
}

_DELIVERY: Final[dict[str, Rule]] = {
    "bootstrap.servers": Becomes("bootstrap_servers", servers),
    "metadata.broker.list": Becomes("bootstrap_servers", servers),
    "client.id": Becomes("client_id"),
    "acks": Becomes("acks"),
    "request.required.acks": Becomes("acks"),
    "enable.idempotence": Becomes("enable_idempotence"),
    "max.in.flight": Becomes("max_in_flight_requests_per_connection"),
    "max.in.flight.requests.per.connection": Becomes("max_in_flight_requests_per_connection"),
    "linger.ms": Becomes("linger_ms", rounded_up),
    "queue.buffering.max.ms": Becomes("linger_ms", rounded_up),
    "batch.size": Becomes("batch_size"),
    "queue.buffering.max.kbytes": Becomes("buffer_memory", kibibytes),
    "message.max.bytes": Becomes("max_request_size"),
    "compression.codec": Becomes("compression_type", _unless_inherit),
    "compression.type": Becomes("compression_type", _unless_inherit),
    "compression.level": Becomes("compression_level", unless_negative),
    "partitioner": Becomes("partitioner", _partitioner),
    "request.timeout.ms": Becomes("request_timeout_ms"),
    "socket.timeout.ms": Becomes("request_timeout_ms", unless="request.timeout.ms"),
    "message.timeout.ms": Becomes("delivery_timeout_ms", forever_if_zero),
    "delivery.timeout.ms": Becomes("delivery_timeout_ms", forever_if_zero),
    "retry.backoff.ms": Becomes("retry_backoff_ms"),
    "retry.backoff.max.ms": Becomes("retry_backoff_max_ms"),
    "reconnect.backoff.ms": Becomes("reconnect_backoff_ms"),
    "reconnect.backoff.max.ms": Becomes("reconnect_backoff_max_ms"),
    "socket.connection.setup.timeout.ms": Becomes("socket_connection_setup_timeout_ms"),
    "connections.max.idle.ms": Becomes("connections_max_idle_ms", never_if_zero),
    "topic.metadata.refresh.interval.ms": Becomes("metadata_max_age_ms", unless_negative),
    "metadata.recovery.strategy": Becomes("metadata_recovery_strategy"),
    "metadata.recovery.rebootstrap.trigger.ms": Becomes("metadata_recovery_rebootstrap_trigger_ms"),
    "metadata.max.age.ms": Becomes("metadata_max_age_ms", unless="topic.metadata.refresh.interval.ms"),
    "retries": Becomes("delivery_timeout_ms", retries),
    "message.send.max.retries": Becomes("delivery_timeout_ms", retries),
    "queuing.strategy": Refused("records of a partition keep their order: leave it out", harmless=("fifo",)),
    "msg_order_cmp": Refused("records of a partition keep their order: leave it out"),
    "partitioner_cb": Refused("give partitioner=, an object with a method partition", settled_by=("partitioner",)),
    "enable.gapless.guarantee": Refused(
        "a record that cannot be delivered does not end the producer: leave it out", harmless=("false", "0", "f")
    ),
    "transactional.id": Refused("transactions are not supported yet"),
    "plugin.library.paths": Refused("plugins of librdkafka are not loaded", harmless=("",)),
    "interceptors": Refused("plugins of librdkafka are not loaded; a listener hears of every record"),
    "test.mock.num.brokers": Refused(
        "write backend='memory', or use dekaf.testing.FakeCluster", harmless=("0",), settled_by=("backend",)
    ),
    "on_delivery": _CALLBACK,
    "dr_cb": _CALLBACK,
    "dr_msg_cb": _CALLBACK,
    "key.serializer": _KEY,
    "key.serializer.builder": _KEY,
    "value.serializer": _VALUE,
    "value.serializer.builder": _VALUE,
}

# What tunes librdkafka, is about consumers, or only reports.
_TUNING: Final = (
    *("allow.auto.create.topics", "api.version.fallback.ms", "api.version.request"),
    *("api.version.request.timeout.ms", "auto.commit.enable", "auto.commit.interval.ms", "auto.offset.reset"),
    *("background_event_cb", "batch.num.messages", "broker.address.family", "broker.address.ttl"),
    *("broker.version.fallback", "builtin.features", "check.crcs", "client.dns.lookup", "client.rack"),
    *("closesocket_cb", "connect_cb", "consume.callback.max.messages", "consume_cb"),
    *("coordinator.query.interval.ms", "debug", "default_topic_conf", "delivery.report.only.error"),
    *("enable.auto.commit", "enable.auto.offset.store", "enable.metrics.push", "enable.partition.eof"),
    *("enable.random.seed", "enabled_events", "error_cb", "fetch.error.backoff.ms", "fetch.max.bytes"),
    *("fetch.message.max.bytes", "fetch.min.bytes", "fetch.queue.backoff.ms", "fetch.wait.max.ms", "group.id"),
    *("group.instance.id", "group.protocol", "group.protocol.type", "group.remote.assignor"),
    *("heartbeat.interval.ms", "internal.termination.signal", "isolation.level", "log.connection.close"),
    *("log.queue", "log.thread.name", "log_cb", "log_level", "logger", "max.partition.fetch.bytes"),
    *("max.poll.interval.ms", "max.poll.records", "message.copy.max.bytes"),
    *(
        "offset.store.method",
        "offset.store.path",
        "offset.store.sync.interval.ms",
        "offset_commit_cb",
        "on_commit",
        "opaque",
    ),
    *("open_cb", "partition.assignment.strategy", "produce.offset.report"),
    *("queue.buffering.backpressure.threshold", "queue.buffering.max.messages", "queued.max.messages.kbytes"),
    *("queued.min.messages", "rebalance_cb", "receive.message.max.bytes", "reconnect.backoff.jitter.ms"),
    *("resolve_cb", "sasl.kerberos.keytab", "sasl.kerberos.kinit.cmd", "sasl.kerberos.min.time.before.relogin"),
    *("sasl.kerberos.principal", "sasl.kerberos.service.name", "sasl.oauthbearer.sub.claim.name"),
    *("session.timeout.ms", "share.acknowledgement.mode", "socket.blocking.max.ms", "socket.keepalive.enable"),
    *("socket.max.fails", "socket.nagle.disable", "socket.receive.buffer.bytes", "socket.send.buffer.bytes"),
    *("socket_cb", "statistics.interval.ms", "stats_cb", "sticky.partitioning.linger.ms", "throttle_cb"),
    *("topic.blacklist", "topic.metadata.propagation.max.ms", "topic.metadata.refresh.fast.cnt"),
    *("topic.metadata.refresh.fast.interval.ms", "topic.metadata.refresh.sparse", "transaction.timeout.ms"),
)

RULES: Final[Mapping[str, Rule]] = {**_SECURITY, **_DELIVERY, **dict.fromkeys(_TUNING, LEFT_OUT)}
