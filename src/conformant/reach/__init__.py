"""Reachability: who may connect to whom, by NetworkPolicies, administrators' policies and the mesh; pure."""
