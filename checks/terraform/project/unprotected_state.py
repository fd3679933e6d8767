"""The Terraform state is kept locally, unencrypted, or with credentials in its settings.

What it checks: Every root has a remote backend. For s3, `encrypt` is true (false is a finding; absent a lower
one, since S3 encrypts by itself) and `kms_key_id` names a key (absent: low). For http, consul, pg, kubernetes and
the like it cannot be proved that the state is encrypted (a lower finding). Addresses do not start with http://,
and no credential stands in the settings. Settings in ``*.tfbackend`` files and in Terragrunt's `remote_state`
count. A backend with only a part of its settings is undecided.

Why it matters: The state holds every attribute of every resource in clear text, passwords among them. On a laptop
it is also lost with the laptop, and nobody else can change the platform.

How to fix: ``backend "s3"`` with `encrypt = true`, a `kms_key_id` of your own and `use_lockfile = true`, or another
backend that encrypts; credentials from the environment or a role.

When it is fine: A bootstrap root that creates the bucket of the state itself. Waive it by its directory.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, Unknown
from conformant.views.terraform import TerraformRoot

ENCRYPTED = frozenset({"azurerm", "gcs", "remote", "cloud"})
CREDENTIALS = frozenset({
    "access_key", "secret_key", "token", "sas_token", "password", "client_secret", "sse_customer_key",
    "encryption_key",
})  # fmt: skip
ADDRESSES = ("address", "lock_address", "unlock_address", "endpoint")
REMOTE = Cure('keep the state in a backend that encrypts and locks, such as "s3" with a KMS key', grade="none")
PARTIAL = "the backend has only a part of its settings, and no *.tfbackend file has the rest"
ENVIRONMENT = Cure("take credentials from the environment or a role, and revoke this one", grade="none")


@check(
    id="TF-GEN-001",
    severity=Severity.HIGH,
    controls=[
        "nist-800-53r5/SC-28(1)", "nist-800-53r5/CM-3", "iso-27001-2022/A.8.24", "iso-27001-2022/A.8.9",
    ],
)  # fmt: skip
def unprotected_state(root: TerraformRoot) -> Iterator[Item]:
    if root.role != "root":
        yield NotApplicable("the state belongs to the root that uses this module")
        return
    if not root.backends:
        yield Finding("no backend: the state is a file in clear text beside the code", Path(("backends",)), cure=REMOTE)
    for path, settings in root.backends:
        yield from aspects([_kind(path, settings), _credentials(path, settings), _addresses(path, settings)])


def _kind(path: Path, settings: dict[str, Any]) -> Iterator[Item]:
    kind = settings.get("type")
    if isinstance(kind, Unknown):
        raise Undecided(kind.reason)
    if kind == "local":
        yield Finding('backend "local": the state is a file in clear text', path, cure=REMOTE)
    elif kind == "s3":
        yield from aspects([_s3_encryption(path, settings), _s3_key(path, settings)])
    elif str(kind) not in ENCRYPTED:
        message = f'whether the backend "{kind}" encrypts the state cannot be seen from here'
        yield Finding(message, path, Severity.MEDIUM, REMOTE)


def _s3_encryption(path: Path, settings: dict[str, Any]) -> Iterator[Item]:
    encrypt = settings.get("encrypt")
    if isinstance(encrypt, Unknown):
        raise Undecided(encrypt.reason)
    if encrypt is True or encrypt == "true":
        return
    cure = Cure("encrypt the state", patches=((path / "encrypt", True),))
    if encrypt is not None:
        yield Finding("encrypt = false: the state is written without encryption", path / "encrypt", cure=cure)
    elif _is_partial(settings):
        yield Undecided(PARTIAL)
    else:
        message = "encrypt is not set: only the bucket's default protects the state"
        yield Finding(message, path / "encrypt", Severity.MEDIUM, cure)


def _s3_key(path: Path, settings: dict[str, Any]) -> Iterator[Item]:
    if settings.get("kms_key_id") is not None or "sse_customer_key" in settings:
        return
    if _is_partial(settings):
        yield Undecided(PARTIAL)
    else:
        message = "the state is not encrypted with a key of its own (kms_key_id is not set)"
        yield Finding(message, path / "kms_key_id", Severity.LOW, Cure("set kms_key_id", grade="none"))


def _is_partial(settings: dict[str, Any]) -> bool:
    """Whether Terraform would refuse the settings as they are: the rest comes on the command line."""
    return "bucket" not in settings or "key" not in settings


def _credentials(path: Path, settings: dict[str, Any]) -> Iterator[Item]:
    for name in sorted(settings.keys() & CREDENTIALS):
        if isinstance(settings[name], str) and settings[name]:
            message = f"{name} of the backend is written in the configuration"
            yield Finding(message, path / name, Severity.CRITICAL, ENVIRONMENT)


def _addresses(path: Path, settings: dict[str, Any]) -> Iterator[Item]:
    stated = [(path / name, settings.get(name)) for name in ADDRESSES]
    endpoints = settings.get("endpoints")
    for nth, block in enumerate(endpoints if isinstance(endpoints, list) else [endpoints]):
        if isinstance(block, dict):
            below = path / "endpoints" / nth if isinstance(endpoints, list) else path / "endpoints"
            stated += [(below / name, value) for name, value in block.items()]
    for where, address in stated:
        if isinstance(address, str) and address.lower().startswith("http://"):
            message = f"the state travels in clear text: {where[-1]} is an http:// address"
            yield Finding(message, where, cure=Cure("use https://", grade="none"))
