"""Workers of RQ that do not ask Redis for their own address, which the fake one does not know."""

from __future__ import annotations

from rq.worker import SimpleWorker, Worker


class InItself(SimpleWorker):  # type: ignore[misc] # RQ is not among the packages of the linters
    """Runs jobs in the worker."""

    def _set_ip_address(self, _connection: object) -> None:
        self.ip_address = "unknown"


class InChildren(Worker):  # type: ignore[misc] # the same
    """Forks for each job; the child ends by `os._exit`."""

    def _set_ip_address(self, _connection: object) -> None:
        self.ip_address = "unknown"
