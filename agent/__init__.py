"""The Linewarden agent: what is decided (`agent.core`), and what runs it."""

__version__ = "0.1.0"
