"""``python -m conformant``."""

from conformant.cli import entry

entry()
