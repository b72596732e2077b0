"""The vocabulary in which a test says what goes wrong: ``cluster.on(...).fail_once(...)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import ConfigurationError
from dekaf.testing.faults import Effect, Fault, FaultScript, Held, Matcher, PartitionFault, Plan, Reply, Rewrite, Target
from dekaf.testing.sasl_faults import SaslFault

__all__ = ("ALWAYS", "Trigger")

ALWAYS: Final = None  # for ``times``: every request, until the fault is cancelled


class Trigger:
    """Says what goes wrong with the requests that `FakeCluster.on` or `FakeBroker.on` chose.

    Every method adds one `Fault` and takes ``times``: how many requests it strikes, one by default, `ALWAYS` for all.
    Faults of the same kind queue up: ``fail(A)`` and then ``fail(B)`` fails the first request with A, the second with
    B. Faults of different kinds, such as a delay and an error, strike the same request.
    """

    def __init__(
        self,
        script: FaultScript,
        api: int,
        *,
        topic: str | None,
        partition: int | None,
        node: int | None,
        nth: int,
    ) -> None:
        self._script = script
        self._matcher = Matcher(api=api, topic=topic, partition=partition, node=node, nth=nth)

    # Answers that are well formed.

    def fail(
        self,
        code: int,
        *,
        times: int | None = 1,
        after_append: bool = False,
        message: str | None = None,
        record_errors: Mapping[int, str | None] | None = None,
    ) -> Fault:
        """Answer with an error code.

        Args:
            code: the error, for instance ``ErrorCode.NOT_LEADER_OR_FOLLOWER``.
            times: how many requests.
            after_append: of a Produce request, store the batch first.
            message: the error message, in the versions that have one.
            record_errors: the records refused by index, each with a message, in the versions that have them.
        """
        fault = PartitionFault(
            error_code=code, append=after_append, message=message, record_errors=dict(record_errors or {})
        )
        return self._on_partitions(fault, times)

    def fail_once(self, code: int) -> Fault:
        """Answer the next request with an error code."""
        return self.fail(code)

    def fail_always(self, code: int) -> Fault:
        """Answer every request with an error code, until the fault is cancelled."""
        return self.fail(code, times=ALWAYS)

    def hint_leader(self, node_id: int, epoch: int, *, times: int | None = 1) -> Fault:
        """Answer NOT_LEADER_OR_FOLLOWER and name the leader (KIP-951), in the versions that can."""
        fault = PartitionFault(error_code=ErrorCode.NOT_LEADER_OR_FOLLOWER, append=False, leader=(node_id, epoch))
        return self._on_partitions(fault, times)

    def omit_partition(self, *, times: int | None = 1) -> Fault:
        """Leave the partitions, or the topic of a Metadata request, out of the answer; a batch is stored."""
        return self._on_partitions(PartitionFault(omit=True), times)

    def add_partition(self, topic: str, partition: int, *, times: int | None = 1) -> Fault:
        """Put a partition into the answer to a Produce request that the client did not ask about."""

        def add(plan: Plan, _targets: Sequence[Target]) -> bool:
            if plan.extra_partition is not None:
                return False
            plan.extra_partition = (topic, partition)
            return True

        return self._add(add, times)

    def throttle(self, milliseconds: int, *, times: int | None = 1) -> Fault:
        """Ask the client to send nothing for so long."""

        def throttle(plan: Plan, _targets: Sequence[Target]) -> bool:
            if plan.throttle_ms:
                return False
            plan.throttle_ms = milliseconds
            return True

        return self._add(throttle, times)

    def name_no_brokers(self, *, times: int | None = 1) -> Fault:
        """Answer a Metadata request as a broker that is still starting does: without any broker."""

        def hide(plan: Plan, _targets: Sequence[Target]) -> bool:
            hidden, plan.has_brokers = not plan.has_brokers, False
            return not hidden

        return self._add(hide, times)

    def spoil(self, fault: SaslFault, *, times: int | None = 1) -> Fault:
        """Answer SaslAuthenticate requests as a hostile or broken peer does.

        Args:
            fault: what is wrong; it waits for the message of SCRAM that it concerns.
            times: how many such messages.

        Raises:
            ConfigurationError: requests of another API were chosen.
        """
        if self._matcher.api != ApiKey.SASL_AUTHENTICATE:
            raise ConfigurationError(f"spoil({fault.name}) is for on(ApiKey.SASL_AUTHENTICATE).")

        def spoil(plan: Plan, _targets: Sequence[Target]) -> bool:
            if plan.sasl_fault is not None:
                return False
            plan.sasl_fault = fault
            return True

        message, _ = fault.concerns
        return self._add(spoil, times, matcher=replace(self._matcher, topic=message))

    # Answers that come late.

    def delay(self, seconds: float, *, times: int | None = 1) -> Fault:
        """Store first, and answer after so many seconds; later requests on the connection wait as well."""

        def delay(plan: Plan, _targets: Sequence[Target]) -> bool:
            if plan.delay:
                return False
            plan.delay = seconds
            return True

        return self._add(delay, times)

    def hold(self, *, times: int | None = ALWAYS, before_append: bool = False) -> Held:
        """Keep the answer back until the test calls ``release()`` on the fault returned.

        Args:
            times: how many requests.
            before_append: hold the request up before anything of it is stored. It is stored after the release even if
                the client has gone, as a broker does that had read it.
        """
        held = Held(self._matcher, times=times, changed=self._script.changed, before_append=before_append)
        self._script.add(held)
        return held

    def never_answer(self, *, times: int | None = 1, append: bool = True) -> Fault:
        """Leave the request, and all later ones of the same connection, without an answer."""
        return self._reply(Reply.SILENCE, times, append=append)

    # Connections that break, and bytes that make no sense.

    def close_before_append(self, *, times: int | None = 1) -> Fault:
        """Close the connection as if the request had never arrived."""
        return self._reply(Reply.CLOSE, times, append=False)

    def close_after_append(self, *, times: int | None = 1) -> Fault:
        """Store, then close the connection without an answer."""
        return self._reply(Reply.CLOSE, times)

    def reset(self, *, times: int | None = 1) -> Fault:
        """Reset the connection as if the request had never arrived."""
        return self._reply(Reply.RESET, times, append=False)

    def half_a_frame(self, *, times: int | None = 1) -> Fault:
        """Store, send the first half of the answer and close the connection."""
        return self._reply(Reply.HALF, times)

    def truncate(self, *, times: int | None = 1) -> Fault:
        """Store, and send an answer whose frame is in order but whose body ends too early."""
        return self._reply(Reply.TRUNCATED, times)

    def wrong_correlation_id(self, *, times: int | None = 1) -> Fault:
        """Store, and send the answer under another request's number."""
        return self._reply(Reply.WRONG_CORRELATION_ID, times)

    def garbage(self, data: bytes = b"HTTP/1.1 400 Bad Request\r\n\r\n", *, times: int | None = 1) -> Fault:
        """Store, and send these bytes instead of the answer and its frame."""
        return self._reply(Reply.RAW, times, raw=data)

    def rewrite(self, rewrite: Rewrite, *, times: int | None = 1) -> Fault:
        """Store, and send what a function makes of the answer, which it is given with its frame.

        Args:
            rewrite: called on the cluster's thread; it must not wait, nor ask the cluster anything.
            times: how many requests.
        """
        return self._reply(Reply.REWRITTEN, times, rewrite=rewrite)

    def _reply(
        self,
        reply: Reply,
        times: int | None,
        *,
        append: bool = True,
        raw: bytes = b"",
        rewrite: Rewrite | None = None,
    ) -> Fault:
        def spoil(plan: Plan, _targets: Sequence[Target]) -> bool:
            if plan.reply is not Reply.NORMAL:
                return False
            plan.reply = reply
            plan.raw = raw
            plan.rewrite = rewrite
            plan.is_processed = append
            return True

        return self._add(spoil, times)

    def _on_partitions(self, fault: PartitionFault, times: int | None) -> Fault:
        def strike(plan: Plan, targets: Sequence[Target]) -> bool:
            free = [target for target in targets if target not in plan.partitions]
            plan.partitions.update(dict.fromkeys(free, fault))
            return bool(free)

        return self._add(strike, times)

    def _add(self, effect: Effect, times: int | None, *, matcher: Matcher | None = None) -> Fault:
        fault = Fault(matcher or self._matcher, effect, times=times, changed=self._script.changed)
        self._script.add(fault)
        return fault
