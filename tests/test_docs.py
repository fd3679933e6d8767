"""The generated pages: complete, linked, and current in the repository."""

import re
from pathlib import Path

import msgspec
import pytest

from conformant.config import Settings, read
from conformant.content import content
from conformant.docs import configuration_page, main, page, pages
from conformant.leaf import Leaf
from conformant.profile import Live, Mesh, Profile
from conformant.run import all_checks, all_probes, verify

CHECKS = all_checks(Settings())
PROBES = all_probes()
PAGES = pages(CHECKS, PROBES)


@pytest.mark.parametrize("check", [*CHECKS, *PROBES], ids=lambda check: check.id)
def test_the_page_of_a_check(check: Leaf) -> None:
    text = page(check)
    assert text.startswith(f"# {check.id}: {check.title}\n")
    for part in ("What it checks", "Why it matters", "How to fix", "When it is fine", "Applies to"):
        assert f"**{part}.**" in text
    for name in (check.slug, str(check.severity), check.requirement, *check.aliases, *check.controls):
        assert name in text
    if check.settings is not None:
        for name in check.settings.__struct_fields__:
            assert f"| `{name}` | " in text
    assert text.count("```") % 2 == 0


def test_the_list_links_every_page() -> None:
    expected = {"checks/README.md", "probes/README.md", "configuration.md"}
    for folder, leaves in (("checks", CHECKS), ("probes", PROBES)):
        links = re.findall(r"\]\(([\w-]+\.md)\)", PAGES[f"{folder}/README.md"])
        assert links == [f"{leaf.id}.md" for leaf in leaves]
        expected |= {f"{folder}/{link}" for link in links}
    assert set(PAGES) == expected


def test_the_configuration_page_has_every_setting_and_its_meaning() -> None:
    text = configuration_page()
    for kind in (Settings, Profile, Mesh, Live):
        for field in msgspec.structs.fields(kind):
            assert f"\n| `{field.encode_name}` | " in text
    for name in Settings.__struct_fields__:
        assert re.search(rf"^- .*`{name}`.*: ", text, re.MULTILINE)


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", configuration_page(), re.DOTALL)
    assert example is not None
    file = tmp_path / "conformant.toml"
    file.write_text(example[1])
    settings = read(file)
    verify(settings, file)
    assert settings.waivers[0].id == "WRK-006"


def test_pages_are_written_checked_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "docs")
    assert main([folder, "--check"]) == 1
    assert not Path(folder).exists()
    assert main([folder]) == 0
    assert main([folder, "--check"]) == 0
    changed = Path(folder) / "checks" / "WRK-006.md"
    changed.write_text("old")
    left = changed.with_name("OLD-001.md")
    left.write_text("of a check that is gone")
    capsys.readouterr()
    assert main([folder, "--check"]) == 1
    assert [line.partition(" ")[0] for line in capsys.readouterr().err.splitlines()] == [str(changed), str(left)]
    assert main([folder]) == 0
    assert main([folder, "--check"]) == 0
    assert not left.exists()


def test_the_pages_of_the_repository_are_current() -> None:
    if not (content("checks").parent / "docs" / "checks").is_dir():
        pytest.skip("no pages here: make docs")
    assert main(["--check"]) == 0
