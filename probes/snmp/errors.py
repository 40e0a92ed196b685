"""What can go wrong in a conversation with an agent: who is at fault is in the class."""


class SnmpError(Exception):
    """A conversation did not end well; the text is for a person and holds no secret."""


class SnmpTimeout(SnmpError, TimeoutError):  # noqa: N818 - reads like the standard class that it also is
    """The agent did not answer any of the tries."""


class SnmpRefused(SnmpError, ConnectionRefusedError):  # noqa: N818 - as above
    """The device said that nobody listens on that port (ICMP port unreachable), at all tries."""


class SnmpAgentError(SnmpError):
    """The agent answered, and not as the protocol wants it; the text names the OID."""


class SnmpLocalError(SnmpError, OSError):
    """This host is at fault: no route, no name, own receive buffer full. Nothing is known of the agent."""
