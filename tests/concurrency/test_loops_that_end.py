"""An application's event loop is touched by its own thread alone, and may end while a topic is looked up."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from dekaf import AsyncProducer
from dekaf.testing import ApiKey, FakeCluster

PATIENCE = 10.0  # seconds


def test_first_message_to_a_topic_under_asyncios_debug_mode() -> None:
    """It checks that no other thread calls the loop."""

    async def produce(servers: str) -> list[Any]:
        async with AsyncProducer(bootstrap_servers=servers) as producer:
            calls = [producer.produce("orders", str(number), "paid") for number in range(3)]
            return await asyncio.wait_for(asyncio.gather(*calls), PATIENCE)

    with FakeCluster(topics={"orders": 1}) as cluster:
        told = asyncio.run(produce(cluster.bootstrap_servers), debug=True)

        assert sorted(metadata.offset for metadata in told) == [0, 1, 2]


@pytest.mark.parametrize("debug", [False, True])
def test_loop_that_ends_while_its_topic_is_looked_up_disturbs_no_other(debug: bool) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        producer: AsyncProducer[Any, Any] = AsyncProducer(bootstrap_servers=cluster.bootstrap_servers)
        held = cluster.on(ApiKey.METADATA, topic="orders").hold(times=1)

        async def give_up() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(producer.produce("orders", None, "of one that ended"), 0.1)

        def run_and_end() -> None:
            asyncio.run(give_up(), debug=debug)

        ending = threading.Thread(target=run_and_end)
        ending.start()
        ending.join(PATIENCE)
        cluster.wait_until(lambda: held.waiting)
        held.release()

        async def go_on() -> Any:
            async with producer:
                return await asyncio.wait_for(producer.produce("orders", None, "of one that goes on"), PATIENCE)

        assert asyncio.run(go_on(), debug=debug).offset in {0, 1}
        assert producer.status().engine_restarts == 0
