"""Load-balancing settings of an upstream are not Kong's, or have no effect.

What it checks: The upstream of a KongIngress has only keys that Kong knows, a known algorithm and hash
input, the name of the header, cookie, query argument or URI capture that is to be hashed, and no hashing
beside an algorithm that does not hash (least-connections, latency). Algorithm consistent-hashing, there or
in a KongUpstreamPolicy, has something to hash. What the API server refuses in a KongUpstreamPolicy is
SCH-003's.

Why it matters: Requests of one client are spread over all targets where they should meet one, or the
whole object is refused. Even where Kong happens to do what was meant, the manifest does not say so.

How to fix: ``algorithm: consistent-hashing`` with ``hash_on``, and the name of what is hashed.

When it is fine: Never.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Severity, dig
from conformant.profile import Profile
from conformant.views.gateway import HASHING, Upstream

KEYS = frozenset({
    "algorithm", "hash_on", "hash_on_header", "hash_on_cookie", "hash_on_cookie_path", "hash_on_query_arg",
    "hash_on_uri_capture", "hash_fallback", "hash_fallback_header", "hash_fallback_query_arg",
    "hash_fallback_uri_capture", "healthchecks", "host_header", "slots",
})  # fmt: skip
CONSISTENT = "consistent-hashing"
ALGORITHMS = ("round-robin", CONSISTENT, "least-connections", "latency")
WITHOUT_HASHING = ("least-connections", "latency")
NAMED = ("header", "cookie", "query_arg", "uri_capture")
HASH = Cure("name what is hashed: hashOn: {input: consumer}, hashOnFallback: {input: ip}", grade="none")
HASH_OLD = Cure("name what is hashed: hash_on: consumer, hash_fallback: ip", grade="none")


@check(
    id="GW-002",
    severity=Severity.MEDIUM,
    requirement="load-balancing",
    controls=["nist-800-53r5/CM-6", "nist-800-53r5/SC-5", "soc2/A1.1", "iso-27001-2022/A.8.6"],
)
def ineffective_load_balancing(upstream: Upstream, profile: Profile) -> Iterator[Item]:
    if profile.gateway == "none" or not upstream.settings:
        yield NotApplicable("no Kong gateway, or no upstream settings")
        return
    if upstream.old:
        yield from _unknown_keys(upstream)
        yield from _algorithm(upstream)
        yield from _hash_input(upstream)
    if dig(upstream.settings, "algorithm") == CONSISTENT and not upstream.hashing[0]:
        message = "algorithm consistent-hashing has nothing to hash: requests are spread without any affinity"
        yield Finding(message, upstream.base / "algorithm", cure=HASH_OLD if upstream.old else HASH)


def _unknown_keys(upstream: Upstream) -> Iterator[Finding]:
    for key in upstream.settings:
        if key not in KEYS:
            hashed = upstream.hashing[0]
            effect = "; as hash_on is set, Kong hashes all the same, but nothing here says so" if hashed else ""
            yield Finding(
                f"a KongIngress upstream has no {key!r}{effect}", upstream.base / str(key), cure=_cure(upstream, key)
            )


def _cure(upstream: Upstream, key: str) -> Cure:
    """The algorithm by its right name, where the key was to state it."""
    meant = dig(upstream.settings, key)
    name = meant.replace("_", "-") if isinstance(meant, str) else ""
    if name not in ALGORITHMS or "algorithm" in upstream.settings:
        return Cure("remove it, or name a setting that Kong has", grade="none")
    patches = ((upstream.base / key, REMOVE), (upstream.base / "algorithm", name))
    return Cure(f"algorithm: {name}", patches, "safe" if name == CONSISTENT and upstream.hashing[0] else "review")


def _algorithm(upstream: Upstream) -> Iterator[Finding]:
    stated, path = dig(upstream.settings, "algorithm"), upstream.base / "algorithm"
    hashed = upstream.hashing[0]
    if stated is not None and stated not in ALGORITHMS:
        name = stated.replace("_", "-") if isinstance(stated, str) else ""
        grade = "safe" if name == CONSISTENT and hashed else "review"
        cure = Cure(f"algorithm: {name}", ((path, name),), grade) if name in ALGORITHMS else None
        yield Finding(f"algorithm {stated!r} is none of {', '.join(ALGORITHMS)}", path, cure=cure)
    elif stated in WITHOUT_HASHING and hashed:
        message = f"algorithm {stated} does not hash, so hash_on: {hashed} has no effect"
        yield Finding(message, path, cure=Cure("algorithm: consistent-hashing", ((path, CONSISTENT),)))


def _hash_input(upstream: Upstream) -> Iterator[Finding]:
    hashed, path = upstream.hashing
    if hashed and hashed not in HASHING:
        yield Finding(f"hash_on {hashed!r} is none of none, {', '.join(HASHING)}", path)
    elif hashed in NAMED and not dig(upstream.settings, f"hash_on_{hashed}"):
        yield Finding(
            f"hash_on: {hashed} needs hash_on_{hashed}", path, cure=Cure(f"add hash_on_{hashed}", grade="none")
        )
