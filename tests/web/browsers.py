# SPDX-License-Identifier: Apache-2.0
"""Browsers without a window, driven by their own protocols: Chromium by DevTools through a pipe,
Firefox by Marionette through a socket.  Both have

    open(url)               load a page
    run(js)                 the value of an asynchronous function's body in the page
    choose(selector, path)  a file for an <input type=file>
    keys(text)              type into what has the focus; see KEYS for those without a character
    screenshot()            a PNG
    close()
"""
import base64
import fcntl
import json
import os
import shutil
import socket
import subprocess
import time

KEYS = {"Enter": ("\ue007", 13), "Escape": ("\ue00c", 27), "ArrowLeft": ("\ue012", 37),
        "Home": ("\ue011", 36)}


def first_of(*names):
    return next((path for path in map(shutil.which, names) if path), None)


class Chromium:
    name = "chromium"
    program = first_of("chromium-headless-shell", "chromium")

    def __init__(self, folder):
        to_read, self.to = os.pipe()
        self.come, come_write = os.pipe()
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (to_read, come_write)]
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(
            [self.program, "--headless", "--remote-debugging-pipe", "--no-first-run",
             "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}/chromium",
             *sandbox, "about:blank"],
            preexec_fn=lambda: [os.dup2(fd, to) for fd, to in zip(theirs, (3, 4))],
            pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (to_read, come_write, *theirs):
            os.close(fd)
        self.n, self.buffer, self.session = 0, b"", None
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        self.call("Page.enable")

    def message(self):
        while b"\0" not in self.buffer:
            part = os.read(self.come, 1 << 20)
            if not part:
                raise EOFError("chromium has ended")
            self.buffer += part
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, **params):
        self.n += 1
        request = {"id": self.n, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.n:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, url):
        self.call("Page.navigate", url=url)
        while self.message().get("method") != "Page.loadEventFired":
            pass

    def run(self, js):
        answer = self.call("Runtime.evaluate", expression=f"(async () => {{ {js} }})()",
                           awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def choose(self, selector, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[path])

    def keys(self, key, ctrl=False):
        code = KEYS[key][1]
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code, modifiers=2 if ctrl else 0)

    def width(self, n, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=n, height=height,
                  deviceScaleFactor=1, mobile=False)

    def screenshot(self):
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def close(self):
        self.process.terminate()
        self.process.wait()


class Firefox:
    name = "firefox"
    program = first_of("firefox-esr", "firefox")

    def __init__(self, folder):
        profile = f"{folder}/firefox"
        os.mkdir(profile)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        prefs = {"marionette.port": port, "browser.download.folderList": 2,
                 "browser.download.dir": folder, "browser.download.useDownloadDir": True,
                 "browser.download.always_ask_before_handling_new_types": False,
                 "datareporting.policy.dataSubmissionEnabled": False,
                 "toolkit.telemetry.enabled": False, "app.update.enabled": False,
                 "network.captive-portal-service.enabled": False,
                 "network.connectivity-service.enabled": False,
                 "browser.safebrowsing.downloads.enabled": False}
        with open(f"{profile}/user.js", "w") as file:
            for name, value in prefs.items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self.process = subprocess.Popen(
            [self.program, "--marionette", "--headless", "--no-remote", "--profile", profile,
             "about:blank"], env={**os.environ, "HOME": folder},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.2)
        self.n, self.buffer = 0, b""
        self.message()
        self.call("WebDriver:NewSession")
        self.call("WebDriver:SetTimeouts", script=120000, pageLoad=120000)

    def message(self):
        while True:
            head, colon, rest = self.buffer.partition(b":")
            if colon and len(rest) >= int(head):
                self.buffer = rest[int(head):]
                return json.loads(rest[:int(head)])
            part = self.socket.recv(1 << 20)
            if not part:
                raise EOFError("firefox has ended")
            self.buffer += part

    def call(self, method, **params):
        self.n += 1
        data = json.dumps([0, self.n, method, params]).encode()
        self.socket.sendall(b"%d:%s" % (len(data), data))
        _, _, error, result = self.message()
        if error:
            raise RuntimeError(f"{method}: {error}")
        return result

    def open(self, url):
        self.call("WebDriver:Navigate", url=url)

    def run(self, js):
        result = self.call("WebDriver:ExecuteAsyncScript", args=[], script=f"""
            const done = arguments[arguments.length - 1];
            (async () => {{ {js} }})().then(
                value => done({{value: value === undefined ? null : value}}),
                error => done({{error: String(error)}}));""")["value"]
        if "error" in result:
            raise RuntimeError(result["error"])
        return result["value"]

    def element(self, selector):
        found = self.call("WebDriver:FindElement", using="css selector", value=selector)
        return next(iter(found["value"].values()))

    def choose(self, selector, path):
        self.call("WebDriver:ElementSendKeys", id=self.element(selector), text=path)

    def keys(self, key, ctrl=False):
        value = KEYS[key][0]
        steps = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
        if ctrl:
            steps = [{"type": "keyDown", "value": "\ue009"}, *steps,
                     {"type": "keyUp", "value": "\ue009"}]
        self.call("WebDriver:PerformActions", actions=[{"type": "key", "id": "k",
                                                        "actions": steps}])

    def width(self, n, height=900):
        self.call("WebDriver:SetWindowRect", width=n, height=height)

    def screenshot(self):
        return base64.b64decode(self.call("WebDriver:TakeScreenshot", full=False)["value"])

    def close(self):
        try:
            self.call("Marionette:Quit", flags=["eForceQuit"])
        except (EOFError, RuntimeError, OSError):
            pass
        self.process.terminate()
        self.process.wait()
