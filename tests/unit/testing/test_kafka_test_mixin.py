"""The mixin in the classes of unittest: one memory per test, and no producer of a registry that is real."""

from __future__ import annotations

import asyncio
import unittest
from collections.abc import Iterator

import pytest

from dekaf.registry import ProducerRegistry, is_overridden_everywhere
from dekaf.testing import KafkaTestMixin


@pytest.fixture
def registry() -> Iterator[ProducerRegistry]:
    with ProducerRegistry({"bootstrap_servers": "127.0.0.1:1"}) as registry:
        yield registry


def run(case: type[unittest.TestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert not is_overridden_everywhere()
    return result


def test_each_test_has_a_memory_from_its_set_up_to_its_tear_down(registry: ProducerRegistry) -> None:
    seen: list[list[bytes | None]] = []

    class Case(KafkaTestMixin, unittest.TestCase):
        def setUp(self) -> None:
            registry.producer().fire("orders", "1", "set up")

        def tearDown(self) -> None:
            registry.producer().fire("orders", "1", "tear down")
            seen.append([message.value for message in self.kafka.messages()])

        def test_first(self) -> None:
            registry.producer().produce("orders", "1", "first")
            self.kafka.assert_produced("orders", value="first")

        def test_second(self) -> None:
            self.kafka.assert_produced("orders", count=1)

    result = run(Case)

    assert (result.testsRun, result.failures, result.errors) == (2, [], [])
    assert seen == [[b"set up", b"first", b"tear down"], [b"set up", b"tear down"]]


def test_what_a_class_prepares_reaches_nothing_and_no_test(registry: ProducerRegistry) -> None:
    class Case(KafkaTestMixin, unittest.TestCase):
        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            registry.producer().produce("orders", "1", "prepared")

        def test_it(self) -> None:
            self.kafka.assert_nothing_produced()

    assert run(Case).wasSuccessful()


def test_a_failed_assertion_is_a_failure(registry: ProducerRegistry) -> None:
    class Case(KafkaTestMixin, unittest.TestCase):
        def test_it(self) -> None:
            self.kafka.assert_produced("orders")

    result = run(Case)

    assert (len(result.failures), result.errors) == (1, [])
    assert "Nothing was produced." in result.failures[0][1]


def test_coroutines_are_tests_too(registry: ProducerRegistry) -> None:
    class Case(KafkaTestMixin, unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self) -> None:
            await registry.async_producer().produce("orders", "1", "set up")

        async def test_it(self) -> None:
            asyncio.get_running_loop().call_later(0.01, registry.async_producer().fire, "orders", "2", "late")
            await self.kafka.await_for("orders", key="2", timeout=10.0)
            self.kafka.assert_produced("orders", count=2)

    assert run(Case).wasSuccessful()


def test_a_debugged_test_has_a_memory_as_well(registry: ProducerRegistry) -> None:
    class Case(KafkaTestMixin, unittest.TestCase):
        def test_it(self) -> None:
            registry.producer().produce("orders", "1", "a")
            self.kafka.assert_produced("orders")

    unittest.TestSuite([Case("test_it")]).debug()


def test_a_class_in_which_it_would_do_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match=r"class Case\(KafkaTestMixin, TestCase\)"):

        class Case(unittest.TestCase, KafkaTestMixin):
            pass


def test_classes_may_be_derived_from_one_another(registry: ProducerRegistry) -> None:
    class Base(KafkaTestMixin):
        def produce(self) -> None:
            registry.producer().fire("orders", "1", "a")

    class Case(Base, unittest.TestCase):
        def test_it(self) -> None:
            self.produce()
            self.kafka.assert_produced("orders", count=1)

    class Derived(Case):
        pass

    assert run(Derived).wasSuccessful()
