"""The audit of a running platform: preflight, static checks over live objects, probes, and what both say."""
