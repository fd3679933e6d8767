"""Typed, read-only views over raw resources: what checks are written against."""
