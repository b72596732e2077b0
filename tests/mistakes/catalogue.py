"""The mistakes, each with the public reports of it; tests say with `pytest.mark.mistake` which of these they show.

`python -m tests.mistakes.catalogue` prints the list with the tests of each.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ("MISTAKES", "Mistake", "marked_tests")

TESTS: Final = Path(__file__).parents[1]


class Mistake(NamedTuple):
    """One mistake.

    Args:
        about: what went wrong.
        reports: where; for what was found in another client's code or change log, what it is about.
    """

    about: str
    reports: tuple[str, ...]


MISTAKES: Final = (
    # Encoding and compression.
    Mistake("LZ4 blocks that depend on earlier ones, which small batches hide", ("kafka-python #1476", "pykafka #914")),
    Mistake("snappy's own framing; xerial blobs refused for their version numbers", ("kafka-python #2483",)),
    Mistake("zstd frames without their content size", ("kafka-python-ng #202", "kafka_protocol #142")),
    Mistake("several zstd frames read as one", ("kafka-python #2717",)),
    Mistake("a batch compressed again on its retry", ("kafka-python #718",)),
    Mistake(
        "compression silently off where Produce 0 is not advertised",
        ("librdkafka #4956", "KAFKA-18659", "kroxylicious #2851"),
    ),
    Mistake("the largest timestamp left out, or the last one taken for it", ("redpanda #1702", "redpanda #25200")),
    Mistake("deltas of timestamps in other units, or from the smallest one", ("kafka-go #266", "kafkajs #187")),
    Mistake("the refusal of an ApiVersions version read in that version", ("platformatic/kafka #343", "redpanda #296")),
    Mistake("software names that brokers refuse", ("redpanda console #390", "franz-go #1382")),
    Mistake("software named on the first connection only", ("franz-go #1298",)),
    Mistake("Produce 13 with topic ids nobody has told", ("franz-go #1312",)),
    Mistake("topic ids of an answer looked up in metadata that moved on", ("KAFKA-19397",)),
    Mistake("an answer without a partition, or with one too many", ("Apache Kafka's Java client",)),
    Mistake("offsets counted from -1", ("franz-go: offsets of a batch without a base offset",)),
    # Sequences, retries, duplicates.
    Mistake(
        "sequences that become negative, or 2**31",
        ("kafkajs #1787", "kafkajs #1790", "franz-go #226", "redpanda #4854"),
    ),
    Mistake("batches counted instead of records; gaps after a failed encoding", ("kafkajs #598",)),
    Mistake("a batch packed anew on its retry", ("librdkafka #4736", "librdkafka #4750")),
    Mistake(
        "sequences used again, or left out, after a batch whose fate is unknown",
        ("librdkafka #4438", "franz-go #930", "franz-go #1217", "franz-go #1235"),
    ),
    Mistake("every wrong sequence taken for a gap", ("librdkafka #4953",)),
    Mistake("other partitions forgotten at a new epoch", ("KAFKA-12152", "Dekaf/.NET #3342", "Dekaf/.NET #3346")),
    Mistake("epochs beyond 32767", ("librdkafka #3720",)),
    Mistake("a producer id the broker forgot is never replaced", ("platformatic/kafka #309",)),
    Mistake("the first batches of a partition reordered", ("KAFKA-15591", "KAFKA-14312", "KAFKA-19880")),
    Mistake("a topic unknown for a moment loses its queue", ("librdkafka #3513", "librdkafka #3009")),
    Mistake("stuck after a topic was created anew", ("KAFKA-13488", "librdkafka #4898", "franz-go #1364")),
    Mistake("a buffer used again while its bytes are on their way", ("KAFKA-19012", "KAFKA-17862")),
    Mistake(
        "a batch split into itself; a flush that does not wait for the parts",
        ("KAFKA-8350", "KAFKA-8202", "KAFKA-8325", "KAFKA-19479", "wolff #64", "rskafka #124"),
    ),
    Mistake("batches estimated too large for the broker, again and again", ("KAFKA-3995",)),
    Mistake("retries without a pause, or a pause for everybody", ("sarama #2469", "sarama #3557")),
    Mistake("order lost when a leader moves", ("aiokafka #228", "librdkafka #623", "librdkafka #1092")),
    Mistake("errors not retried that should be", ("aiokafka PR 1115",)),
    Mistake("time-outs that contradict each other accepted", ("Dekaf/.NET #2254", "librdkafka #3709")),
    # Batching, shutting down, the interface.
    Mistake("a flush that lingers; a linger that starts anew with each record", ("librdkafka #3489",)),
    Mistake("headers and framing left out of sizes; lingering anew", ("aiokafka PR 1142",)),
    Mistake("the first message late", ("librdkafka #5032",)),
    Mistake("Nagle's algorithm on", ("librdkafka #4986",)),
    Mistake("spinning while a broker is down", ("kafka-python #2616",)),
    Mistake("waiting for ever once the sender died", ("aiokafka #1101", "kafka-python #3108")),
    Mistake("a close that hangs without a broker", ("confluent-kafka-dotnet #1027", "rdkafka-ruby #268")),
    Mistake("a flush that keeps failures to itself", ("kafka-python #1347", "kafka-python #1667")),
    Mistake("partitions with high numbers starve", ("draining from the first partition on",)),
    Mistake("the slowest broker gets most of the records without a key", ("KAFKA-10888",)),
    Mistake(
        "keys hashed over the partitions that have a leader; the sign bit negated",
        ("pykafka: keys hashed over the partitions with a leader", "librdkafka #513", "librdkafka #3545"),
    ),
    # Network and metadata.
    Mistake("answers given to the wrong request", ("kafka-python #1744", "kafka-python #1748", "KAFKA-4669")),
    Mistake("a closed idle connection noticed at the next write", ("sarama #760", "kafka-python #849", "kafkajs #907")),
    Mistake("metadata asked of one dead broker for ever", ("librdkafka #4970",)),
    Mistake("never back to the bootstrap servers", ("KAFKA-8206", "KAFKA-18085", "librdkafka #5605")),
    # Secure connections.
    Mistake("SCRAM's server nonce appended to ours, which it contains", ("librdkafka #4895",)),
    Mistake("SCRAM with unchecked nonce and number of iterations", ("kafka-python #3026",)),
    Mistake("OAUTHBEARER's refusal left without its answer", ("kafka-python #2572",)),
    Mistake("brokers' certificates without key identifiers refused", ("cpython #138193",)),
    Mistake("a client's certificate sent without its chain", ("librdkafka #4894",)),
    Mistake(
        "only the first authority of a bundle trusted",
        ("librdkafka: only the first certificate of ssl.ca.pem was loaded",),
    ),
    Mistake("no authorities in the image, and an error that does not say so", ("confluent-kafka-python #1731",)),
    Mistake("an address of the certificate refused", ("librdkafka #3801",)),
    Mistake("the check of the host name and that of the chain switched off together", ("aiokafka #855",)),
    Mistake("no name told to the broker (SNI) where it is not checked", ("kafka-python #3113",)),
    Mistake(
        "a host name with its trailing dot not found in the certificate", ("kafka-python #2472", "librdkafka #5253")
    ),
    Mistake("encrypted keys of some formats refused", ("KAFKA-12703",)),
    Mistake("replaced certificates never read", ("librdkafka #2868", "kafka-python #1959", "kafkajs #1455")),
    Mistake("the client's certificate withheld, or not, where none is demanded", ("librdkafka #4900",)),
    Mistake("a prompt for the key's password on the terminal", ("hashicorp/vault #17064",)),
    Mistake("the resolved address looked up in the certificate", ("kafka-python #2013", "strimzi #873")),
    Mistake(
        "an expired certificate: a tight loop, and no word of it",
        ("kafka-python #2005", "kafka-python #2364", "librdkafka #2637"),
    ),
    Mistake(
        "an answer in TLS taken for a frame of 352 MB; no word of the mismatch",
        ("KAFKA-4493", "kafkajs #1643", "logstash-input-kafka #153"),
    ),
    Mistake(
        "the end of TLS without a goodbye taken for good",
        ("librdkafka: the end of TLS without a goodbye taken for a permanent error",),
    ),
    Mistake("what a write raises after the other side closed", ("aiokafka #1038", "uvloop #506")),
    Mistake("a close that waits for the other side's goodbye", ("aiohttp #6762", "uvloop #471")),
    Mistake("Nagle's algorithm on, with TLS", ("librdkafka #788", "librdkafka #920")),
    Mistake(
        "a token that is never asked for again; a password likewise",
        (
            *("confluent-kafka-python #1485", "confluent-kafka-python #2054", "gcn-kafka-python #49"),
            "kafka-python #2205",
        ),
    ),
    Mistake(
        "tokens asked for only while the application polls, or in the constructor",
        ("confluent-kafka-python #2164", "librdkafka #3871"),
    ),
    Mistake(
        "a token that outlives the credentials which signed it",
        ("ClickHouse #109125", "aws-msk-iam-sasl-signer-net #25", "aws-msk-iam-sasl-signer-python #48"),
    ),
    Mistake(
        "authenticating anew mixed up with answers that are under way",
        ("KAFKA-9854", "aiokafka #1105", "franz-go #249", "sarama #2233"),
    ),
    Mistake("a principal that changes with the token", ("aws-msk-iam-auth #104", "kafkajs #1582")),
    Mistake(
        "sessions too short to be renewed",
        ("Dekaf/.NET: sessions under 10 s", "franz-go: sessions shorter than the least pause left to end"),
    ),
    Mistake("credentials never sent, or in a frame of the wrong form", ("Dekaf/.NET #884",)),
    Mistake(
        "token endpoints verified by other authorities, and errors without the URL",
        (
            *("confluent-kafka-python #1702", "confluent-kafka-python #1782"),
            *("librdkafka #3751", "librdkafka #4761"),
        ),
    ),
    Mistake("a client's secret in the wrong alphabet; a body cut short", ("KAFKA-14496", "librdkafka #3192")),
    Mistake("proxies wanted", ("kafka-python #2531", "kafka-python #680")),
    Mistake(
        "secrets in logs, errors and representations",
        ("alpakka-kafka #1592", "apisix #13786", "kafka-gitops #93", "strimzi-kafka-bridge #343"),
    ),
)


def marked_tests() -> Iterator[tuple[str, str]]:
    """Yield for every mark the report it names and the test it stands at, as pytest calls that."""
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "mark.mistake" not in source:
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                test = f"{path.relative_to(TESTS.parent)}::{node.name}"
                yield from ((report, test) for report in _reports_of(node))


def _reports_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.mistake":
            for argument in decorator.args:
                yield ast.literal_eval(argument)


def _print() -> None:
    tests: dict[str, list[str]] = {}
    for report, test in marked_tests():
        tests.setdefault(report, []).append(test)
    for mistake in MISTAKES:
        sys.stdout.write(f"{mistake.about}  [{', '.join(mistake.reports)}]\n")
        shown = dict.fromkeys(test for report in mistake.reports for test in tests.get(report, []))
        sys.stdout.writelines(f"    {test}\n" for test in shown)


if __name__ == "__main__":
    _print()
