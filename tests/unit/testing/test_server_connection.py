"""Bytes as they come: in pieces, several requests at once, and what is no request at all."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf.testing import (
    FakeCluster,
)
from tests.unit.testing.batches import batch
from tests.unit.testing.raw_client import RawClient, produce_body


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xff\xff\xff", id="negative size"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"\0\0\0\2\0\3", id="no header"),
        pytest.param(b"\0\0\0\x0a\0\x01\0\x04\0\0\0\1\xff\xff", id="an API that is not served"),
        pytest.param(b"\0\0\0\x0a\0\x03\0\x63\0\0\0\1\xff\xff", id="a version that is not advertised"),
        pytest.param(b"\0\0\0\x0a\0\x00\0\x02\0\0\0\1\xff\xff", id="a batch format of old"),
        pytest.param(b"\0\0\0\x0b\0\x12\0\x00\0\0\0\1\xff\xff\0", id="bytes behind the request"),
    ],
)
def test_what_is_no_request_closes_the_connection(cluster: FakeCluster, client: RawClient, data: bytes) -> None:
    client.send(data)

    assert client.is_closed_by_broker()
    assert len(cluster.violations) == 1


def test_request_in_many_pieces_and_many_requests_in_one_piece_are_understood(client: RawClient) -> None:
    body = produce_body([("orders", 0, batch())], version=9)
    sent = client.request(ApiKey.PRODUCE, 9, body)
    client.produce_response(sent)
    frame = b"\0\0\0\x0a\0\x12\0\x00\0\0\0\x07\xff\xff"

    for position in range(len(frame)):
        client.send(frame[position : position + 1])
    client.send(frame * 3)

    assert [client.receive_frame()[:4] for _ in range(4)] == [b"\0\0\0\x07"] * 4
