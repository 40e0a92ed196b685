"""The status page in headless Chromium: live without reload, keyboard, phone width, and nothing from elsewhere."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from agent.core.maintenance import Window, WindowKind
from agent.core.model import State, Verdict
from agent.core.notes import Note, NoteKind
from agent.core.picture import Picture
from tests.exporters.pictures import healthy, trouble
from tests.exporters.serving import serving

CHROMIUM: Final = "/usr/bin/chromium"
DRIVER: Final = "/usr/bin/chromedriver"
SECONDS: Final = 30.0  # the page asks every two; a busy machine may take longer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which(CHROMIUM) is None or shutil.which(DRIVER) is None,
        reason="needs Chromium: apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync", "disable-dev-shm-usage", "no-proxy-server",
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):  # fmt: skip
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        driver.set_window_size(1280, 900)
        yield driver
    finally:
        driver.quit()


class View:
    """The page in the browser; every call leaves the event loop free to serve it."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver, self.url = driver, url

    async def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the script gives
        return await asyncio.to_thread(self.driver.execute_script, script)

    async def until(self, script: str) -> None:
        """Wait until an expression is true."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SECONDS
        while not await self.run(f"return Boolean({script})"):
            assert loop.time() < deadline, f"{script} did not come true"
            await asyncio.sleep(0.1)

    async def press(self, *keys: str) -> None:
        def type_them() -> None:
            webdriver.ActionChains(self.driver).send_keys(*keys).perform()

        await asyncio.to_thread(type_them)

    async def size(self, width: int, height: int, *, mobile: bool) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        await asyncio.to_thread(self.driver.execute_cdp_cmd, "Emulation.setDeviceMetricsOverride", metrics)

    async def scheme(self, name: str) -> None:
        media = {"features": [{"name": "prefers-color-scheme", "value": name}]}
        await asyncio.to_thread(self.driver.execute_cdp_cmd, "Emulation.setEmulatedMedia", media)

    async def log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await asyncio.to_thread(self.driver.get_log, kind)
        return found


@asynccontextmanager
async def shown(driver: webdriver.Chrome, picture: Picture, tmp_path: Path) -> AsyncIterator[View]:
    """Serve a picture and open its page."""
    async with serving(picture, control_socket=tmp_path / "control.sock") as server:
        page = View(driver, server.urls[0] + "/")
        await page.log("browser")
        await page.log("performance")
        await page.size(1280, 900, mobile=False)
        await asyncio.to_thread(driver.get, page.url)
        try:
            yield page
        finally:
            await asyncio.to_thread(driver.get, "about:blank")


async def test_a_change_appears_without_reload(browser: webdriver.Chrome, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    picture, later = healthy(now), trouble(now)
    async with shown(browser, picture, tmp_path) as page:
        assert await page.run("return document.querySelector('h1').innerText") == "All is well"
        assert "All is well" in browser.title
        await page.run("window.untouched = true; scrollTo(0, 300); document.querySelector('.more a').focus()")
        row = "document.querySelector('#circuits tr[data-key=enc-crown]')"
        assert await page.run(f"return {row}.querySelector('.state').innerText") == "up"
        picture.verdicts.update(later.verdicts)
        picture.health.update(later.health)
        picture.pages, picture.flags = later.pages, later.flags
        picture.events.extend(later.events)
        await page.until(f"{row}.querySelector('.state').innerText === 'down'")
        await page.until("document.querySelector('h1').innerText === 'Four things are wrong'")
        assert await page.run("return window.untouched") is True
        assert await page.run("return document.querySelectorAll('.page').length") == 2
        assert "Four things are wrong" in await page.run("return document.getElementById('said').innerText")
        assert "Four things are wrong" in await page.run("return document.title")
        assert await page.run("return document.activeElement.getAttribute('href')") == "/api/v1/events"
        first = await page.run("return document.querySelector('#circuits tbody tr').dataset.key")
        assert first == "bcw-crown-primary"
        picture.verdicts["enc-crown"] = Verdict(State.UP, now)
        await page.until(f"{row}.querySelector('.state').innerText === 'up'")
        assert [line for line in await page.log("browser") if line["level"] == "SEVERE"] == []


async def test_an_agent_that_does_not_answer_is_said(browser: webdriver.Chrome, tmp_path: Path) -> None:
    async with shown(browser, healthy(datetime.now(UTC)), tmp_path) as page:
        await page.until("document.getElementById('live-text').innerText.startsWith('live')")
        network = "Network.emulateNetworkConditions"
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        await asyncio.to_thread(browser.execute_cdp_cmd, "Network.enable", {})
        await asyncio.to_thread(browser.execute_cdp_cmd, network, offline)
        await page.until("document.getElementById('stale').innerText.startsWith('The agent does not answer.')")
        await asyncio.to_thread(
            browser.execute_cdp_cmd, network, offline | {"offline": False, "downloadThroughput": -1}
        )
        await page.until("document.getElementById('stale').hidden")


async def test_the_keyboard(browser: webdriver.Chrome, tmp_path: Path) -> None:
    async with shown(browser, trouble(datetime.now(UTC)), tmp_path) as page:
        await page.press(Keys.TAB)
        assert await page.run("return document.activeElement.innerText") == "Skip to what is wrong"
        box = await page.run("const b = document.activeElement.getBoundingClientRect(); return [b.top, b.height]")
        assert box[0] >= 0
        assert box[1] > 20
        await page.press(Keys.ENTER)
        assert await page.run("return document.activeElement.id") == "main"
        await page.run("document.activeElement.blur(); document.querySelector('.skip').focus()")
        names = []
        for _ in range(9):
            await page.press(Keys.TAB)
            names.append(await page.run("return document.activeElement.innerText"))
        assert names == [
                "Pages", "Circuits", "What else", "Maintenance", "Sites", "Services", "Devices", "Ageing", "Events",
            ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_no_width_overflows_and_all_text_can_be_read(
    browser: webdriver.Chrome, tmp_path: Path, width: int, scheme: str
) -> None:
    now = datetime.now(UTC)
    picture = trouble(now)
    picture.windows = (
        Window(WindowKind.MAINTENANCE, now, now + timedelta(hours=2), now, targets=("bcw-files1",), id=1,
               reason="new disks", author="alice"),
        Window(WindowKind.CLOCK_STOP, now + timedelta(days=2), now + timedelta(days=3), now,
               "FREQ=MONTHLY;INTERVAL=2", "Europe/London", ("bcw",), ("ExampleTel",), reason="x", author="bob", id=2),
    )  # fmt: skip
    outage = picture.open_outages["enc-crown"]
    picture.notes[outage.id] = (Note(outage.id, NoteKind.ACKNOWLEDGEMENT, now, "alice", "on it"),)
    async with shown(browser, picture, tmp_path) as page:
        await page.size(width, 800, mobile=width < 500)
        await page.scheme(scheme)
        await page.until("document.getElementById('live-text').innerText.startsWith('live')")
        assert await page.run("return document.documentElement.scrollWidth") <= width
        poor = await page.run(_CONTRAST)
        assert poor == [], "below 4.5:1 (WCAG 2.1, 1.4.3)"


async def test_nothing_comes_from_elsewhere_and_nothing_is_complained_of(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    async with shown(browser, trouble(datetime.now(UTC)), tmp_path) as page:
        await page.until("document.getElementById('live-text').innerText.startsWith('live')")
        asked = set()
        for line in await page.log("performance"):
            message = json.loads(line["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.add(message["params"]["request"]["url"])
        assert page.url in asked
        assert {url for url in asked if not url.startswith((page.url, "data:", "about:"))} == set()
        assert [line["message"] for line in await page.log("browser")] == []


async def test_times_are_local_with_utc_beside_them(browser: webdriver.Chrome, tmp_path: Path) -> None:
    async with shown(browser, trouble(datetime.now(UTC)), tmp_path) as page:
        await page.until("document.querySelector('.age').innerText.includes('min')")
        element = await asyncio.to_thread(browser.find_element, By.CSS_SELECTOR, ".page time")
        title = await asyncio.to_thread(element.get_attribute, "title")
        assert title is not None
        assert title.endswith(" UTC")


# every element with text of its own against the nearest background that is not transparent
_CONTRAST: Final = """
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = numbers(getComputedStyle(node).backgroundColor);
    if (colour.length === 3 || colour[3] > 0.5) return colour;
  }
  return [255, 255, 255];
};
const poor = new Set();
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (!own || !node.getClientRects().length || node.closest(".hidden, .sprite, thead")) continue;
  const [a, b] = [luminance(numbers(getComputedStyle(node).color)), luminance(ground(node))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.add(`${node.className || node.tagName}: ${ratio.toFixed(2)}`);
}
return [...poor];
"""
