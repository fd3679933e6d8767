"""Support dates of Kubernetes versions."""

from datetime import date, timedelta

import pytest

from conformant.domain.kubernetes_support import EKS, Support, minor_version


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("1.30", (1, 30)), ("v1.30.2-eks-1", (1, 30)), ("1.4", (1, 4)), (1.29, (1, 29)),
        ("latest", None), ("1", None), (None, None),
    ],
)  # fmt: skip
def test_minor_version(stated: object, expected: tuple[int, int] | None) -> None:
    assert minor_version(stated) == expected


@pytest.mark.parametrize(
    ("version", "today", "expected"),
    [
        ((1, 28), date(2024, 11, 26), Support.STANDARD),
        ((1, 28), date(2024, 11, 27), Support.EXTENDED),
        ((1, 28), date(2025, 11, 26), Support.EXTENDED),
        ((1, 28), date(2025, 11, 27), Support.ENDED),
        ((1, 9), date(2024, 1, 1), Support.ENDED),
        ((1, 99), date(2024, 1, 1), None),
    ],
)
def test_support(version: tuple[int, int], today: date, expected: Support | None) -> None:
    assert EKS.support(version, today) is expected


def test_dates_are_in_order() -> None:
    versions = sorted(EKS.ends)
    assert versions == [(1, minor) for minor in range(versions[0][1], versions[-1][1] + 1)]
    standard = [EKS.ends[version][0] for version in versions]
    assert standard == sorted(standard)
    for version in versions:
        first, second = EKS.ends[version]
        assert timedelta(365) <= second - first <= timedelta(366)


def test_newest() -> None:
    assert EKS.newest(date(2026, 11, 22)) == (1, 36)
    assert EKS.newest(date(2040, 1, 1)) == max(EKS.ends)
