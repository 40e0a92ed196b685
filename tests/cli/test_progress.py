"""The line that tells how far something is."""

import asyncio

import pytest

from agent.cli.progress import progress


async def test_it_is_shown_on_a_terminal_and_wiped_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("agent.cli.progress._FIRST_SECONDS", 0.0)
    shown: list[float] = []

    def line(seconds: float) -> str:
        shown.append(seconds)
        return "7 answers"

    async with progress(line):
        while len(shown) < 2:
            await asyncio.sleep(0.01)
    said = capsys.readouterr().err
    assert said.startswith("\r\x1b[K7 answers")
    assert said.endswith("\r\x1b[K")


async def test_nothing_is_shown_elsewhere_or_of_what_is_over_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with progress(lambda _: "x"):
        await asyncio.sleep(0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    async with progress(lambda _: "x"):
        await asyncio.sleep(0)
    assert capsys.readouterr().err == ""


async def test_a_failure_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with pytest.raises(RuntimeError, match="a bug"):
        async with progress(lambda _: "x"):
            raise RuntimeError("a bug")
