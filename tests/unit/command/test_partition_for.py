"""`dekaf partition-for`: the number alone."""

from __future__ import annotations

import pytest

from dekaf import Producer
from dekaf.command.main import main
from dekaf.testing import FakeCluster


class Last:
    """A partitioner of the user's."""

    def partition(self, _topic: str, key: bytes | None, count: int) -> int | None:
        return count - 1 if key else None


@pytest.mark.parametrize("partitioner", ["murmur2", "consistent_random"])
def test_it_is_where_a_producer_puts_the_key(capsys: pytest.CaptureFixture[str], partitioner: str) -> None:
    with (
        FakeCluster(topics={"orders": 7}) as cluster,
        Producer(bootstrap_servers=cluster.bootstrap_servers, key=str, partitioner=partitioner) as producer,
    ):
        placed = producer.produce("orders", "客户-42", b"").partition

    assert main(["partition-for", "--key", "客户-42", "--partitions", "7", "--partitioner", partitioner]) == 0
    assert capsys.readouterr().out == f"{placed}\n"


def test_a_partitioner_of_ones_own_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["partition-for", "-k", "42", "-n", "7", "--partitioner", f"{__name__}.Last"]) == 0
    assert capsys.readouterr().out == "6\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "0"], "it is not a number from 1"),
        (["-n", "3", "--partitioner", "murmur3"], "murmur3"),
        (["-n", "3", "--partitioner", "round_robin"], "looks at no key"),
        (["-n", "3", "--partitioner", f"{__name__}.Last", "-k", ""], "leaves the choice"),
    ],
)
def test_what_cannot_be_said_is_told(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["partition-for", "-k", "42", *arguments])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err
