"""Podman's containers."""
