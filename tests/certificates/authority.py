"""Authority: a certificate authority as it should be, for as long as a test run lasts."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

import trustme

from tests.certificates.key_pair import KeyPair

__all__ = ("HOSTS", "Authority")

HOSTS: Final = ("localhost", "127.0.0.1")
_AGES_AGO: Final = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
_YEARS_AGO: Final = datetime.datetime(2020, 2, 29, 12, tzinfo=datetime.UTC)
_YEARS_AHEAD: Final = datetime.datetime(2999, 2, 28, 12, tzinfo=datetime.UTC)


class Authority:
    """Issues certificates for servers on loopback and for their clients. All its files lie in one folder.

    Every server's certificate has the same subject, and so has every certificate of one client: brokers refuse to
    change to another one while they run.

    Args:
        folder: where the files go; it is made if it is missing.
        root: the authority that signs this one's certificate; None for one that signs its own.
    """

    def __init__(self, folder: Path, *, root: Authority | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca: trustme.CA = trustme.CA() if root is None else root._ca.create_child_ca()
        self.cafile: Final = folder / "ca.pem"  # of an intermediate one, too: its own certificate alone
        self.cafile.write_bytes(self._ca.cert_pem.bytes())

    def intermediate(self, name: str) -> Authority:
        """Make an authority below this one; what it issues comes with its own certificate behind."""
        return Authority(self._folder / name, root=self)

    def server(self, name: str = "server", *hosts: str) -> KeyPair:
        """Issue a server's certificate.

        Args:
            name: of its files.
            hosts: names and addresses it is for; by default those of this machine on loopback.
        """
        return self._issue(name, *(hosts or HOSTS), subject="broker")

    def expired_server(self, name: str = "expired") -> KeyPair:
        """Issue a server's certificate whose time ended on 29 February 2020."""
        return self._issue(name, *HOSTS, subject="broker", not_after=_YEARS_AGO)

    def future_server(self, name: str = "future") -> KeyPair:
        """Issue a server's certificate whose time has not come yet."""
        return self._issue(name, *HOSTS, subject="broker", not_before=_YEARS_AHEAD)

    def client(self, name: str, *, subject: str | None = None) -> KeyPair:
        """Issue a client's certificate; its common name is `subject`, by default the name of its files."""
        subject = subject or name
        return self._issue(name, f"{subject}@clients.test", subject=subject)

    def expired_client(self, name: str) -> KeyPair:
        """Issue a client's certificate whose time is over."""
        return self._issue(name, f"{name}@clients.test", subject=name, not_after=_YEARS_AGO)

    def _issue(
        self,
        name: str,
        *identities: str,
        subject: str,
        not_before: datetime.datetime = _AGES_AGO,
        not_after: datetime.datetime | None = None,
    ) -> KeyPair:
        leaf = self._ca.issue_cert(
            *identities,
            common_name=subject,
            organization_name="dekaf tests",
            organization_unit_name="servers" if subject == "broker" else "clients",
            not_before=not_before,
            not_after=not_after,
        )
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        return KeyPair.write(self._folder, name, chain=chain, key=leaf.private_key_pem.bytes())
