"""Until when cloud providers support which Kubernetes version."""

from datetime import date
from enum import StrEnum

from msgspec import Struct

Version = tuple[int, int]


class Support(StrEnum):
    """Whether a version gets updates: as a matter of course, for extra money, or not at all."""

    STANDARD = "standard"
    EXTENDED = "extended"
    ENDED = "ended"


class Calendar(Struct, frozen=True):
    """The last days of standard and of extended support by version, as they were known on `as_of`."""

    provider: str
    source: str
    as_of: date
    ends: dict[Version, tuple[date, date]]

    def support(self, version: Version, today: date) -> Support | None:
        """The support of a version today; None for one newer than the calendar. Those older than it have none."""
        if version > max(self.ends):
            return None
        standard, extended = self.ends.get(version, (date.min, date.min))
        if today <= standard:
            return Support.STANDARD
        return Support.EXTENDED if today <= extended else Support.ENDED

    def newest(self, today: date) -> Version:
        """The newest version under standard support, else the newest one listed."""
        current = [version for version in self.ends if self.support(version, today) is Support.STANDARD]
        return max(current or self.ends)


def minor_version(stated: object) -> Version | None:
    """``1.30`` and ``v1.30.2-eks`` as (1, 30); None for what is not a version."""
    parts = str(stated).removeprefix("v").split(".")
    return (int(parts[0]), int(parts[1])) if len(parts) > 1 and all(part.isdigit() for part in parts[:2]) else None


def text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


EKS = Calendar(
    provider="EKS",
    source="https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html",
    as_of=date(2026, 11, 22),
    ends={
        (1, 23): (date(2023, 10, 11), date(2024, 10, 11)),
        (1, 24): (date(2024, 1, 31), date(2025, 1, 31)),
        (1, 25): (date(2024, 5, 1), date(2025, 5, 1)),
        (1, 26): (date(2024, 6, 11), date(2025, 6, 11)),
        (1, 27): (date(2024, 7, 24), date(2025, 7, 24)),
        (1, 28): (date(2024, 11, 26), date(2025, 11, 26)),
        (1, 29): (date(2025, 3, 23), date(2026, 3, 23)),
        (1, 30): (date(2025, 7, 23), date(2026, 7, 23)),
        (1, 31): (date(2025, 11, 26), date(2026, 11, 26)),
        (1, 32): (date(2026, 3, 23), date(2027, 3, 23)),
        (1, 33): (date(2026, 7, 29), date(2027, 7, 29)),
        (1, 34): (date(2026, 12, 2), date(2027, 12, 2)),
        (1, 35): (date(2027, 3, 27), date(2028, 3, 27)),
        (1, 36): (date(2027, 8, 2), date(2028, 8, 2)),
    },
)
"""AWS gives live figures too: `eks.describe_cluster_versions`."""
