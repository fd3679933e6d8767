"""The tokens of the Terraform language."""

import re
from collections.abc import Iterator

from conformant.regex import lazy

_SPACE = r"(?:[ \t\r]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)*"
_FLAT_SPACE = r"(?:\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/)*"
_KINDS = r"""(?:
    (?P<newline>\n(?:[ \t\r]*\n)*)
  | (?P<name>[^\W\d][\w-]*)
  | "(?P<string>[^"\\$%\n]*)"
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<op>&&|\|\||==|!=|<=|>=|=>|\.\.\.|::|[-+*/%<>=!?:.,{}()\[\]~])
  | (?P<quote>")
  | (?P<end>\Z)
  | (?P<wrong>.)
)"""
TOKEN = lazy(_SPACE + r"(?:(?P<heredoc><<-?[^\W\d][\w-]*[ \t\r]*\n)|" + _KINDS + ")", re.S | re.X)
"""The next token where a line break ends a definition."""
FLAT_TOKEN = lazy(_FLAT_SPACE + r"(?:(?P<heredoc><<-?[^\W\d][\w-]*[ \t\r]*\n)|" + _KINDS + ")", re.S | re.X)
"""The next token inside brackets, where line breaks mean nothing."""
PLAIN_ATTRIBUTE = lazy(
    r"[ \t]*([^\W\d][\w-]*)[ \t]*=[ \t]*(?:\"([^\"\\$%\n]*)\"|(true|false)\b|(0|[1-9]\d{0,17}))[ \t\r]*\n"
)
"""A whole line that sets an attribute to a plain string, boolean or whole number."""
QUOTED_TEXT = lazy(r'(?:[^"\\$%\n]|\\.|\$\$\{|%%\{|\$(?!\{)|%(?!\{))+', re.S)
HEREDOC_TEXT = lazy(r"(?:[^$%\n]|\$\$\{|%%\{|\$(?!\{)|%(?!\{))*\n?")
_COMMENT = lazy(
    r'"(?:[^"\\\n]|\\.)*"|<<-?(?P<mark>[^\W\d][\w-]*)[ \t\r]*\n.*?^[ \t]*(?P=mark)[ \t\r]*$'
    r"|(?P<comment>\#[^\n]*|//[^\n]*|/\*.*?\*/)",
    re.S | re.M,
)


class SyntaxFault(Exception):
    """A text is not well formed; `offset` says where in it."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def comments(text: str) -> Iterator[tuple[int, str, bool]]:
    """Offset and text of each comment, and whether it has its line for itself."""
    for match in _COMMENT.finditer(text):
        comment = match["comment"]
        if comment is not None:
            start = match.start()
            before = text[text.rfind("\n", 0, start) + 1 : start]
            after = text[match.end() : (text.find("\n", match.end()) + 1) or len(text)]
            yield start, comment, not (before.strip() or after.strip())
