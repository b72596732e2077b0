"""What to write instead of an option that does not exist: other clients' names, misspellings, what is not built."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, Final

from dekaf.nearest_name import nearest_name
from dekaf.producer.fault_text import shown_name
from dekaf.producer.hidden_text import revealed
from dekaf.producer.masked import unmasked

__all__ = ("unknown_option",)

_NOT_YET: Final = ("interceptor_", "transaction_", "transactional_")

_LISTENER: Final = "see producer.status(), and the option listener"
_ON_DELIVERY: Final = "it is an argument of fire(..., on_delivery=...)"
_RACK: Final = "it is not supported: messages without a key go to brokers of any rack"
_RETRIES: Final = "a record is tried again until delivery_timeout_ms is over"
_TIMEOUT: Final = "write delivery_timeout_ms, request_timeout_ms, max_block_ms or close_timeout_ms"

_CONTEXT: Final = "it is set through ssl_context"
_KERBEROS: Final = "Kerberos (GSSAPI) is not supported: use another mechanism of the cluster's, or another client"
_PEM: Final = "write ssl_cafile, ssl_certfile and ssl_keyfile, which take PEM: openssl pkcs12 and keytool -rfc write it"
_PROTOCOL: Final = "write security_protocol='SSL' or 'SASL_SSL'"
_PROVIDER: Final = "write sasl_oauth_token_provider"
_VERIFIED: Final = "certificates are always verified: write ssl_cafile for an authority of your own"
_SECRET: Final = "write sasl_oauthbearer_client_credentials_client_secret"
_ID: Final = "write sasl_oauthbearer_client_credentials_client_id"
_JAAS: Final = "its content has options of its own here: write sasl_mechanism"

# What other clients call an option, and options this one does without.
_INSTEAD: Final = {
    "api_version": "versions are negotiated with each broker",
    "batch_num_messages": "batches are bounded in bytes: write batch_size",
    "broker": "write bootstrap_servers",
    "brokers": "write bootstrap_servers",
    "callback": _ON_DELIVERY,
    "client_rack": _RACK,
    "compression": "write compression_type",
    "compression_codec": "write compression_type",
    "delivery_report_only_error": _ON_DELIVERY,
    "dr_cb": _ON_DELIVERY,
    "error_cb": _LISTENER,
    "host": "write bootstrap_servers",
    "hosts": "write bootstrap_servers",
    "key_serializer": "write key",
    "loop": "a producer is bound to no event loop",
    "max_batch_size": "write batch_size",
    "max_in_flight": "write max_in_flight_requests_per_connection",
    "max_retries": _RETRIES,
    "message_send_max_retries": _RETRIES,
    "message_max_bytes": "write max_request_size",
    "message_timeout_ms": "write delivery_timeout_ms",
    "metadata_broker_list": "write bootstrap_servers",
    "metadata_cluster_check_enable": "the cluster's id is always looked at",
    "partitioner_adaptive_partitioning_enable": "messages without a key always go where fewer batches wait (KIP-794)",
    "partitioner_availability_timeout_ms": "messages without a key go where fewer batches wait, not to slow brokers",
    "partitioner_class": "write partitioner",
    "partitioner_ignore_keys": "write a partitioner of your own that returns None for every key",
    "partitioner_rack_aware": _RACK,
    "on_delivery": _ON_DELIVERY,
    "port": "write bootstrap_servers",
    "queue_buffering_max_kbytes": "write buffer_memory (in bytes)",
    "queue_buffering_max_messages": "records are bounded in bytes: write buffer_memory",
    "queue_buffering_max_ms": "write linger_ms",
    "request_required_acks": "write acks",
    "retries": _RETRIES,
    "servers": "write bootstrap_servers",
    "socket_connection_setup_timeout_max_ms": "socket_connection_setup_timeout_ms is the same for every try",
    "socket_timeout_ms": "write request_timeout_ms",
    "statistics_interval_ms": _LISTENER,
    "stats_cb": _LISTENER,
    "timeout": _TIMEOUT,
    "timeout_ms": _TIMEOUT,
    "topic_metadata_refresh_interval_ms": "write metadata_max_age_ms",
    "url": "write bootstrap_servers",
    "value_serializer": "write value",
}

# The same for secure connections, as normalized names.
_INSTEAD_SECURE: Final = {
    "ca_cert": "write ssl_cafile",
    "cafile": "write ssl_cafile",
    "certfile": "write ssl_certfile",
    "enable_sasl_oauthbearer_unsecure_jwt": _PROVIDER,
    "enable_ssl_certificate_verification": _VERIFIED,
    "https_ca_location": "write ssl_cafile, which is trusted by token endpoints, too",
    "https_ca_pem": "write ssl_cafile, which is trusted by token endpoints, too",
    "keyfile": "write ssl_keyfile",
    "mechanism": "write sasl_mechanism",
    "oauth_cb": _PROVIDER,
    "oauthbearer_token_refresh_cb": _PROVIDER,
    "password": "write sasl_password",
    "protocol": "write security_protocol",
    "proxy_url": "proxies are not supported",
    "sasl": "write security_protocol='SASL_SSL', sasl_mechanism, sasl_username and sasl_password",
    "sasl_client_callback_handler_class": _PROVIDER,
    "sasl_login_callback_handler_class": _PROVIDER,
    "sasl_login_class": _PROVIDER,
    "sasl_mechanisms": "write sasl_mechanism",
    "sasl_oauth_cb": _PROVIDER,
    "sasl_oauthbearer_assertion_jwt_template_file": "write sasl_oauthbearer_assertion_template_file",
    "sasl_oauthbearer_assertion_private_key_pem": (
        "write sasl_oauthbearer_assertion_private_key_file, which takes PEM text, too"
    ),
    "sasl_oauthbearer_client_id": _ID,
    "sasl_oauthbearer_client_secret": _SECRET,
    "sasl_oauthbearer_config": _PROVIDER,
    "sasl_oauthbearer_grant_type": (
        "it follows from what is given: a client id means client_credentials, an assertion without one jwt-bearer"
    ),
    "sasl_oauthbearer_jwt_retriever_class": _PROVIDER,
    "sasl_oauthbearer_metadata_authentication_type": _PROVIDER,
    "sasl_oauthbearer_method": "write sasl_oauthbearer_token_endpoint_url for OIDC",
    "sasl_oauthbearer_token_provider": _PROVIDER,
    "sasl_plain_password": "write sasl_password",
    "sasl_plain_username": "write sasl_username",
    "sasl_user": "write sasl_username",
    "security_providers": _CONTEXT,
    "socks5_proxy": "proxies are not supported",
    "ssl": _PROTOCOL,
    "ssl_ca": "write ssl_cafile",
    "ssl_ca_location": "write ssl_cafile",
    "ssl_ca_pem": "write ssl_cafile, which takes PEM text, too",
    "ssl_cadata": "write ssl_cafile, which takes PEM text, too",
    "ssl_capath": "write ssl_cafile, which takes folders, too",
    "ssl_cert": "write ssl_certfile",
    "ssl_certificate": "write ssl_certfile",
    "ssl_certificate_location": "write ssl_certfile",
    "ssl_certificate_pem": "write ssl_certfile, which takes PEM text, too",
    "ssl_certificate_verify_cb": _CONTEXT,
    "ssl_client_cert": "write ssl_certfile",
    "ssl_client_key": "write ssl_keyfile",
    "ssl_endpoint_identification_algorithm": "write ssl_check_hostname",
    "ssl_key": "write ssl_keyfile",
    "ssl_key_location": "write ssl_keyfile",
    "ssl_key_pem": "write ssl_keyfile, which takes PEM text, too",
    "ssl_keystore_certificate_chain": "write ssl_certfile, which takes PEM text, too",
    "ssl_keystore_key": "write ssl_keyfile, which takes PEM text, too",
    "ssl_password": "write ssl_key_password",
    "ssl_truststore_certificates": "write ssl_cafile, which takes PEM text, too",
    "ssl_truststore_location": "write ssl_cafile, which takes PEM: keytool -exportcert -rfc writes it",
    "ssl_verify": _VERIFIED,
    "ssl_verify_hostname": "write ssl_check_hostname",
    "tls": _PROTOCOL,
    "use_ssl": _PROTOCOL,
    "use_tls": _PROTOCOL,
    "user": "write sasl_username",
    "username": "write sasl_username",
    "verify_ssl": _VERIFIED,
}

# Families of names, by how they begin; the first that fits.
_INSTEAD_OF_FAMILIES: Final = (
    ("sasl_kerberos_", _KERBEROS),
    ("sasl_login_", "logging in has no options of its own: request_timeout_ms bounds a call"),
    ("ssl_cipher", _CONTEXT),
    ("ssl_crl", _CONTEXT),
    ("ssl_curves", _CONTEXT),
    ("ssl_enabled_protocols", _CONTEXT),
    ("ssl_engine", _CONTEXT),
    ("ssl_keymanager_", _CONTEXT),
    ("ssl_keystore_", _PEM),
    ("ssl_max", _CONTEXT),
    ("ssl_min", _CONTEXT),
    ("ssl_protocol", _CONTEXT),
    ("ssl_provider", _CONTEXT),
    ("ssl_secure_random_", _CONTEXT),
    ("ssl_sigalgs", _CONTEXT),
    ("ssl_tls_", _CONTEXT),
    ("ssl_trustmanager_", _CONTEXT),
    ("ssl_truststore_", _PEM),
    ("ssl_version", _CONTEXT),
)

# By the class of the login module: all that is looked for in a sasl.jaas.config, which holds the password.
_LOGIN_MODULES: Final = {
    "PlainLoginModule": "'PLAIN', sasl_username and sasl_password",
    "ScramLoginModule": "'SCRAM-SHA-256' or 'SCRAM-SHA-512', sasl_username and sasl_password",
    "OAuthBearerLoginModule": (
        "'OAUTHBEARER', and sasl_oauthbearer_token_endpoint_url with …client_credentials_client_id and …_client_secret"
    ),
    "IAMLoginModule": "'OAUTHBEARER', and a sasl_oauth_token_provider that asks Amazon's signer",
    "Krb5LoginModule": "another mechanism than GSSAPI, which is not supported",
}
_LOGIN_MODULE: Final = re.compile("|".join(_LOGIN_MODULES))


def unknown_option(
    name: str, value: object, options: Collection[str], *, spelt: Callable[[str], str] = shown_name
) -> str:
    """Say what to write instead of an option that does not exist.

    Args:
        name: How it was called.
        value: Its value, maybe masked. It is not shown: it may be a password.
        options: The names of those that exist.
        spelt: How a name is written where this one stands: in the environment as that of a variable.
    """
    name_shown = spelt(name)
    known = name.strip().lower().replace(".", "_").replace("-", "_")
    if known in options:
        return f"{name_shown}: no such option; write {spelt(known)}"
    if known == "sasl_jaas_config":
        return f"{name_shown}: no such option; {_JAAS}{_login_of(unmasked(value))}"
    if instead := _INSTEAD.get(known) or _INSTEAD_SECURE.get(known) or _instead_of_family(known):
        return f"{name_shown}: no such option; {instead}"
    if known.startswith(_NOT_YET):
        return f"{name_shown}: is not supported by this version of dekaf yet"
    near = nearest_name(known, options)
    return f"{name_shown}: no such option; did you mean {spelt(near)}?" if near else f"{name_shown}: no such option"


def _instead_of_family(name: str) -> str | None:
    return next((instead for beginning, instead in _INSTEAD_OF_FAMILIES if name.startswith(beginning)), None)


def _login_of(jaas: Any) -> str:
    text = revealed(jaas)
    module = _LOGIN_MODULE.search(text) if isinstance(text, str) else None
    return "" if module is None else f"={_LOGIN_MODULES[module[0]]}"
