"""A secret in Secrets Manager is not rotated, or can be lost at once.

What it checks: Each `aws_secretsmanager_secret` has an `aws_secretsmanager_secret_rotation` that refers to it and
fires at least every 90 days, by `automatically_after_days` or a schedule expression. It is encrypted with a key of
the customer's, can be recovered after deletion in production, and has a replica in another region (lower
findings). A rotation whose secret is not known here is judged alone. Policies that are open to everyone are
TF-AWS-026.

Why it matters: A credential that never changes is worth stealing once. A secret deleted without a recovery window
takes down everything that reads it; one that exists in a single region goes down with the region.

How to fix: `aws_secretsmanager_secret_rotation` with a rotation function and `automatically_after_days = 30`;
`kms_key_id`, `recovery_window_in_days` of 7 to 30, and a `replica` block.

When it is fine: Keys that only a third party can issue: tag the secret ``rotation = external``. Passwords that RDS
manages itself (`manage_master_user_password`) are not in Terraform and not judged.
"""

from collections.abc import Iterator
from datetime import timedelta

from msgspec import Struct

from conformant.domain.schedules import longest_interval
from conformant.domain.terraform_links import TerraformIndex, certain
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.views.terraform import TerraformResource


class RotationPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """`most_days` is the longest time between two rotations; a secret whose tag `exempt_tag` has one of
    `exempt_values` is rotated by hand."""

    most_days: int = 90
    exempt_tag: str = "rotation"
    exempt_values: tuple[str, ...] = ("external", "third-party")


SECRET = "aws_secretsmanager_secret"
ROTATION = "aws_secretsmanager_secret_rotation"
AWS_KEY = "alias/aws/secretsmanager"


@check(
    id="TF-AWS-018",
    severity=Severity.HIGH,
    requirement="secret-refresh",
    controls=[
        "nist-800-53r5/IA-5(1)", "nist-800-53r5/SC-12", "iso-27001-2022/A.5.17", "pci-dss-4.0/8.6.3",
        "ckv/CKV_AWS_304", "ckv/CKV_AWS_149", "ckv/CKV2_AWS_57",
    ],
    kinds=["aws_secretsmanager_secret", "aws_secretsmanager_secret_rotation"],
)  # fmt: skip
def unrotated_secret(
    resource: TerraformResource, platform: Platform, profile: Profile, settings: RotationPolicy = RotationPolicy()
) -> Iterator[Item]:
    index = platform.derived(TerraformIndex)
    if resource.kind == SECRET:
        yield from aspects([
            _rotated(resource, index, settings), _key(resource), _recoverable(resource, profile),
            _replicated(resource),
        ])  # fmt: skip
        return
    owner = index.owner(resource, SECRET, "secret_id")
    if owner is not None:
        yield NotApplicable(f"judged with {owner.address}")
    else:
        yield from _often(resource, settings)


def _rotated(secret: TerraformResource, index: TerraformIndex, settings: RotationPolicy) -> Iterator[Item]:
    rotations = index.settings(secret, ROTATION, "secret_id")
    for rotation in rotations:
        yield from _often(rotation, settings)
    if rotations:
        if not certain(rotations, secret):
            yield Undecided(f"{rotations[0].address} may not exist: {rotations[0].doubt}")
        return
    if secret.has("rotation_rules"):
        yield from _often(secret, settings)
        return
    if secret.map("tags").get(settings.exempt_tag) in settings.exempt_values:
        return
    hidden = index.passed_to(secret, "secret", "rotat")
    if hidden is not None:
        yield Undecided(f"{hidden.address}, which is given the secret, was not read: it may rotate it")
        return
    cure = Cure(
        f"declare {ROTATION} with a rotation function, or tag it {settings.exempt_tag} = external", grade="none"
    )
    yield Finding("the secret is never rotated", Path(("rotation_rules",)), cure=cure)


def _often(holder: TerraformResource, settings: RotationPolicy) -> Iterator[Item]:
    for path, rules in holder.blocks("rotation_rules"):
        days, schedule = dig(rules, "automatically_after_days"), dig(rules, "schedule_expression")
        cure = Cure(f"rotate at least every {settings.most_days} days", grade="none")
        if schedule is not None and schedule != "":
            interval = longest_interval(str(schedule))
            if interval is None:
                yield Undecided(f"rotation schedule {schedule!r} is not understood")
            elif interval > timedelta(settings.most_days):
                message = f"{schedule} leaves up to {interval.days} days between two rotations"
                yield Finding(message, path / "schedule_expression", cure=cure, at=holder.resource)
        elif days is not None and _number(days) > settings.most_days:
            message = f"the secret is rotated only every {days} days"
            yield Finding(message, path / "automatically_after_days", cure=cure, at=holder.resource)


def _number(value: object) -> float:
    """A number, which may be written as text; 0 for anything else."""
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _key(secret: TerraformResource) -> Iterator[Item]:
    if secret.has("kms_key_id"):
        stated = secret.raw["kms_key_id"]
        if stated.__class__ is not str or not stated.endswith(AWS_KEY):
            return
    message = "the secret is encrypted with the key that AWS manages for the whole account"
    cure = Cure("set kms_key_id to a key of your own", grade="none")
    yield Finding(message, Path(("kms_key_id",)), Severity.MEDIUM, cure)


def _recoverable(secret: TerraformResource, profile: Profile) -> Iterator[Item]:
    if profile.environment != "prod" or not secret.has("recovery_window_in_days"):
        return
    path = Path(("recovery_window_in_days",))
    if str(secret.get(*path)) == "0":
        cure = Cure("keep deleted secrets for 30 days", patches=((path, 30),))
        yield Finding("once deleted, the secret cannot be recovered", path, Severity.MEDIUM, cure)


def _replicated(secret: TerraformResource) -> Iterator[Item]:
    if not secret.has("replica"):
        message = "the secret exists in one region only"
        cure = Cure("add a replica block for the recovery region", grade="none")
        yield Finding(message, Path(("replica",)), Severity.MEDIUM, cure)
