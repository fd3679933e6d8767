"""Configuration: found, read, refused with file and line."""

from datetime import date
from pathlib import Path

import pytest

from conformant.config import ConfigurationError, Settings, discover, merged, read, waivers


def test_a_whole_configuration(tmp_path: Path) -> None:
    file = tmp_path / "conformant.toml"
    file.write_text("""
fail_on = "high"
skip = ["WRK-013"]
[profile]
kubernetes = "1.34"
[profile.mesh]
mode = "ambient"
[settings.SEC-006]
max_refresh = "30m"
[[waivers]]
id = "WRK-006"
resource = "DaemonSet/kube-system/*"
reason = "the CNI agent needs it"
owner = "platform-team"
expires = 2027-01-31
""")
    settings = read(file)
    assert (settings.fail_on, settings.skip) == ("high", ("WRK-013",))
    assert (settings.profile.kubernetes, settings.profile.mesh.mode) == ("1.34", "ambient")
    assert settings.settings == {"SEC-006": {"max_refresh": "30m"}}
    (waiver,) = waivers(settings, file)
    assert (waiver.check, waiver.expires) == ("WRK-006", date(2027, 1, 31))
    assert waiver.origin is not None
    assert waiver.origin.line == 10


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("strict = true\nfailon = 'low'\n", 2, "failon"),
        ("strict = true\nfail_on = 'urgent'\n", 2, "urgent"),
        ("[profile]\nkubernetes = 134\n", 2, "kubernetes"),
        ("\n[[waivers]]\nid = 'WRK-006'\nreason = 'x'\nowner = 'y'\n", 2, "expires"),
        ("strict = \n", 1, "Invalid value"),
    ],
)
def test_a_wrong_setting_names_its_place(tmp_path: Path, text: str, line: int, word: str) -> None:
    file = tmp_path / "conformant.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read(file)
    assert word in str(caught.value)
    assert f"conformant.toml:{line}" in str(caught.value) or f"line {line}" in str(caught.value)


def test_discovery_stops_at_the_repository(tmp_path: Path) -> None:
    (tmp_path / "conformant.toml").write_text("")
    repository = tmp_path / "repository"
    inner = repository / "deploy"
    inner.mkdir(parents=True)
    assert discover(inner) == tmp_path / "conformant.toml"
    (repository / ".git").mkdir()
    assert discover(inner) is None
    (repository / "pyproject.toml").write_text("[tool.conformant]\nstrict = true\n")
    found = discover(inner)
    assert found == repository / "pyproject.toml"
    assert read(found).strict


def test_paths_of_a_file_count_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "conformant.toml").write_text("crds = ['crds']\nbaseline = 'known.json'\n")
    settings = read(tmp_path / "conformant.toml")
    assert settings.crds == (str(tmp_path / "crds"),)
    assert settings.baseline == str(tmp_path / "known.json")


def test_flags_win_and_absent_ones_change_nothing() -> None:
    settings = Settings(fail_on="high", select=("A",))
    assert merged(settings, {"fail_on": None, "select": ()}) is settings
    assert merged(settings, {"fail_on": "low"}).fail_on == "low"
