"""What names and values tell of secrets."""

from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.content import content
from conformant.leaf import Check, load
from conformant.model import Finding, Status
from conformant.profile import Profile
from conformant.testing import judge, mended
from conformant.views.secret_names import (
    NAME_HINT,
    TOKEN_HINT,
    Shape,
    assignments_in,
    is_secret_name,
    names_an_object,
    secret_shape,
    settings_in,
    shape,
    token_in,
)
from conformant.views.secrets import named_texts

HARMLESS, PLACEHOLDER, LITERAL = Shape.HARMLESS, Shape.PLACEHOLDER, Shape.LITERAL
SECRET_NAMES = [
    "password", "DB_PASSWORD", "dbPassword", "PGPASSWORD", "admin.password", "smtp-pass", "POSTGRES_PWD", "APIKey",
    "api_key", "x-api-key", "AWS_SECRET_ACCESS_KEY", "secret", "CLIENT_SECRET", "authToken", "JWT", "sentry.dsn",
    "connectionString", "SIGNING_KEY", "encryption-key", "privateKey", "credentials", "requirepass", "PASSWORD1",
    "client-key-data", "Authorization", "example.com/api-key", "OAuthToken", "SECRET_KEY_BASE",
]  # fmt: skip
OTHER_NAMES = [
    "", "key", "name", "SERVICE_NAME", "DB_SECRET_NAME", "PASSWORD_FILE", "tokenPath", "AWS_ACCESS_KEY_ID", "TOKEN_TTL",
    "passwordPolicy", "tokenReviewer", "automountServiceAccountToken", "ETCD_INITIAL_CLUSTER_TOKEN", "existingSecret",
    "manage_master_user_password", "enableToken", "use_secret", "secret_arn", "secretRef", "token_endpoint",
    "jwt.issuer", "JWT_ALGORITHM", "password_wo_version", "key_hash", "jwks_uri", "JWT_PUBLIC_KEY", "monkey",
    "compass", "passenger", "secretKeyRef", "token/path", "secret.reloader.stakater.com/reload", "tokens_used",
    "password_encryption", "existingSecretPasswordKey",
]  # fmt: skip


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_names(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("password", "hunter2", LITERAL), ("password", "changeme", LITERAL), ("password", "correct horse", LITERAL),
        ("password", "1234", LITERAL), ("token", "1234", HARMLESS), ("token", "3600s", HARMLESS),
        ("password", "", HARMLESS), ("password", " ", HARMLESS), ("password", "true", HARMLESS),
        ("password", "$(X)", HARMLESS), ("password", "a${X}b", HARMLESS), ("password", "{{ x }}", HARMLESS),
        ("password", "<yours>", HARMLESS), ("password", "$X", HARMLESS), ("password", "/run/x", HARMLESS),
        ("password", "ENC[AES256_GCM,data:x]", HARMLESS), ("password", "****", HARMLESS),
        ("password", "YOUR_PASSWORD", PLACEHOLDER), ("password", "your_password", LITERAL),
        ("password", "DB_PASSWORD_VALUE", PLACEHOLDER), ("password", "xxxxx", PLACEHOLDER),
        ("api_key", "RADARR_API_KEY", PLACEHOLDER), ("token", "https://id.example/token", HARMLESS),
        ("dsn", "postgres://app:hunter2@db/shop", HARMLESS), ("dsn", "app:hunter2@tcp(db)/shop", LITERAL),
        ("dsn", "host=db user=app", HARMLESS), ("dsn", "host=db password=hunter2", LITERAL),
        ("connectionString", "Server=db;Password=${X};", HARMLESS), ("authorization", "simple", HARMLESS),
        ("authorization", "Bearer abc", LITERAL), ("authorization", "Bearer ${TOKEN}", HARMLESS),
        ("password", "the first line\nthe second", HARMLESS), ("secret", "ssh-rsa AAAAB3Nz", HARMLESS),
    ],
)  # fmt: skip
def test_shapes(name: str, value: str, expected: Shape) -> None:
    assert shape(name, value) is expected


@pytest.mark.parametrize(
    ("name", "value", "listed", "expected"),
    [
        ("secret", "web-tls", False, True), ("tlsSecret", "shop/web-tls", False, True), ("secret", "A b", False, False),
        ("clientSecret", "web-tls", False, False), ("token", "web-tls", False, False), ("token", "web", True, True),
    ],
)  # fmt: skip
def test_names_of_objects(name: str, value: str, listed: bool, expected: bool) -> None:
    assert names_an_object(name, value, listed=listed) is expected


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("anything", "x", LITERAL), ("anything", "\n", HARMLESS), ("username", "app", HARMLESS),
        ("url", "https://git.example/x", HARMLESS), ("url", "https://u:p@git.example/x", LITERAL),
        ("url", "ssh://git@git.example:22/x", HARMLESS), ("password", "${X}", PLACEHOLDER),
        ("password", "a${X}", LITERAL), ("password", "<path:kv/x#y>", PLACEHOLDER),
        ("password", "REPLACE_ME", PLACEHOLDER),
        (".dockerconfigjson", '{"auths": {"r": {"password": "<x>"}}}', PLACEHOLDER),
        (".dockerconfigjson", "not json", LITERAL), (".dockerconfigjson", "[]", HARMLESS),
        ("config", '{"tlsClientConfig": {"keyData": "x"}}', LITERAL), ("app.yaml", "log: {level: info}", HARMLESS),
        ("app.yaml", "- password: x", LITERAL), ("app.yaml", "db: postgres://a:b@c/d", LITERAL),
    ],
)  # fmt: skip
def test_values_of_secrets(key: str, text: str, expected: Shape) -> None:
    assert secret_shape(key, text) is expected


def test_assignments_in_scripts() -> None:
    text = "export PASSWORD='a b'\nTOKEN=$(get)\nconnect(password=password)\nrun --api-key abc --verbose -x\ntoken = 1"
    assert list(assignments_in(text)) == [("PASSWORD", "a b"), ("api-key", "abc")]


def test_settings_in_configs() -> None:
    text = '# password=a\npassword = "b" # c\nuser: d\n- token: e\n<secret>f</secret>\nrequirepass g\n'
    assert list(settings_in(text)) == [("password", "b"), ("token", "e"), ("requirepass", "g"), ("secret", "f")]


def _tokens() -> list[str]:
    key = "PRIVATE" + " KEY"
    return [
        f"-----BEGIN {key}-----\nMIIE0123", f"-----BEGIN OPENSSH {key}-----\\nb3BlbnNz",
        "AKI" + "A" + "QX7ZK2M4N6P8R9TV",
        *(f"gh{kind}" + "_" + "a1B2c3D4e5F6g7H8i9J0" for kind in "pousr"), "github" + "_pat_" + "a1B2c3D4e5F6g7H8i9J0",
        *(f"xox{kind}" + "-" + "0123456789ab" for kind in "baprs"), "ey" + "JhbGciOiJI." + "ey" + "JzdWIiOiIx.c2ln",
        "https://hooks.slack" + ".com/services/T0/B0/abc", "https://a.webhook.office" + ".com/webhookb2/0123456789",
        "https://events.pagerduty" + ".com/integration/0123456789abcdef0123/enqueue",
    ]  # fmt: skip


@given(st.sampled_from(_tokens()), st.text(alphabet="ab :\n", max_size=9), st.text(alphabet="ab :\n", max_size=9))
def test_tokens_are_found_and_hinted_at(token: str, before: str, after: str) -> None:
    text = f"{before} {token} {after}"
    assert token_in(text) is not None
    assert TOKEN_HINT.search(text)
    assert TOKEN_HINT.search(f"x{text}x", 1, len(text) + 1)


def test_what_only_looks_like_a_token() -> None:
    for text in ("gh_pages", "xoxo", "eyJ.eyJ", "AKIA", "PRIVATE KEY", "-----BEGIN PUBLIC KEY-----\nMIIB"):
        assert token_in(text) is None
    assert token_in("AKI" + "AIOSFODNN7EXAMPLE") == ("an AWS access key", PLACEHOLDER)


@given(
    st.recursive(
        st.sampled_from(["x", "a: b", "{c}", "", "hunter2"]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["password", "api_key", "name", "value", "spec", "token-ttl"]), inner),
        ),
        max_leaves=12,
    )
)
def test_hint_of_names_misses_none(value: object) -> None:
    from yaml import safe_dump

    document = {"spec": value}
    secret = any(is_secret_name(name) and text for _, name, text, _ in named_texts(document))
    for text in (safe_dump(document), safe_dump(document, default_flow_style=True)):
        assert NAME_HINT.search(text) or not secret


@pytest.mark.parametrize("name", ["literal_secret", "plaintext_secret"])
def test_no_value_in_what_is_said(name: str, tmp_path: Path) -> None:
    canary = "c4nary"
    encoded = b64encode(canary.encode()).decode()
    (tmp_path / "a.yaml").write_text(
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{password: {canary}}}\n"
        f"data: {{token: {encoded}}}\n---\n"
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  password: {canary}\n"
        f"  run: PASSWORD={canary}\n  app.yaml: |\n    password: {canary}\n---\n"
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: c\n    image: i\n"
        f"    args: [--password={canary}, --token, {canary}]\n    env: [{{name: TOKEN, value: {canary}}}]\n"
    )
    (tmp_path / ".env").write_text(f"PASSWORD={canary}\n")
    found = _findings(name, tmp_path)
    assert len(found) >= 3
    for finding in found:
        said = repr((finding.message, finding.path, finding.cure, finding.fingerprint, finding.place))
        assert canary not in said.replace(str(tmp_path), "")
        assert encoded not in said


@pytest.mark.parametrize("name", ["literal_secret", "plaintext_secret"])
def test_fingerprints_do_not_depend_on_the_value(name: str, tmp_path: Path) -> None:
    def fingerprints(value: str) -> list[str]:
        (tmp_path / "a.yaml").write_text(
            f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{password: {value}}}\n---\n"
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{password: {value}}}\n"
        )
        return [finding.fingerprint for finding in _findings(name, tmp_path)]

    assert fingerprints("hunter2") == fingerprints("changeme") != []


@pytest.mark.parametrize(("name", "fixture"), [("literal_secret", "fail.yaml"), ("missed_rotation", "fail.yaml")])
def test_cures_cure(name: str, fixture: str, tmp_path: Path) -> None:
    from yaml import safe_dump

    check = _check(name)
    results = judge([check], content("fixtures") / "secrets" / name / fixture, Profile())
    patched = [
        result for result in results if any(finding.cure and finding.cure.patches for finding in result.findings)
    ]
    assert patched
    for result in patched:
        target = tmp_path / "mended.yaml"
        target.write_text(safe_dump(mended(result.resource.raw, result.findings)))
        left = [finding for again in judge([check], target, Profile()) for finding in again.findings]
        assert not [finding for finding in left if finding.cure and finding.cure.patches]


def test_live_secrets_are_not_judged() -> None:
    from conformant.views.literals import Anything

    check = _check("plaintext_secret")
    (result,) = judge([check], content("fixtures") / "secrets" / "plaintext_secret" / "fail_configs.yaml", Profile())
    assert result.status is Status.FAIL
    result.resource.source = "cluster"
    assert not [item for item in check.function(Anything(result.resource)) if isinstance(item, Finding)]


def _check(name: str) -> Check:
    check: Check = load(str(content("checks") / "secrets" / f"{name}.py"), Check)
    return check


def _findings(name: str, path: Path) -> list[Finding]:
    return [finding for result in judge([_check(name)], path, Profile()) for finding in result.findings]
