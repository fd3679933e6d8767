"""Regular expressions that are compiled when they are first used.

Compiling is most of what importing a module costs; a run needs few of the expressions that the
modules it imports define.
"""

import re
from typing import Any, AnyStr, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split", "pattern")


class _Lazy:
    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        pattern, flags = self._source
        compiled: Any = re.compile(cast("str", pattern), flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def lazy(pattern: AnyStr, flags: int = 0) -> "re.Pattern[AnyStr]":
    """``re.compile(pattern, flags)``, put off until a method of the pattern is asked for."""
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags))
