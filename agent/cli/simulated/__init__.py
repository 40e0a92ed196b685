"""The simulated council estate of `linewarden demo`: SNMP agents on loopback, in a process of their own.

A process of its own, so that the agent's event loop is measured as it is on a real host. Everything but `__main__` and
`process` is pure: what a device answers follows from the request and from the time alone.
"""
