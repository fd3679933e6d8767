"""Takes secrets out of whatever leaves the process: reports, recordings, logs, exceptions.

Values that were seen where secrets stand are removed wherever they turn up; texts that look like
credentials are removed wherever they stand.
"""

import re
from typing import Any

from conformant.regex import lazy

HIDDEN = "«redacted»"
LEAST = 6
"""Shorter values are not looked for: they would turn up in innocent texts."""

_CREDENTIAL = lazy(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}|(?<=[Bb]asic )[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<=://)[^\s/:@\"']*:[^\s/@\"']+(?=@)"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bhv[sb]\.[A-Za-z0-9_-]{20,}",
    re.DOTALL,
)
_COOKIE = lazy(r"(?i)(\b(?:set-)?cookie|authorization|x-api-key|x-vault-token)(\"?\s*[:=]\s*\"?)[^\s\"',;][^\"\r\n]*")


class Redactor:
    """Knows the secret values of one run; `text` and `value` take them out."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def learn(self, value: str) -> None:
        """Never let this value out."""
        if len(value) >= LEAST:
            self._known.add(value)

    def text(self, text: str) -> str:
        """`text` without secrets."""
        for secret in sorted(self._known, key=len, reverse=True):
            if secret in text:
                text = text.replace(secret, HIDDEN)
        text = _COOKIE.sub(rf"\1\2{HIDDEN}", text)
        return _CREDENTIAL.sub(HIDDEN, text)

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it, keys included, without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(entry) for entry in value]
        return value
