"""Fenced blocks of Markdown documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.markdown import Block, blocks


def found(text: str) -> list[tuple[str, str, int, int]]:
    return [(block.language, block.text, block.first_line, block.indent) for block in blocks(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```yaml\na: 1\n```\n", [("yaml", "a: 1\n", 2, 0)]),
        ("text\n~~~ yml\na: 1\n```\n~~~\n", [("yaml", "a: 1\n```\n", 3, 0)]),
        ("````yaml\n```\n````", [("yaml", "```\n", 2, 0)]),
        ("```yaml\na: 1\n`````\n", [("yaml", "a: 1\n", 2, 0)]),
        ("```yaml\na: 1\n~~~\n```", [("yaml", "a: 1\n~~~\n", 2, 0)]),
        ("```yaml\na: 1", [("yaml", "a: 1\n", 2, 0)]),
        ("```yaml\r\na: 1\r\n```\r\n", [("yaml", "a: 1\n", 2, 0)]),
        ("\ufeff```yaml\na: 1\n```", [("yaml", "a: 1\n", 2, 0)]),
        ("  ```yaml\n  a:\n    b: 1\n c: 1\n  ```", [("yaml", "a:\n  b: 1\nc: 1\n", 2, 1)]),
        ("    ```yaml\n    a: 1\n    ```", []),
        ("- item\n\n  ```yaml\n  a: 1\n  ```\n", [("yaml", "a: 1\n", 4, 2)]),
        ("1. item\n   ```yaml\n   a: 1\n   ```", [("yaml", "a: 1\n", 3, 3)]),
        ("1. item\n\n    ```yaml\n    a: 1\n    ```", [("yaml", "a: 1\n", 4, 4)]),
        ("* a\n  * b\n\n    ```sql\n    select 1\n    ```", [("sql", "select 1\n", 5, 4)]),
        ("- ```json\n  {}\n  ```", [("json", "{}\n", 2, 2)]),
        ("- ```yaml\n  a: 1\ntext", [("yaml", "a: 1\n", 2, 2)]),
        ("- item\nstill item\n  ```yaml\n  a: 1\n  ```", [("yaml", "a: 1\n", 4, 2)]),
        ("> ```yaml\n> a: 1\n> ```", [("yaml", "a: 1\n", 2, 2)]),
        ("> ```yaml\n> a: 1\ntext\n```yaml\nb: 2\n```", [("yaml", "a: 1\n", 2, 2), ("yaml", "b: 2\n", 5, 0)]),
        ("-\t```yaml\n\ta: 1\n\t```", [("yaml", "a: 1\n", 2, 1)]),
        ("```yaml\n\n```", [("yaml", "\n", 2, 0)]),
        ("```yaml\n```", [("yaml", "", 2, 0)]),
        ("``` a `yaml`\n", []),
        ("``yaml\na: 1\n``", []),
        ("```\na: 1\n```", []),
        ("<!--\n```yaml\na: 1\n```\n-->\n```yaml\nb: 2\n```", [("yaml", "b: 2\n", 7, 0)]),
        ("<pre>\n```yaml\n</pre>\n", []),
        ("---\ntitle: |\n  ```yaml\n---\n```yaml\nb: 2\n```", [("yaml", "b: 2\n", 6, 0)]),
        ("```bash\ncat <<E\n```yaml\nE\n```\n```yaml\nb: 2\n```", [("yaml", "b: 2\n", 7, 0)]),
    ],
)
def test_blocks(text: str, expected: list[tuple[str, str, int, int]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("yaml", "yaml"),
        ("YAML", "yaml"),
        ("  yml  ", "yaml"),
        ('yaml title="deploy.yaml"', "yaml"),
        ("yaml{1,3}", "yaml"),
        ("yaml:deploy.yaml", "yaml"),
        ("{.yaml .numberLines}", "yaml"),
        ("JSON", "json"),
        ("postgresql", "sql"),
        ("terraform", "hcl"),
        ("tf", "hcl"),
        ("hcl", "hcl"),
        ("python", None),
        ("yamllint", None),
        ("yaml.j2", None),
        ("diff yaml", None),
        ("", None),
    ],
)
def test_languages(info: str, language: str | None) -> None:
    assert [block.language for block in blocks(f"~~~{info}\n~~~")] == ([language] if language else [])


def test_headings_and_unclosed_fences() -> None:
    text = (
        "# One #\n```yaml\n# no heading\n```\n### Two\ntext\n```yaml\n```\nThree\n=====\n- x\n\n  ```yaml\n- y\n"
        "\n#four\n```yaml\na: 1\n"
    )
    assert [(block.heading, block.unclosed) for block in blocks(text)] == [
        ("One", False),
        ("Two", False),
        ("Three", True),
        ("Three", True),
    ]


LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n`"), max_size=12), max_size=6)


@given(LINES, LINES, st.integers(0, 3), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_content_comes_back(before: list[str], content: list[str], spaces: int, end: str, closed: bool) -> None:
    pad = " " * spaces
    quoted = [f"p{line}" for line in before]
    lines = [*quoted, "", f"{pad}````yaml", *(f"{pad}{line}" for line in content), *([f"{pad}````"] if closed else [])]
    (block,) = blocks("".join(line + end for line in lines))
    assert block.text == "".join(f"{line}\n" for line in content)
    assert (block.first_line, block.unclosed) == (len(before) + 3, not closed)


@given(
    st.lists(st.sampled_from(["```yaml", "~~~", "- ", "> ", "  ", "\t", "\n", "\n\n", "1. ", "<!--", "-->", "#", "x"]))
)
def test_every_line_of_a_block_is_a_line_of_the_document(parts: list[str]) -> None:
    text = "".join(parts)
    lines = text.split("\n")
    for block in blocks(text):
        assert isinstance(block, Block)
        for number, line in enumerate(block.text.splitlines(), block.first_line - 1):
            assert lines[number].endswith(line.lstrip(" \t"))
            assert len(lines[number]) >= block.indent or not line.strip()
