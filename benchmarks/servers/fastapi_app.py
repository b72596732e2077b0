"""FastAPI: `POST /bare` answers, `POST /produce` awaits one produce before it does, `GET /usage` tells the CPU used."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from benchmarks.clients.interfaces import AwaitingClient, ProduceAndAwait
from benchmarks.servers.settings import UsageReport, freeze_if_asked, job, keys, usage

MODULES = {
    "dekaf": "benchmarks.clients.dekaf_client",
    "confluent": "benchmarks.clients.confluent",
    "aiokafka": "benchmarks.clients.aiokafka_client",
    "none": "benchmarks.clients.no_client",
}


class _Producing:
    """The client of this process, there between start-up and shutdown."""

    def __init__(self) -> None:
        self.job = job()
        self.value = b"x" * self.job.size_bytes
        self.keys = keys()
        self.produced = 0
        self.produce: ProduceAndAwait

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        client: AwaitingClient = importlib.import_module(MODULES[self.job.client]).Awaiting(self.job)
        self.produce = await client.start()
        freeze_if_asked()
        yield
        await client.close()


producing = _Producing()
app = FastAPI(lifespan=producing.lifespan)


@app.post("/bare")
async def bare() -> dict[str, str]:
    next(producing.keys)
    return {"status": "accepted"}


@app.post("/produce")
async def produce() -> dict[str, str]:
    await producing.produce(next(producing.keys), producing.value)
    producing.produced += 1
    return {"status": "accepted"}


@app.get("/usage")
async def tell_usage() -> UsageReport:
    return usage(producing.job.client, producing.produced)
