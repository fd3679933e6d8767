"""The known name that a mistyped one was probably meant to be."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], limit: int = 3) -> str:
    """The name in `known` closest to `name`, by edit distance up to `limit`; "" if none is near.

    Case and separators count for nothing, so ``tls`` finds ``TLS`` and ``max_retries`` finds
    ``maxRetries``. Short names must be closer: at most a third of the letters may differ.
    """
    wanted = _folded(name)
    best, best_distance = "", min(limit, max(1, len(wanted) // 3)) + 1
    for candidate in sorted(known):
        distance = edit_distance(wanted, _folded(candidate), best_distance - 1)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def _folded(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")


def edit_distance(one: str, other: str, limit: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words; `limit` + 1
    as soon as it is known to be more than `limit`."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
