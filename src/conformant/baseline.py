"""Baselines: a file of the fingerprints of findings that are accepted for now."""

from pathlib import Path

import msgspec

from conformant.config import ConfigurationError
from conformant.model import Report, Status


def read(file: Path) -> frozenset[str]:
    """The fingerprints of a baseline file. Raises ConfigurationError."""
    try:
        stated = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{file}: not a baseline: {error}") from None
    entries = stated.get("findings")
    if stated.get("schema") != 1 or not isinstance(entries, dict):
        raise ConfigurationError(f"{file}: not a baseline of schema 1")
    return frozenset(str(mark) for mark in entries)


def write(file: Path, report: Report) -> int:
    """Write the open findings of a report and those that a baseline already accepts; returns their number."""
    entries = {
        finding.fingerprint: f"{result.check} {result.resource.address}: {finding.path}"
        for result in report.of(Status.FAIL, Status.WAIVED)
        if result.waiver is None or not result.waiver.owner
        for finding in result.findings
    }
    content = {"schema": 1, "findings": dict(sorted(entries.items(), key=lambda entry: (entry[1], entry[0])))}
    file.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
    return len(entries)
