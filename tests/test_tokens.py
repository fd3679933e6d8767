"""How settings of token providers are read, whatever their spelling."""

import pytest

from conformant.domain.tokens import TokenProvider, holds_private_key, related
from conformant.model import ROOT, Path, Undecided


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({"leeway": 30}, 30),
        ({"leewaySeconds": "90"}, 90),
        ({"leeway_ms": 90000}, 90),
        ({"leeway-minutes": 2}, 120),
        ({"leeway": "1m30s"}, 90),
        ({"leeway": "1d"}, 86400),
        ({"leeway": True}, None),
        ({"leeway": "soon"}, None),
        ({}, None),
    ],
)
def test_times(settings: dict[str, object], seconds: float | None) -> None:
    names = ("leeway", "leewayseconds", "leewayms", "leewayminutes")
    assert TokenProvider("jwt", ROOT, settings).seconds(names) == seconds


def test_settings_are_found_by_any_spelling_and_placed_as_written() -> None:
    provider = TokenProvider("jwt", Path(("config",)), {"jwksUri": "https://id.shop.example"})
    assert provider.value(("jwksuri",)) == "https://id.shop.example"
    assert provider.at(("jwksuri",), "jwks_uri") == Path(("config", "jwksUri"))
    assert provider.at(("issuer",), "issuer") == Path(("config", "issuer"))


@pytest.mark.parametrize("text", ["${ISSUER}", "https://$(HOST)/", "{{ .issuer }}", "https://<tenant>.id.example"])
def test_what_is_filled_in_elsewhere_is_undecided(text: str) -> None:
    provider = TokenProvider("jwt", ROOT, {"issuer": text})
    with pytest.raises(Undecided):
        provider.value(("issuer",))


@pytest.mark.parametrize(
    ("host", "other", "same"),
    [
        ("keys.shop.example", "id.shop.example", True),
        ("keys.shop.example", "shop.example", True),
        ("keys.other.example", "id.shop.example", False),
        ("a.shop.co.uk", "b.shop.co.uk", True),
        ("a.shop.co.uk", "b.other.co.uk", False),
        ("keycloak.identity.svc", "id.shop.example", True),
    ],
)
def test_hosts_of_one_domain(host: str, other: str, same: bool) -> None:
    assert related(host, other) is same


@pytest.mark.parametrize(
    ("keys", "private"),
    [
        ({"keys": [{"kty": "RSA", "n": "x"}]}, False),
        ({"keys": [{"kty": "RSA", "n": "x", "d": "y"}]}, True),
        ('{"keys": [{"kty": "oct", "k": "x"}]}', True),
        ("not JSON", False),
        (None, False),
    ],
)
def test_private_keys_in_a_key_set(keys: object, private: bool) -> None:
    assert holds_private_key(keys) is private
