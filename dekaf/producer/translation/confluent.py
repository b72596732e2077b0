"""The translation of a configuration of confluent-kafka, where some options decide what others mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from dekaf.producer.hidden_text import hidden
from dekaf.producer.masked import Masked, masked, unmasked
from dekaf.producer.translation.confluent_rules import ASSERTION, CLIENT_ID, CLIENT_SECRET, ENDPOINT, RULES
from dekaf.producer.translation.rules import Becomes, Translation, translate
from dekaf.producer.translation.tokens import TupleTokens

__all__ = ("translated",)

_JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOPIC: Final = "default.topic.config"
_DECIDES: Final = ("oauth_cb", "sasl.oauthbearer.config", "sasl.oauthbearer.method", "sasl.oauthbearer.grant.type")


def translated(mapping: Masked, overrides: Collection[str]) -> Translation:
    """Translate a configuration of confluent-kafka.

    Args:
        mapping: What `confluent_kafka.Producer` is given.
        overrides: Our options that the application gives beside.
    """
    flat = _flat(mapping)
    translation = translate(Masked(_without(flat, _DECIDES)), RULES, overrides)
    if isinstance(flat.reveal(), Mapping):
        _tokens(flat, translation, overrides)
    if "partitioner" not in translation.options and "partitioner" not in overrides:
        # Theirs by default: keys stay where they are.
        translation.options["partitioner"] = masked("consistent_random")
    compression = str(unmasked(translation.options.get("compression_type", "none"))).lower()
    has_levels = compression not in {"none", "snappy"} or "compression_type" in overrides
    if not has_levels and translation.options.pop("compression_level", None) is not None:
        translation.left_out.append("compression.level")
    return translation


def _flat(mapping: Masked) -> Masked:
    """Return a configuration with the options of its topics among the others."""
    given = mapping.reveal()
    nested = given.get(_TOPIC) if isinstance(given, Mapping) else None
    if not isinstance(nested, Mapping):
        return mapping
    return Masked({**nested, **{name: value for name, value in given.items() if name != _TOPIC}})


def _without(mapping: Masked, names: Collection[str]) -> object:
    given: object = mapping.reveal()
    return {name: value for name, value in given.items() if name not in names} if isinstance(given, Mapping) else given


def _tokens(mapping: Masked, translation: Translation, overrides: Collection[str]) -> None:
    """Say where tokens come from: as there, a method and a grant decide which of the other options count."""
    oauth_cb = Masked(mapping.reveal().get("oauth_cb"))
    config = hidden(str(mapping.reveal().get("sasl.oauthbearer.config") or ""))
    is_oidc = str(mapping.reveal().get("sasl.oauthbearer.method", "")).strip().lower() == "oidc"
    if "sasl_oauth_token_provider" in overrides or ENDPOINT in overrides:
        return
    if callable(oauth_cb.reveal()):
        if is_oidc:
            translation.faults.append("oauth_cb: sasl.oauthbearer.method is oidc: give one of the two")
        provider = TupleTokens(oauth_cb.reveal(), config)
        translation.options["sasl_oauth_token_provider"] = Masked(provider)
    elif oauth_cb.reveal() is not None:
        translation.faults.append("oauth_cb: must be a function that takes a text and returns a tuple")
    elif config.get_secret_value() and "sasl.oauthbearer.metadata.authentication.type" not in mapping.reveal():
        translation.faults.append("sasl.oauthbearer.config: is for an oauth_cb, which is missing")
    _leave_out_other_grants(mapping, translation)


def _leave_out_other_grants(mapping: Masked, translation: Translation) -> None:
    grant = str(mapping.reveal().get("sasl.oauthbearer.grant.type") or "").strip().lower()
    is_by_assertion = grant == _JWT_BEARER
    for name in list(translation.options):
        is_assertion = name.startswith(ASSERTION)
        if (is_by_assertion and name in {CLIENT_ID, CLIENT_SECRET}) or (not is_by_assertion and is_assertion):
            del translation.options[name]
            translation.left_out += [theirs for theirs in _names_of(name) if mapping.reveal().get(theirs) is not None]


def _names_of(option: str) -> list[str]:
    return [name for name, rule in RULES.items() if isinstance(rule, Becomes) and rule.option == option]
