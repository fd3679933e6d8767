"""Policy and compliance verification for Kubernetes platforms."""

__version__ = "0.1.0"
