"""A FastAPI application: a page that never touches Kafka, one that waits for it, and one that does not."""

from __future__ import annotations

import os

from fastapi import FastAPI, Response

from dekaf import ProduceError
from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan

TOPIC = os.environ["TOPIC"]

app = FastAPI(lifespan=dekaf_lifespan())


@app.get("/page/{number}")
async def page(number: str) -> str:
    return number


@app.get("/confirmed/{number}")
async def confirmed(number: str, producer: ProducerDep, response: Response) -> dict[str, bool]:
    try:
        await producer.produce(TOPIC, number, number)
    except ProduceError as error:
        response.status_code = 503
        return {"may_be_persisted": error.may_be_persisted}
    return {}


@app.get("/fired/{number}")
async def fired(number: str, producer: ProducerDep, response: Response) -> dict[str, bool]:
    try:
        producer.fire(TOPIC, number, number)
    except ProduceError as error:
        response.status_code = 503
        return {"may_be_persisted": error.may_be_persisted}
    return {}
