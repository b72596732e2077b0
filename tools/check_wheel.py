"""Try an installed dekaf as a stranger would: both faces, every codec, against a fake cluster on a real socket.

    python tools/check_wheel.py compiled                  what dekaf has to be
    python tools/check_wheel.py compiled --without lz4    where a codec's library cannot be had

The release runs it on every wheel it builds, on every platform: it needs nothing but dekaf and its codecs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import warnings

import dekaf
from dekaf import AsyncProducer, DeliveryTimeoutError, Headers, Producer, ProducerConfig, ProducerMessage
from dekaf.testing import FakeCluster

CODECS = ("none", "gzip", "lz4", "snappy", "zstd")
MESSAGES = 200
TOPIC = "orders"


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("implementation", choices=("compiled", "interpreted"))
    parser.add_argument("--without", choices=CODECS, metavar="CODEC", help="leave this codec out")
    arguments = parser.parse_args()
    wanted = arguments.implementation
    found = "compiled" if dekaf.compiled else "interpreted"
    if found != wanted:
        sys.stderr.write(f"{dekaf.__file__} is {found}, not {wanted}\n")
        return 1
    warnings.simplefilter("error")  # as in many a test suite
    codecs = [codec for codec in CODECS if codec != arguments.without]
    for codec in codecs:
        with FakeCluster(topics={TOPIC: 3}) as cluster:
            options = {"bootstrap_servers": cluster.bootstrap_servers, "compression_type": codec}
            config = ProducerConfig.from_mapping(options)
            from_thread(config)
            asyncio.run(from_coroutines(config))
            written = sorted((record.value or b"").decode() for record in cluster.log(TOPIC))
        if written != sorted(f"{face} {number}" for face in ("thread", "task") for number in range(MESSAGES)):
            sys.stderr.write(f"{codec}: {2 * MESSAGES} messages were produced, {len(written)} are in the log\n")
            return 1
    if not asyncio.run(tells_of_failure(cluster.bootstrap_servers)):  # where nobody listens any more
        sys.stderr.write("a message that could not be delivered was not reported as that\n")
        return 1
    version = ".".join(map(str, sys.version_info[:3]))
    tried = ", ".join(codecs)
    sys.stdout.write(f"dekaf {dekaf.__version__}, {found}, on Python {version}: {tried} through both faces\n")
    return 0


def from_thread(config: ProducerConfig) -> None:
    """Fire, then flush."""
    with Producer(key=str, value=str, config=config) as producer:
        for number in range(MESSAGES):
            producer.fire(TOPIC, str(number), f"thread {number}", headers={"number": str(number)})
        producer.flush(30)


async def from_coroutines(config: ProducerConfig) -> None:
    """Await all."""
    headers = Headers.create().add("kind", "check")
    async with AsyncProducer(key=str, value=str, config=config) as producer:
        await producer.produce_all(
            ProducerMessage(topic=TOPIC, key=str(number), value=f"task {number}", headers=headers)
            for number in range(MESSAGES)
        )


async def tells_of_failure(bootstrap_servers: str) -> bool:
    """Await what fails: on its way here the exception passes through compiled coroutines."""
    config = ProducerConfig.from_mapping({"bootstrap_servers": bootstrap_servers, "max_block_ms": 500})
    async with AsyncProducer(key=str, value=str, config=config) as producer:
        try:
            await producer.produce(TOPIC, "key", "value")
        except DeliveryTimeoutError:
            return True
        return False


if __name__ == "__main__":
    sys.exit(main())
