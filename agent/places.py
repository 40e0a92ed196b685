"""Where the agent keeps its state, and where its control socket stands."""

import os
from pathlib import Path


class StartError(Exception):
    """The agent cannot start; the text says what is in the way and what to do."""


def state_directory(chosen: Path | None, configured: str | None) -> Path:
    """Return the directory that keeps the ledger, created.

    The command line's, the configuration's, systemd's `$STATE_DIRECTORY`, then the user's own place.

    Raises:
        StartError: it cannot be created or written.
    """
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    path = chosen or (Path(configured) if configured else None) or (Path(given) if given else None)
    try:
        path = path or _home_state()
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError("not writable")
    except OSError as error:
        raise StartError(
            f"{path}: the state directory cannot be used ({error.strerror or error}); "
            "give another by `agent.state_dir` or --state-dir"
        ) from error
    return path


def _home_state() -> Path:
    """Return the user's own place; a service's user has no home, and needs none while systemd names a directory."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise StartError("this user has no home directory; give `agent.state_dir` or --state-dir") from error
    return Path(state) / "linewarden"


def control_socket(state_dir: Path) -> Path:
    """Return where the control socket stands: systemd's runtime directory, else beside the ledger."""
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return (Path(runtime) if runtime else state_dir) / "control.sock"
