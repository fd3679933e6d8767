"""The rights that conformant asks for itself: its own check finds nothing in them, but would."""

from pathlib import Path

import conformant
from conformant.content import content
from conformant.leaf import Check, load
from conformant.model import Status
from conformant.profile import Profile
from conformant.testing import judge

MANIFEST = Path(conformant.__file__).parent / "cluster" / "rbac.yaml"
CHECK: Check = load(str(content("checks") / "rbac" / "excessive_audit_rights.py"), Check)


def test_the_shipped_roles_are_minimal() -> None:
    results = judge([CHECK], MANIFEST, Profile())
    assert {result.status for result in results} == {Status.PASS}
    assert len(results) == 3


def test_a_right_too_many_would_be_found(tmp_path: Path) -> None:
    text = MANIFEST.read_text(encoding="utf-8")
    wider = tmp_path / "rbac.yaml"
    wider.write_text(text.replace("resources: [namespaces,", "resources: [secrets, namespaces,"), encoding="utf-8")
    assert Status.FAIL in {result.status for result in judge([CHECK], wider, Profile())}
