"""Who may log in to a secured broker, and how that is written for Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ("MECHANISMS", "PLAIN_ONLY_USER", "PLAIN_USERS", "SCRAM_ONLY_USER", "SCRAM_USERS", "USERS", "jaas_config")

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")

# Zoe's password would be another one after SASLprep, which Kafka does not apply: ligature, fraction, no-break space.
USERS: Final[Mapping[str, str]] = MappingProxyType({"alice": "wonder,land=1865", "zoe": "ﬁne ½ Πβ\u00a0pässword"})

# A name that SCRAM has to escape, and that the configuration of PLAIN cannot hold; and one that is not ASCII, which
# Kafka takes from PLAIN but not from SCRAM (ScramMessages.java, SASLNAME_EXPR).
SCRAM_ONLY_USER: Final = "o=d,d"
PLAIN_ONLY_USER: Final = "zoë"
SCRAM_USERS: Final[Mapping[str, str]] = MappingProxyType({**USERS, SCRAM_ONLY_USER: "semi;colon,=equals"})
PLAIN_USERS: Final[Mapping[str, str]] = MappingProxyType({**USERS, PLAIN_ONLY_USER: 'quo"ted\\'})

_PACKAGE: Final = "org.apache.kafka.common.security"
_LOGIN_MODULES: Final = {
    "PLAIN": f"{_PACKAGE}.plain.PlainLoginModule",
    "SCRAM-SHA-256": f"{_PACKAGE}.scram.ScramLoginModule",
    "SCRAM-SHA-512": f"{_PACKAGE}.scram.ScramLoginModule",
    "OAUTHBEARER": f"{_PACKAGE}.oauthbearer.OAuthBearerLoginModule",
}


def jaas_config(mechanism: str, options: Mapping[str, str] | None = None) -> str:
    """Return the value of `sasl.jaas.config`, for a broker as for a client of Java's."""
    quoted = (f'{name}="{_escaped(value)}"' for name, value in (options or {}).items())
    return " ".join([_LOGIN_MODULES[mechanism], "required", *quoted]) + ";"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
