"""What a broken or hostile peer says while a client authenticates."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import ConfigurationError
from dekaf.testing import FakeCluster, SaslFault
from tests.kafka.sasl_probe import scram_proof
from tests.kafka.users import MECHANISMS
from tests.unit.testing.sasl import ALICE, SCRAM, probe


def test_one_broker_refuses_with_a_message_of_the_test(sasl_cluster: FakeCluster) -> None:
    fault = sasl_cluster.on(ApiKey.SASL_AUTHENTICATE, node=1).fail(
        ErrorCode.SASL_AUTHENTICATION_FAILED, message="Logical sasl_cluster not found"
    )

    with probe(sasl_cluster) as client:
        assert client.log_in("PLAIN", ALICE) == (58, "Logical sasl_cluster not found", b"", 0)
        assert client.is_closed_by_broker
    with probe(sasl_cluster) as client:
        assert client.log_in("PLAIN", ALICE) == (0, "", b"", 0)
    assert fault.hits == 1


def test_a_mechanism_is_off_for_once(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.on(ApiKey.SASL_HANDSHAKE).fail_once(ErrorCode.UNSUPPORTED_SASL_MECHANISM)

    with probe(sasl_cluster) as client:
        assert client.handshake("PLAIN") == (33, ["SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
        assert client.is_closed_by_broker


def scram_messages(cluster: FakeCluster, mechanism: str = "SCRAM-SHA-256") -> tuple[str, bytes]:
    """Go through SCRAM as a client that believes everything, and return the broker's two messages."""
    with probe(cluster) as client:
        client.handshake(mechanism)
        first = client.authenticate(b"n,,n=alice,r=mine")
        assert first is not None
        proof = scram_proof(mechanism, "wonder", "n=alice,r=mine", first.auth_bytes.decode())
        final = client.authenticate(proof.encode())
        assert final is not None
        return first.auth_bytes.decode(), final.auth_bytes


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        (SaslFault.CLIENT_NONCE, "r=mine,s="),
        (SaslFault.MANDATORY_EXTENSION, "m=unheard-of,r=mine"),
        (SaslFault.ITERATION_BOMB, ",i=2000000000"),
        (SaslFault.FEW_ITERATIONS, ",i=1"),
        (SaslFault.BAD_SALT, ",s=?,"),
    ],
)
def test_the_first_message_of_scram_is_spoilt(sasl_cluster: FakeCluster, fault: SaslFault, part: str) -> None:
    struck = sasl_cluster.on(ApiKey.SASL_AUTHENTICATE).spoil(fault)
    with probe(sasl_cluster) as client:
        client.handshake("SCRAM-SHA-256")
        answer = client.authenticate(b"n,,n=alice,r=mine")

    assert answer is not None
    assert part in answer.auth_bytes.decode()
    assert struck.hits == 1
    assert scram_messages(sasl_cluster)[0].startswith("r=mine")


def test_a_nonce_does_not_continue_the_clients(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.on(ApiKey.SASL_AUTHENTICATE).spoil(SaslFault.OTHER_NONCE)
    with probe(sasl_cluster) as client:
        client.handshake("SCRAM-SHA-512")
        answer = client.authenticate(b"n,,n=alice,r=mine")

    assert answer is not None
    assert answer.auth_bytes.startswith(b"r=")
    assert not answer.auth_bytes.startswith(b"r=mine")


@pytest.mark.parametrize("mechanism", SCRAM)
def test_the_last_message_of_scram_is_spoilt(sasl_cluster: FakeCluster, mechanism: str) -> None:
    trigger = sasl_cluster.on(ApiKey.SASL_AUTHENTICATE)
    trigger.spoil(SaslFault.NO_SIGNATURE)
    trigger.spoil(SaslFault.SERVER_ERROR)
    trigger.spoil(SaslFault.BAD_SIGNATURE)

    finals = [scram_messages(sasl_cluster, mechanism)[1] for _ in range(4)]

    assert finals[:2] == [b"", b"e=other-error"]
    assert len(finals[2]) == len(finals[3])
    assert finals[2][:2] == finals[3][:2] == b"v="
    assert finals[2] != finals[3]


def test_garbage_comes_in_place_of_any_message(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.on(ApiKey.SASL_AUTHENTICATE, nth=2).spoil(SaslFault.GARBAGE)

    first, final = scram_messages(sasl_cluster)

    assert first.startswith("r=mine")
    assert final.startswith(b"\xff")


def test_only_answers_to_sasl_authenticate_are_spoilt(sasl_cluster: FakeCluster) -> None:
    with pytest.raises(ConfigurationError, match="SASL_AUTHENTICATE"):
        sasl_cluster.on(ApiKey.PRODUCE).spoil(SaslFault.GARBAGE)


def test_authentication_hangs_or_breaks_off_in_the_middle(sasl_cluster: FakeCluster) -> None:
    sasl_cluster.on(ApiKey.SASL_AUTHENTICATE, nth=2).close_before_append()
    with probe(sasl_cluster) as client:
        assert not client.log_in_with_scram("SCRAM-SHA-256", "alice", "wonder")
        assert client.is_closed_by_broker

    held = sasl_cluster.on(ApiKey.SASL_HANDSHAKE).hold()
    with probe(sasl_cluster) as client:
        client.send_handshake("PLAIN")
        sasl_cluster.wait_until(lambda: held.waiting == 1)
        held.release()
        assert client.receive_handshake() == (0, list(MECHANISMS))
