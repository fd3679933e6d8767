"""Terraform's functions that need nothing but their arguments.

A function that is not here, or that reads files, clocks or random numbers, gives an unknown.
Arguments may hold unknowns; touching one raises Undecided, which makes the result unknown. A
function raises EvaluationError for arguments that Terraform would refuse.
"""

from collections.abc import Callable
from typing import Any

from conformant.load.terraform.functions import collections, numbers, strings

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **collections.FUNCTIONS,
    **numbers.FUNCTIONS,
    **strings.FUNCTIONS,
}
