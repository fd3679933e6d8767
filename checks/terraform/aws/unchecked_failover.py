"""Nothing checks whether the primary target of a DNS failover is healthy, or not end to end.

What it checks: A PRIMARY failover record evaluates the health of its alias target (which CloudFront does not
offer), or has a `health_check_id`. Without both nothing ever fails over. An alias that relies on the load balancer
alone is a lower finding: an HTTPS health check on the real path sees what the balancer does not.

Why it matters: Route 53 takes a record without a health check for healthy forever. A load balancer whose targets
answer their probe counts as healthy while the application behind it fails.

How to fix: An `aws_route53_health_check` of type HTTPS on a path that exercises the application, and its id as
`health_check_id` of the PRIMARY record; keep `evaluate_target_health = true`.

When it is fine: Where an outside monitor switches the records. SECONDARY records need no check: when both are
unhealthy, Route 53 answers with the PRIMARY.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.views.route53 import DnsRecord

CHECK = Cure("create an HTTPS health check on a real path and set its id as health_check_id", grade="none")
HEALTH_CHECK = Path(("health_check_id",))


@check(
    id="TF-AWS-002",
    severity=Severity.HIGH,
    requirement="dns-failover",
    controls=["nist-800-53r5/CP-10", "soc2/A1.2"],
)
def unchecked_failover(record: DnsRecord) -> Iterator[Item]:
    if record.routing != "failover" or record.role != "PRIMARY":
        yield NotApplicable("not the primary record of a failover")
        return
    if record.has("health_check_id"):
        return
    if not record.is_alias:
        yield Finding("the primary record has no health check: it never fails over", HEALTH_CHECK, cure=CHECK)
        return
    evaluated = Path(("alias", 0, "evaluate_target_health"))
    if not record.true(*evaluated, default=False):
        message = "the primary record neither evaluates its target's health nor has a health check"
        yield Finding(message, evaluated, cure=CHECK)
    elif record.is_to_cloudfront:
        message = "CloudFront's health cannot be evaluated, and the primary record has no health check"
        yield Finding(message, evaluated, cure=CHECK)
    else:
        message = "only the load balancer's own health is looked at: there is no end-to-end HTTPS health check"
        yield Finding(message, HEALTH_CHECK, Severity.MEDIUM, CHECK)
