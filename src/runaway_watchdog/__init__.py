"""Finds sustained high CPU, explains who keeps the process alive, and plans the reversible way out."""

__version__ = "0.1.0"
