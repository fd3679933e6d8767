"""A token of a ServiceAccount never expires, or lives long.

What it checks: No Secret is of type kubernetes.io/service-account-token, and no ServiceAccount lists one
under secrets: such a token never expires. Projected serviceAccountToken volumes last a day at most
(expirationSeconds, an hour where absent) and name the audience that the token is for, unless it stands
beside kube-root-ca.crt and so is for the API server. The volume that the API server mounts itself is left
alone, and so are Secrets of other types that an account lists.

Why it matters: A token that never expires is a password: whoever copies it once has it for good. One without
an audience is good for the Kubernetes API, whomever it is shown to.

How to fix: A projected serviceAccountToken volume with audience and expirationSeconds, or the TokenRequest
API; for those outside the cluster, OIDC federation.

When it is fine: Systems outside that can renew no token. Waive them, and rotate the Secret.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.rbac import TokenHolder
from conformant.views.volume import VolumeHolder

KIND = "kubernetes.io/service-account-token"
DAY = 86400
MINTED = lazy(r"(.+)-token-[bcdfghjklmnpqrstvwxz2456789]{5}")
"""What the controller called the Secrets that it made for an account, which is the group."""
INJECTED = "kube-api-access-"
API_CERTIFICATE = "kube-root-ca.crt"
"""Projected beside a token it says that the token is for the API server."""
REQUESTED = Cure("use a projected serviceAccountToken volume, or the TokenRequest API", grade="none")


@check(
    id="RBAC-006",
    severity=Severity.HIGH,
    requirement="token-lifetime",
    aliases=["SEC-019"],
    controls=[
        "nist-800-53r5/IA-5", "nist-800-53r5/AC-6", "cis-k8s-1.12/5.1.6", "nsa-hardening-1.2/authentication",
        "soc2/CC6.1", "iso-27001-2022/A.5.17", "pci-dss-4.0/8.6.3",
    ],
)  # fmt: skip
def long_lived_token(holder: TokenHolder, platform: Platform) -> Iterator[Item]:
    if holder.kind == "Secret":
        if holder.get("type") == KIND:
            account = dig(holder.annotations, "kubernetes.io/service-account.name") or "a ServiceAccount"
            yield Finding(f"the token of {account} in it never expires", Path(("type",)), cure=REQUESTED)
    elif holder.kind == "ServiceAccount":
        if holder.resource.source == "cluster" and platform.profile.at_least("kubernetes", "1.24") is False:
            yield NotApplicable("clusters before 1.24 make a Secret for each account")
        else:
            yield from _listed(holder, platform)
    else:
        yield from _projected(VolumeHolder(holder.resource))


def _listed(account: TokenHolder, platform: Platform) -> Iterator[Finding]:
    for index, entry in enumerate(account.list("secrets")):
        name = dig(entry, "name")
        if isinstance(name, str) and _lasting(account, name, platform):
            message = f"it lists the Secret {name}, whose token never expires"
            yield Finding(message, Path(("secrets", index, "name")), cure=REQUESTED)


def _lasting(account: TokenHolder, name: str, platform: Platform) -> bool:
    secret = platform.find("/Secret", account.namespace, name)
    if secret is not None:
        return bool(dig(secret.raw, "type") == KIND)
    minted = MINTED.fullmatch(name)
    return minted is not None and minted[1] == account.name


def _projected(holder: VolumeHolder) -> Iterator[Finding]:
    for path, volume in holder.volumes:
        if str(dig(volume, "name")).startswith(INJECTED):
            continue
        sources = sequence(volume, "projected", "sources")
        for_api = any(dig(source, "configMap", "name") == API_CERTIFICATE for source in sources)
        for index, source in enumerate(sources):
            where = path / "projected" / "sources" / index / "serviceAccountToken"
            token = dig(source, "serviceAccountToken")
            if isinstance(token, dict):
                yield from _token(where, token, for_api)


def _token(where: Path, token: dict[Any, Any], for_api: bool) -> Iterator[Finding]:
    seconds = dig(token, "expirationSeconds")
    if isinstance(seconds, int) and seconds > DAY:
        cure = Cure("an hour is enough: the kubelet renews it", ((where / "expirationSeconds", 3600),))
        message = f"a token lasts {seconds // 3600} hours"
        yield Finding(message, where / "expirationSeconds", Severity.MEDIUM, cure)
    if not dig(token, "audience") and not for_api:
        message = "a token without an audience is good for the Kubernetes API"
        cure = Cure("name the audience that it is for", grade="none")
        yield Finding(message, where, Severity.LOW, cure)
