"""Why something passes or does not: which policies and which of their rules decide, in which direction."""

from collections.abc import Iterator

from msgspec import Struct

from conformant.reach.engine import Part, Piece, Side
from conformant.reach.policies import ADMIN, ALLOW, BASELINE, NAMESPACED, PASS
from conformant.reach.ports import ALL, Ports
from conformant.views.network import EGRESS

DENIES, ALLOWS, DEFAULT = "deny", "allow", "default"


class Cause(Struct, frozen=True, omit_defaults=True):
    """One reason. `direction` is egress, ingress, mesh or neither; `policy` an address, `rule` a path within."""

    direction: str
    effect: str
    says: str
    policy: str = ""
    rule: str = ""


class Decision(Struct, frozen=True):
    """What decides some ports, and how."""

    ports: Ports
    effect: str
    cause: Cause


def decisions(side: Side, part: Part) -> Iterator[Decision]:
    """What each tier decides, for one side and one part of its other ends; sure things only."""
    word = side.direction.lower()
    left = ALL
    for decision, rest in _ordered(part, ADMIN, left, word):
        left = rest
        if decision is not None:
            yield decision
    isolating = [policy.address for policy, _ in side.selecting if policy.tier == NAMESPACED]
    if isolating:
        yield from _namespaced(part, isolating, left, word)
        return
    for decision, rest in _ordered(part, BASELINE, left, word):
        left = rest
        if decision is not None:
            yield decision
    if left:
        whose = "source" if side.direction == EGRESS else "destination"
        says = f"no NetworkPolicy restricts the {word} of the {whose}"
        yield Decision(left, DEFAULT, Cause(word, DEFAULT, says))


def _namespaced(part: Part, isolating: list[str], left: Ports, word: str) -> Iterator[Decision]:
    admitted = Ports()
    for piece, _ in part.matched:
        if piece.rule.policy.tier != NAMESPACED:
            continue
        hit = left & piece.ports
        admitted |= hit
        if hit:
            yield Decision(hit, ALLOWS, _cause(piece, word, ALLOWS, "admits it"))
    rest = left - admitted
    if rest:
        whom = ", ".join(isolating[:4]) + (f" and {len(isolating) - 4} more" if len(isolating) > 4 else "")
        verb = "selects" if len(isolating) == 1 else "select"
        whose = "source" if word == "egress" else "destination"
        also = "no rule admits it" if rest == left else f"no rule admits {_brief(rest)}"
        says = f"{whom} {verb} the {whose}, and {also}"
        for address in isolating:
            yield Decision(rest, DENIES, Cause(word, DENIES, says, address))


def _brief(ports: Ports) -> str:
    """What is not admitted, in few words: the complement is mostly shorter."""
    text = str(ports)
    return text if len(text) <= 60 else f"more than {ALL - ports}"


def _ordered(part: Part, tier: int, left: Ports, word: str) -> Iterator[tuple[Decision | None, Ports]]:
    passed = Ports()
    for piece, sure in part.matched:
        rule = piece.rule
        if rule.policy.tier != tier or not (sure and piece.sure):
            continue
        hit = left & piece.ports
        if not hit:
            continue
        left = left - hit
        if rule.action == PASS:
            passed |= hit
            yield None, left | passed
            continue
        effect = ALLOWS if rule.action == ALLOW else DENIES
        says = "allows it" if effect == ALLOWS else "denies it"
        yield Decision(hit, effect, _cause(piece, word, effect, says)), left | passed


def _cause(piece: Piece, word: str, effect: str, says: str) -> Cause:
    rule = piece.rule
    return Cause(word, effect, f"{rule.address} {rule.path} {says}", rule.address, str(rule.path))


def doubts(side: Side, part: Part) -> Iterator[str]:
    """Why it is not known what passes."""
    for policy, sure in side.selecting:
        if not sure:
            yield f"whether {policy.address} selects the pods is not known" + (
                f": {policy.doubt}" if policy.doubt else ""
            )
    for piece, sure in part.matched:
        rule = piece.rule
        if rule.doubt:
            yield f"{rule.address} {rule.path}: {rule.doubt}"
        elif not sure:
            yield f"whether {rule.address} {rule.path} names the other end is not known"
        elif piece.ports is not piece.possible:
            yield f"{rule.address} {rule.path}: what its named ports stand for is not known"
