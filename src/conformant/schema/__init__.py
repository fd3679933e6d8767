"""What the API server accepts: schemas of built-in and custom kinds, and served versions."""

from conformant.schema.problem import Problem
from conformant.schema.rules import rejected
from conformant.schema.schemas import Schemas, Served
from conformant.schema.versions import status

__all__ = ["Problem", "Schemas", "Served", "rejected", "status"]
