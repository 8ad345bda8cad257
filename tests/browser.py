"""A real browser for tests: headless Chromium, spoken to in the DevTools protocol over a pair of pipes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
PIPES = 'exec "$@" 3<&0 4>&1 0</dev/null 1>/dev/null'  # where Chromium reads commands and writes answers


def installed() -> str:
    """The browser; skips the test where there is none, and fails it where EFNN_REQUIRE_BROWSER=1 promises one."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    assert os.environ.get("EFNN_REQUIRE_BROWSER") != "1", f"wanted one of {', '.join(NAMES)} on the PATH, found none"
    pytest.skip("needs Chromium")


@contextmanager
def browser() -> Iterator[Page]:
    """A page in a browser with a fresh profile; it ends with the block."""
    # Chromium may still write into its profile when it ends
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["sh", "-c", PIPES, "sh", installed(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(profile)
        ) as process:
            try:
                yield Page(process)
            finally:
                process.kill()


def _environment(profile: str) -> dict[str, str]:
    return {**os.environ, "HOME": profile, "XDG_CONFIG_HOME": profile, "XDG_CACHE_HOME": profile}


class Page:
    """One page: what it shows, computes, asks the network for, and complains of."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._count = 0
        self._session: dict[str, str] = {}
        self._events: list[dict[str, Any]] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        self._session["sessionId"] = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def open(
        self,
        path: Path,
        width: int = 1280,
        *,
        height: int = 900,
        dark: bool = False,
        scale: float = 1.0,
        media: str = "screen",
    ) -> None:
        """Load a file into a window of `width` CSS pixels, in the light or the dark scheme of colours."""
        window = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **window)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._events.clear()
        self.send("Page.navigate", url=path.resolve().as_uri())
        self._until("Page.loadEventFired")
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; of a promise, what it gives."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def screenshot(self, path: Path, *, full: bool = True) -> None:
        """The page as PNG, the whole of it or what the window shows."""
        image = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full, **self._clip(full))
        path.write_bytes(base64.b64decode(image["data"]))

    def _clip(self, full: bool) -> dict[str, Any]:
        if not full:
            return {}
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def pdf(self, path: Path) -> None:
        """The page as it is printed."""
        printed = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(printed["data"]))

    def requests(self) -> list[str]:
        """Every address asked for since the page was opened, pixels within the page apart."""
        asked = [each["params"] for each in self._events if each["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in asked if not each["request"]["url"].startswith("data:")]

    def complaints(self) -> list[str]:
        """What stands in the console since the page was opened, and exceptions that nothing caught."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(each["params"]) for each in self._events if each["method"] in kinds]

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command of the DevTools protocol."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": parameters, **self._session}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        self._process.stdin.flush()
        while (answer := self._receive()).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _until(self, method: str) -> None:
        while not any(each["method"] == method for each in self._events):
            self._events.append(self._receive())

    def _receive(self) -> dict[str, Any]:
        """The next message, an answer or an event."""
        assert self._process.stdout is not None
        found = bytearray()
        while (byte := self._process.stdout.read(1)) != b"\0":
            assert byte, "the browser has ended"
            found += byte
        return json.loads(found)
