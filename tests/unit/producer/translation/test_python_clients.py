"""Keywords of aiokafka and kafka-python as they are."""

from __future__ import annotations

__lazy_modules__ = ("aiokafka", "aiokafka.partitioner")  # from Python 3.15 on, for which there is none yet

import inspect
import json
import ssl
import warnings
from collections.abc import Mapping
from typing import Any

import aiokafka
import pytest
from aiokafka.partitioner import DefaultPartitioner as PartitionerOfAiokafka
from pydantic import SecretStr

from dekaf import ProducerConfig
from dekaf.errors import ConfigurationError
from dekaf.producer.translation.python_clients import AIOKAFKA_RULES, KAFKA_PYTHON_RULES
from dekaf.producer.translation.serializers import AdaptedSerializer
from dekaf.types import Acks, Field, Headers, SerializationContext
from tests.peers import needs_aiokafka

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it reads its schemas in a way that is deprecated
    import kafka
    from kafka.partitioner.default import DefaultPartitioner as PartitionerOfKafkaPython

DEFAULTS_OF_KAFKA_PYTHON: dict[str, Any] = kafka.KafkaProducer.DEFAULT_CONFIG
# Up to version 2.
FORMER_OF_KAFKA_PYTHON = {
    *("api_version_auto_timeout_ms", "buffer_memory", "metric_group_prefix", "sock_chunk_buffer_count"),
    *("sock_chunk_bytes", "state_change_callback"),
}
CONTEXT = SerializationContext("orders", Field.VALUE, Headers())

FROM = {"aiokafka": ProducerConfig.from_aiokafka, "kafka_python": ProducerConfig.from_kafka_python}


def keywords_of_aiokafka() -> Mapping[str, inspect.Parameter]:
    return inspect.signature(aiokafka.AIOKafkaProducer.__init__).parameters


def given(client: str, mapping: dict[str, Any], **overrides: Any) -> dict[str, object]:
    config = FROM[client]({"bootstrap_servers": "a:9092", **mapping}, **overrides)
    return {name: getattr(config, name) for name in config.model_fields_set - {"bootstrap_servers"}}


def fault_of(client: str, mapping: dict[str, Any], **overrides: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        given(client, mapping, **overrides)
    text = str(caught.value)
    assert text.startswith(f"from_{client}: ")
    return text


@needs_aiokafka
def test_every_keyword_of_aiokafka_has_a_rule() -> None:
    assert set(AIOKAFKA_RULES) == set(keywords_of_aiokafka()) - {"self"}


def test_every_keyword_of_kafka_python_has_a_rule() -> None:
    assert set(DEFAULTS_OF_KAFKA_PYTHON) - set(KAFKA_PYTHON_RULES) == set()
    assert set(KAFKA_PYTHON_RULES) - set(DEFAULTS_OF_KAFKA_PYTHON) == FORMER_OF_KAFKA_PYTHON


@needs_aiokafka
def test_all_defaults_of_aiokafka_are_understood() -> None:
    defaults = {
        name: keyword.default for name, keyword in keywords_of_aiokafka().items() if name not in {"self", "acks"}
    }

    config = ProducerConfig.from_aiokafka(defaults)

    assert config.bootstrap_servers == ("localhost:9092",)
    assert (config.batch_size, config.linger_ms, config.partitioner) == (16_384, 0, "murmur2")
    assert config.given_security_options == ("security_protocol",)


def test_all_defaults_of_kafka_python_are_understood() -> None:
    config = ProducerConfig.from_kafka_python(DEFAULTS_OF_KAFKA_PYTHON)

    assert config.bootstrap_servers == ("localhost:9092",)
    assert (config.delivery_timeout_ms, config.max_block_ms, config.acks) == (120_000, 60_000, Acks.ALL)
    assert config.given_security_options == ("security_protocol",)


@pytest.mark.parametrize("client", FROM)
def test_what_is_left_out_has_our_defaults(client: str) -> None:
    assert given(client, {}) == {}


@pytest.mark.parametrize("client", FROM)
@pytest.mark.parametrize(
    ("mapping", "options"),
    [
        ({"acks": 1}, {"acks": Acks.LEADER}),
        ({"acks": "all", "enable_idempotence": True}, {"acks": Acks.ALL, "enable_idempotence": True}),
        ({"compression_type": "snappy"}, {"compression_type": "snappy"}),
        ({"compression_type": None, "client_id": None}, {}),
        ({"request_timeout_ms": 200_000}, {"request_timeout_ms": 200_000, "delivery_timeout_ms": 200_005}),
        ({"linger_ms": 20, "retry_backoff_ms": 50}, {"linger_ms": 20, "retry_backoff_ms": 50}),
        (
            {
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "SCRAM-SHA-256",
                "sasl_plain_username": "alice",
                "sasl_plain_password": "wonder",
                "sasl_kerberos_service_name": "kafka",
            },
            {
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "SCRAM-SHA-256",
                "sasl_username": "alice",
                "sasl_password": SecretStr("wonder"),
            },
        ),
    ],
)
def test_what_both_have_in_common(client: str, mapping: dict[str, Any], options: dict[str, object]) -> None:
    assert given(client, mapping) == options


def test_a_context_of_aiokafka_is_used_as_it_is() -> None:
    context = ssl.create_default_context()

    options = given("aiokafka", {"security_protocol": "SSL", "ssl_context": context})

    assert options == {"security_protocol": "SSL", "ssl_context": context}


def test_aiokafkas_default_mechanism_is_plain() -> None:
    user = {"sasl_plain_username": "alice", "sasl_plain_password": "wonder"}

    options = given("aiokafka", {"security_protocol": "SASL_SSL", **user})
    own = given("aiokafka", {"security_protocol": "SASL_SSL", **user}, sasl_mechanism="SCRAM-SHA-512")

    assert options["sasl_mechanism"] == "PLAIN"
    assert own["sasl_mechanism"] == "SCRAM-SHA-512"


def test_files_of_kafka_python() -> None:
    mapping = {
        "security_protocol": "SSL",
        "ssl_cafile": "ca.pem",
        "ssl_certfile": "client.pem",
        "ssl_keyfile": "client.key",
        "ssl_password": "hush",
        "ssl_check_hostname": False,
    }

    assert given("kafka_python", mapping) == {
        "security_protocol": "SSL",
        "ssl_cafile": "ca.pem",
        "ssl_certfile": "client.pem",
        "ssl_keyfile": "client.key",
        "ssl_key_password": SecretStr("hush"),
        "ssl_check_hostname": False,
    }


@pytest.mark.parametrize("client", [pytest.param("aiokafka", marks=needs_aiokafka), "kafka_python"])
def test_a_partitioner_of_their_own_is_refused(client: str) -> None:
    def partitioner(key: bytes | None, all_partitions: list[int], available: list[int]) -> int:
        raise NotImplementedError

    assert "another one would move keys: give partitioner=" in fault_of(client, {"partitioner": partitioner})
    assert given(client, {"partitioner": partitioner}, partitioner="murmur2") == {"partitioner": "murmur2"}
    default = PartitionerOfAiokafka() if client == "aiokafka" else PartitionerOfKafkaPython
    assert given(client, {"partitioner": default}) == {}


@pytest.mark.parametrize(
    ("client", "mapping", "says"),
    [
        ("aiokafka", {"transactional_id": "shop-1"}, "transactional_id: transactions are not supported yet"),
        ("aiokafka", {"ssl_cafile": "ca.pem"}, "ssl_cafile: that client has no such option"),
        ("aiokafka", {"sasl_plain_password": "wonder"}, "sasl_password: security_protocol is not given, and without"),
        ("kafka_python", {"ssl_crlfile": "crl.pem"}, "ssl_crlfile: give an ssl_context that does so"),
        ("kafka_python", {"ssl_ciphers": "DHE"}, "ssl_ciphers: give an ssl_context that does so"),
        ("kafka_python", {"proxy_url": "socks5://proxy"}, "proxy_url: proxies are not supported"),
        ("kafka_python", {"retries": 0}, "retries: a record is tried again"),
        ("kafka_python", {"sasl_mechanism": "AWS_MSK_IAM", "security_protocol": "SASL_SSL"}, "asks Amazon's signer"),
        ("kafka_python", {"sasl_oauth_token_provider": "shop.tokens"}, "must be an object with a method token()"),
        ("kafka_python", {"value_serializer": "json"}, "value_serializer: must be a function of the value"),
    ],
)
def test_what_cannot_be_honoured_is_refused(client: str, mapping: dict[str, Any], says: str) -> None:
    text = fault_of(client, mapping)

    assert says in text
    assert "wonder" not in text


@pytest.mark.parametrize("client", FROM)
def test_serializers_that_are_functions(client: str) -> None:
    config = FROM[client](
        {
            "bootstrap_servers": "a",
            "key_serializer": str.encode,
            "value_serializer": lambda value: json.dumps(value)[1:],
        }
    )

    assert isinstance(config.key, AdaptedSerializer)
    assert config.key.serialize("k", CONTEXT) == b"k"
    assert given(client, {"key_serializer": print}, key=str) == {"key": str}
