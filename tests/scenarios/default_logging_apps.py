"""Applications that configure no logging and lose what they fire; each run by a server in a process of its own."""

from __future__ import annotations

from fastapi import FastAPI

from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan

fastapi = FastAPI(lifespan=dekaf_lifespan())


@fastapi.get("/fire")
async def fire(producer: ProducerDep) -> None:
    producer.fire("orders", "42", "paid")
