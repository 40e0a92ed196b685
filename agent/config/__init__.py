"""The configuration: YAML in, frozen settings and the estate out; errors name file, line and the likely word."""

from agent.config.load import Loaded, load
from agent.config.problems import ConfigError, Problem
from agent.config.registry import ProbeType, probe_types

__all__ = ["ConfigError", "Loaded", "ProbeType", "Problem", "load", "probe_types"]
