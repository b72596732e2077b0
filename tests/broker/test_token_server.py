"""Kafka lets in who shows a token from the test's token server: librdkafka and dekaf fetch it there (KIP-768)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from dekaf._oidc.token_source import OidcTokens
from dekaf._security.oauth_bearer import OAuthBearerExchange
from dekaf._security.oidc_options import AssertionFile, OidcOptions
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from tests.certificates import Authority
from tests.kafka import SaslProbe, SecureCluster, read_back
from tests.oauth import TokenServer, unsecured_token

SECRET = "a+b/%&c"


def test_librdkafka_comes_in_with_a_token_that_it_fetched(secure_cluster: SecureCluster, authority: Authority) -> None:
    topic = f"tokens-{uuid.uuid4().hex[:12]}"
    secure_cluster.create_topic(topic, partitions=1)
    with TokenServer(authority.server("tokens"), clients={"shop": SECRET}) as server:
        producer = Producer(
            {
                **secure_cluster.login("SASL_SSL").confluent_options(),
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.client.id": "shop",
                "sasl.oauthbearer.client.secret": SECRET,
                "sasl.oauthbearer.scope": "orders",
                "sasl.oauthbearer.token.endpoint.url": server.url,
                "https.ca.location": str(authority.cafile),
                "log_level": 0,
            }
        )
        producer.produce(topic, b"value")
        assert producer.flush(20) == 0

        (request,) = server.requests
        assert request.form == {"grant_type": "client_credentials", "scope": "orders"}
        assert request.credentials == ("shop", SECRET)
        assert server.violations == []
    assert [record.value for record in read_back(secure_cluster.bootstrap_servers, topic, 1)] == [b"value"]


def _with_secret(server: TokenServer, _: Path) -> OidcOptions:
    return OidcOptions(token_endpoint_url=server.url, client_id="shop", client_secret=Secret(SECRET.encode()))


def _with_assertion(server: TokenServer, folder: Path) -> OidcOptions:
    (folder / "jwt").write_text("signed\n")
    return OidcOptions(
        token_endpoint_url=server.url, client_id="shop", assertion=AssertionFile(path=str(folder / "jwt"))
    )


def _of_a_file(_: TokenServer, folder: Path) -> OidcOptions:
    (folder / "token").write_text(unsecured_token("shop") + "\n")
    return OidcOptions(token_endpoint_url=(folder / "token").as_uri())


@pytest.mark.parametrize("options", [_with_secret, _with_assertion, _of_a_file])
def test_dekafs_token_is_let_in(
    secure_cluster: SecureCluster,
    authority: Authority,
    tmp_path: Path,
    options: Callable[[TokenServer, Path], OidcOptions],
) -> None:
    with TokenServer(
        authority.server("tokens"), clients={"shop": SECRET}, assertions=lambda text: text == "signed"
    ) as server:
        cafile = PemSource("ssl_cafile", path=str(authority.cafile))
        token = OidcTokens(options(server, tmp_path), cafile, 10.0).token()
        assert server.violations == []

    with SaslProbe(secure_cluster.port("SASL_PLAINTEXT")) as client:
        client.handshake("OAUTHBEARER")
        answer = client.authenticate(OAuthBearerExchange("kafka", token).start().reveal())

    assert answer is not None
    assert (answer.error_code, answer.auth_bytes, token.principal) == (0, b"", "shop")
