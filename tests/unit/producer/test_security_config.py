"""A configuration with secrets: what it shows, how it is copied, and how it travels to another process."""

from __future__ import annotations

import copy
import functools
import multiprocessing
import pickle
import ssl
from typing import Any

import pytest

from dekaf.errors import ConfigurationError
from dekaf.producer.config import ProducerConfig
from dekaf.producer.hidden_text import is_hidden
from dekaf.security import OAuthToken
from tests.unit.producer.secure import CERTIFICATE, KEY, PLAIN, SERVERS, provider

TLS: dict[str, Any] = {"security_protocol": "SSL"}
TOKENS: dict[str, Any] = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}


def config(**options: Any) -> ProducerConfig:
    return ProducerConfig(bootstrap_servers=SERVERS, **options)


class Vault:
    """Its repr shows what it holds, as that of a dataclass would."""

    def __repr__(self) -> str:
        return "Vault('wonder')"

    def token(self) -> OAuthToken:
        raise NotImplementedError


def test_the_repr_has_the_security_options_that_were_given() -> None:
    shown = repr(config(**PLAIN, ssl_cafile="/etc/ca.pem"))

    assert "security_protocol='SASL_SSL', ssl_cafile='/etc/ca.pem', sasl_mechanism='PLAIN'" in shown
    assert "sasl_username='alice', sasl_password=HiddenText('**********')" in shown
    assert "ssl_certfile" not in shown
    assert "linger_ms=5" in shown


@pytest.mark.parametrize(
    ("options", "shows"),
    [
        ({**PLAIN, "sasl_password": functools.partial(str, "wonder")}, "sasl_password=<partial>"),
        ({**TOKENS, "sasl_oauth_token_provider": Vault()}, "sasl_oauth_token_provider=<Vault>"),
        ({**TOKENS, "sasl_oauth_token_provider": "shop.tokens"}, "sasl_oauth_token_provider='shop.tokens'"),
        ({**TLS, "ssl_context": ssl.create_default_context()}, "ssl_context=<SSLContext>"),
    ],
)
def test_of_functions_and_objects_the_repr_shows_their_kind(options: dict[str, Any], shows: str) -> None:
    shown = repr(config(**options))

    assert shows in shown
    assert "wonder" not in shown


def test_variables_show_no_secret() -> None:
    made = config(**PLAIN, ssl_certfile=CERTIFICATE, ssl_keyfile=KEY)

    for shown in (repr(vars(made)), repr(made.model_dump()), str(made)):
        assert "wonder" not in shown
        assert "MII" not in shown


def test_a_pickled_configuration_has_its_secrets() -> None:
    made = config(**PLAIN, ssl_certfile=CERTIFICATE, ssl_keyfile=KEY)

    again = pickle.loads(pickle.dumps(made))

    assert again == made
    assert again.sasl_password.get_secret_value() == "wonder"
    assert again.given_security_options == made.given_security_options


def test_a_function_that_a_module_has_under_its_name_is_pickled() -> None:
    made = config(**TOKENS, sasl_oauth_token_provider=provider)

    assert pickle.loads(pickle.dumps(made)).sasl_oauth_token_provider is provider


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {**TLS, "ssl_context": ssl.create_default_context()},
            "ssl_context=<SSLContext>: cannot be pickled, which raised TypeError: give ssl_cafile, ssl_certfile",
        ),
        ({**PLAIN, "sasl_password": lambda: "wonder"}, "sasl_password=<function>: cannot be pickled"),
        ({**TOKENS, "sasl_oauth_token_provider": lambda: "wonder"}, "sasl_oauth_token_provider=<function>: cannot be"),
        ({"on_undelivered": lambda messages: None}, "on_undelivered=<function>: cannot be pickled"),
    ],
)
def test_what_cannot_be_pickled_is_named(options: dict[str, Any], says: str) -> None:
    made = config(**options)

    with pytest.raises(ConfigurationError) as caught:
        pickle.dumps(made)

    assert str(caught.value).startswith(says)
    assert caught.value.__context__ is None


def test_a_configuration_reaches_a_spawned_process() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(password_of, [config(**PLAIN)]) == "wonder"


def password_of(made: ProducerConfig) -> str:
    assert is_hidden(made.sasl_password)
    return made.sasl_password.get_secret_value()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_configuration_with_a_context_can_be_copied(copied: Any) -> None:
    made = config(**TLS, ssl_context=ssl.create_default_context(), on_undelivered=lambda messages: None)

    assert copied(made) == made


def test_a_copy_that_is_changed_leaves_the_original_alone() -> None:
    made = config(**PLAIN)

    changed = made.model_copy(update={"sasl_username": "bob"}, deep=True)

    assert (made.sasl_username, changed.sasl_username) == ("alice", "bob")
