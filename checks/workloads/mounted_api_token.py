"""A pod gets a token for the Kubernetes API that it has no use for.

What it checks: The effective automountServiceAccountToken (the pod's, else the ServiceAccount's, else true)
is false, unless a role is bound to the account and pod or account says true in so many words. With a
binding but without the word the finding is low. Workloads that the profile lists as `api_clients` pass;
tokens that the mesh or a projected volume brings are another matter.

Why it matters: The token lies in every container of the pod. Whoever reads a file there speaks to the API
as the workload.

How to fix: automountServiceAccountToken: false, in the pod or its ServiceAccount.

When it is fine: Programs that call the API: bind a role, and set the field to true.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformant.domain.accounts import bound
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Severity, dig
from conformant.platform import Platform
from conformant.views.workload import Workload

FIELD = "automountServiceAccountToken"


@check(
    id="WRK-015",
    severity=Severity.MEDIUM,
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/IA-5", "cis-k8s-1.12/5.1.6", "nsa-hardening-1.2/pod-security",
        "iso-27001-2022/A.8.2",
    ],
)  # fmt: skip
def mounted_api_token(workload: Workload, platform: Platform) -> Iterator[Item]:
    own = dig(workload.pod, FIELD)
    if own is False:
        return
    name = workload.service_account
    account = platform.find("/ServiceAccount", workload.namespace, name)
    accounts = dig(account.raw, FIELD) if account is not None else None
    if own is None and accounts is False:
        return
    if any(fnmatchcase(workload.resource.address, pattern) for pattern in platform.profile.api_clients):
        return
    path = workload.pod_path / FIELD
    cure = Cure("set it to false", ((path, False),))
    if (workload.namespace, name) not in platform.derived(bound):
        message = f"the pod mounts an API token of {name}, to which no role here is bound"
        yield Finding(message, path, cure=cure)
    elif own is not True and accounts is not True:
        message = f"the pod mounts an API token of {name} without saying so"
        yield Finding(message, path, Severity.LOW, Cure("say true if it calls the API", ((path, True),)))
