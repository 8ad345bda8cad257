"""A real browser for tests: headless Chromium, driven by the DevTools protocol over a pair of pipes."""

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
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
)  # fmt: skip
PIPES = 'exec "$@" 3<&0 4>&1 0</dev/null 1>/dev/null'  # Chromium reads commands from 3 and writes answers to 4


def installed() -> str:
    """Return the browser; without one skip the test, or fail it where EFNN_REQUIRE_BROWSER=1 promises one."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        assert os.environ.get("EFNN_REQUIRE_BROWSER") != "1", f"wanted one of {', '.join(NAMES)} on the PATH"
        pytest.skip("needs Chromium")
    return found


@contextmanager
def browser() -> Iterator[Page]:
    """Yield a page in a browser with a fresh profile; the browser ends with the block."""
    # Chromium may still write into its profile when it ends
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["sh", "-c", PIPES, "sh", installed(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        home = {"HOME": profile, "XDG_CONFIG_HOME": profile, "XDG_CACHE_HOME": profile}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, env={**os.environ, **home}, **pipes) as process:
            try:
                yield Page(process)
            finally:
                process.kill()


class Page:
    """One page: its values, its requests to the network, and its messages in the console."""

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

    def open(self, path: Path, width: int = 1280, *, dark: bool = False, media: str = "screen") -> None:
        """Load a file into a window of `width` CSS pixels, in the light or the dark scheme of colours."""
        window = {"width": width, "height": 900, "deviceScaleFactor": 1.0, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **window)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self._events.clear()
        self.send("Page.navigate", url=path.resolve().as_uri())
        while not any(each["method"] == "Page.loadEventFired" for each in self._events):
            self._events.append(self._receive())
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, or the result of its promise."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def pdf(self) -> bytes:
        """Return the page in print."""
        printed = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(printed["data"])

    def requests(self) -> list[str]:
        """Return every address asked for since the page was opened, data within the page apart."""
        asked = [each["params"] for each in self._events if each["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in asked if not each["request"]["url"].startswith("data:")]

    def complaints(self) -> list[str]:
        """Return the messages in the console since the page was opened, uncaught exceptions included."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(each["params"]) for each in self._events if each["method"] in kinds]

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command of the DevTools protocol."""
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

    def _receive(self) -> dict[str, Any]:
        """Return the next message, an answer or an event."""
        assert self._process.stdout is not None
        found = bytearray()
        while (byte := self._process.stdout.read(1)) != b"\0":
            assert byte, "the browser has ended"
            found += byte
        return json.loads(found)
