"""A FastAPI application that fires one message per request; run by a server in a process of its own."""

from __future__ import annotations

import os

from fastapi import FastAPI

from dekaf.contrib.fastapi import ProducerDep, SyncProducerDep, dekaf_lifespan

TOPIC = os.environ["TOPIC"]

app = FastAPI(lifespan=dekaf_lifespan())


@app.get("/{number}")
async def from_coroutine(number: str, producer: ProducerDep) -> None:
    producer.fire(TOPIC, number, number)


@app.get("/thread/{number}")
def from_thread(number: str, producer: SyncProducerDep) -> None:
    producer.fire(TOPIC, number, number)
