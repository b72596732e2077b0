"""A FastAPI application whose Kafka would be a real one."""

from __future__ import annotations

import asyncio

from fastapi import BackgroundTasks, FastAPI

from dekaf.contrib.fastapi import ProducerDep, SyncProducerDep, dekaf_lifespan

app = FastAPI(lifespan=dekaf_lifespan({"bootstrap_servers": "kafka.invalid:9092", "start": "eager"}))


@app.post("/orders/{order_id}")
async def place(order_id: str, producer: ProducerDep) -> int:
    """Produce and wait."""
    return (await producer.produce("orders", order_id, {"id": order_id, "status": "placed"})).offset


@app.post("/blocking/{order_id}")
def place_blocking(order_id: str, producer: SyncProducerDep) -> int:
    """Produce on a thread."""
    return producer.produce("orders", order_id, {"id": order_id, "status": "placed"}).offset


@app.post("/later/{order_id}")
async def place_later(order_id: str, producer: ProducerDep, tasks: BackgroundTasks) -> None:
    """Fire after the answer, and once more a little later."""
    tasks.add_task(producer.fire, "orders", order_id, {"status": "in a background task"})
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, producer.fire, "orders", order_id, {"status": "later"})
