"""`python -m agent.cli`: the command without its entry point, as tests and containers start it."""

from agent.cli import main

main(prog_name="linewarden")
