"""What stands around a running Linewarden: rules, routing, dashboards, units. Data, read by importlib.resources."""
