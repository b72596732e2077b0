"""The board counts what was read back, and forgets nothing for those who come later."""

from __future__ import annotations

from example_project.stand.arrival import Arrival
from example_project.stand.board import MOST_UNREAD, Board, KafkaState

ORDER = b'{"order_id":"web-1","customer":"ada","item":"decaf","quantity":2,"total_cents":600}'


def arrival(order_id: str, offset: int = 0) -> Arrival:
    return Arrival(partition=1, offset=offset, order_id=order_id, customer="ada", item="decaf", quantity=1)


def test_who_watches_gets_the_state_what_arrived_before_and_what_arrives() -> None:
    board = Board()
    board.tell(description="a Kafka")
    board.add([arrival("web-1")])

    with board.watching() as events:
        board.add([arrival("web-2", 1)])
        board.close()
        state, history, news = events

    assert (state["event"], state["kafka"], state["description"]) == ("state", "running", "a Kafka")
    assert (history["event"], [one["order_id"] for one in history["arrivals"]]) == ("history", ["web-1"])
    assert (news["event"], news["records"], news["arrivals"]) == ("arrivals", 2, [arrival("web-2", 1).as_dict()])


def test_an_order_that_arrives_twice_is_a_double_also_within_one_read() -> None:
    board = Board()
    board.add([arrival("web-1"), arrival("web-2", 1), arrival("web-1", 2)])
    board.add([arrival("web-2", 3)])

    with board.watching() as events:
        next(events)
        history = next(events)

    assert (history["records"], history["doubles"]) == (4, 2)


def test_kafka_changes_only_from_the_state_it_is_in() -> None:
    board = Board()

    assert board.switch(KafkaState.RUNNING, KafkaState.STOPPING)
    assert not board.switch(KafkaState.RUNNING, KafkaState.STOPPING)
    assert board.kafka_state is KafkaState.STOPPING


def test_who_watches_a_closed_board_comes_to_an_end() -> None:
    board = Board()
    board.close()

    with board.watching() as events:
        assert [event["event"] for event in events] == ["state", "history"]


def test_who_does_not_read_is_let_go() -> None:
    board = Board()

    with board.watching() as events:
        for number in range(2 * MOST_UNREAD):
            board.add([arrival(f"web-{number}", number)])
        assert len(list(events)) <= MOST_UNREAD


def test_a_record_is_read_as_an_order_and_anything_else_is_not() -> None:
    read = Arrival.from_record(1, 7, ORDER)

    assert read == Arrival(partition=1, offset=7, order_id="web-1", customer="ada", item="decaf", quantity=2)
    for value in (
        b"",
        b"no json",
        b"[]",
        b"null",
        b'{"order_id": 1}',
        b'{"order_id":1,"customer":2,"item":3,"quantity":"x"}',
        b'{"order_id":1,"customer":2,"item":3,"quantity":1e999}',
    ):
        assert Arrival.from_record(1, 7, value) is None
