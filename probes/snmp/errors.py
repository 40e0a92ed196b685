"""What can go wrong in a conversation with an agent: who is at fault is in the class."""


class SnmpError(Exception):
    """A conversation did not end well; the text is for a person and holds no secret."""


class SnmpTimeout(SnmpError, TimeoutError):  # noqa: N818 - reads like the standard class that it also is
    """The agent did not answer any of the tries."""


class SnmpRefused(SnmpError, ConnectionRefusedError):  # noqa: N818 - as above
    """The device said that nobody listens on that port (ICMP port unreachable), at all tries."""


class SnmpAgentError(SnmpError):
    """The agent answered, and not as the protocol wants it; the text names the OID."""


class SnmpReportError(SnmpAgentError):
    """An SNMPv3 engine refused a message by a Report (RFC 3414 section 3.2); each reason has its own class."""


class SnmpUnknownEngine(SnmpReportError):  # noqa: N818 - named as usmStatsUnknownEngineIDs is
    """The agent does not know the engine id that was used, again after it was asked for its own."""


class SnmpUnknownUser(SnmpReportError):  # noqa: N818 - as usmStatsUnknownUserNames
    """The agent has no such user."""


class SnmpUnsupportedLevel(SnmpReportError):  # noqa: N818 - as usmStatsUnsupportedSecLevels
    """The agent knows the user, and not with this security level."""


class SnmpWrongDigest(SnmpReportError):  # noqa: N818 - as usmStatsWrongDigests
    """The authentication password or protocol is not that of the user."""


class SnmpDecryptionError(SnmpReportError):
    """The privacy password or protocol is not that of the user (usmStatsDecryptionErrors)."""


class SnmpNotInTimeWindow(SnmpReportError):  # noqa: N818 - as usmStatsNotInTimeWindows
    """The agent's boots and time are not those of its own messages, again after a resynchronisation."""


class SnmpLocalError(SnmpError, OSError):
    """This host is at fault: no route, no name, own receive buffer full. Nothing is known of the agent."""
