# SPDX-License-Identifier: Apache-2.0
"""The page in browsers, as a person uses it, compared with the program.

    python3 page.py WEB NOMUL [PICTURE]     WEB: build/web; PICTURE: a PNG of the page to write
"""
import functools
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

from browsers import Chromium, Firefox

PROMPT = "Once upon a time"
CUT_BYTES = 1_000_000
SEED = 4294967291       # of sessions: all its digits count


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves WEB.  Under /cut/ the connection is lost within the model, under /slow/ the model
    comes when `go` is set; hits are remembered."""
    go = threading.Event()
    hits = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.hits.append(self.path)
        if self.path.startswith("/cut/"):
            self.path = self.path[4:]
            if self.path == "/model.gguf":
                return self.cut()
        if self.path.startswith("/slow/"):
            self.path = self.path[5:]
            if self.path == "/model.gguf":
                self.go.wait(60)
        return super().do_GET()

    def cut(self):
        with open(os.path.join(self.directory, "model.gguf"), "rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", os.fstat(file.fileno()).st_size)
            self.end_headers()
            self.wfile.write(file.read(CUT_BYTES))
        self.close_connection = True


def serve(web):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Server, directory=web))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class Test:
    """One browser with the page, and what a person does there."""

    def __init__(self, browser, url):
        self.browser, self.url = browser, url
        self.passed = self.failed = 0

    def check(self, name, expected, found):
        if expected == found:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {self.browser.name}: {name}\n  expected: {expected!r}\n"
                  f"  found:    {found!r}", flush=True)

    def contains(self, name, part, text):
        self.check(name, part, part if part in (text or "") else text)

    def js(self, code):
        return self.browser.run(code)

    def of(self, selector, what="textContent"):
        return self.js(f"return document.querySelector({json.dumps(selector)}).{what}")

    def click(self, selector):
        self.js(f"document.querySelector({json.dumps(selector)}).click()")

    def fill(self, **values):
        for name, value in values.items():
            self.js(f"document.getElementById({name!r}).value = {json.dumps(value)}")

    def wait(self, condition, seconds=60):
        """Until a condition of JavaScript holds, or an error is shown."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.js(f"return {condition}"):
                return True
            time.sleep(0.05)
        print(f"{self.browser.name}: waited in vain for {condition}; status: "
              f"{self.of('#status')!r}, error: {self.error()!r}", flush=True)
        return False

    def wait_status(self, start):
        return self.wait(f"document.getElementById('status').textContent.startsWith({start!r})")

    def error(self):
        return self.js("const e = document.getElementById('error');"
                       "return e.hidden ? '' : e.textContent")

    def wait_error(self):
        self.wait("!document.getElementById('error').hidden")
        return self.error()

    def load(self):
        self.browser.open(self.url + "/")
        self.click("#load")
        return self.wait("!document.getElementById('writing').hidden")

    def write(self, prompt="", n=None, **values):
        if n:
            values["n"] = n
        self.fill(prompt=prompt, **values)
        self.js("document.getElementById('status').textContent = ''")
        self.click("#write")
        self.wait_status("Done")
        return self.of("#text")

    # ---- The cases ----

    def lost_connection(self):
        self.browser.open(self.url + "/cut/")
        self.click("#load")
        self.contains("a lost connection", "The connection was lost after", self.wait_error())
        self.check("no longer loading", "", self.of("#status"))

    def own_model_first(self, web):
        """A model that is opened while the included one is still loading remains."""
        Server.go.clear()
        self.browser.open(self.url + "/slow/")
        self.click("#load")
        self.wait_status("Loading")
        self.browser.choose("#model", f"{web}/model.gguf")
        self.wait("!document.getElementById('writing').hidden")
        self.js("document.getElementById('status').textContent = 'Mine'")
        Server.go.set()
        self.wait("!document.getElementById('load').disabled")
        self.check("a model of one's own remains", "Mine", self.of("#status"))

    def write_while_opening(self, web):
        """The former model's text ends with it, and the next one can be written."""
        self.js("""
            document.getElementById("model").addEventListener("change", () => {
                document.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", ctrlKey: true}));
                document.getElementById("about").textContent = "";
            }, {once: true});
        """)
        self.browser.choose("#model", f"{web}/model.gguf")
        self.wait("document.getElementById('about').textContent")
        self.check("can be written", False, self.of("#write", "disabled"))

    def short(self):
        self.click("#new")
        self.write(PROMPT, n=1, seed=6)
        self.check("one token", "Done: 1 tokens, seed 6; the text has 6 tokens.",
                   self.of("#status"))

    def stop_reading(self):
        self.click("#new")
        self.fill(n=5, seed=6, prompt=PROMPT * 5000)
        self.click("#write")
        self.click("#stop")
        self.wait_status("Stopped: 0")
        self.click("#save")
        self.contains("words that are not read", "The words are not read to their end",
                      self.wait_error())
        self.click("#undo")
        self.wait_status("Undone")
        self.check("undone while not read", "", self.of("#text"))

    def same_bits(self, cli):
        self.click("#check")
        self.wait("document.getElementById('hash').textContent")
        self.check("the model's own sampling", cli["penalty"],
                   self.of("#option-repeat-penalty", "value"))
        self.check("hash of logits", cli["hash"], self.of("#hash"))
        self.check("story", PROMPT + cli["story_40"], self.write(PROMPT, n=40, seed=6))
        self.check("story continued", PROMPT + cli["story_60"], self.write(n=20))

    def undo(self, cli):
        self.click("#undo")
        self.wait_status("Undone")
        self.check("undo", PROMPT + cli["story_40"], self.of("#text"))
        self.check("again the same", PROMPT + cli["story_60"], self.write(n=20))

    def earlier_point(self, cli):
        before = self.of("#text")
        self.js("document.getElementById('text').focus()")
        for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft"):
            self.browser.keys(key)
        kept = self.js("return [...document.querySelectorAll('#text span:not(.after)')]"
                       ".map(span => span.textContent).join('')")
        self.check("arrow keys choose a place", True, before.startswith(kept) and kept != before)
        self.fill(n=5, prompt=" The dragon")
        self.browser.keys("Enter")
        self.wait_status("Done: 5")
        self.check("continues from there", True,
                   self.of("#text").startswith(kept + " The dragon"))

    def stop(self):
        self.click("#new")
        self.wait_status("A new text")
        self.fill(n=100000, seed=6, prompt=PROMPT)
        self.js("window.ticks = 0; window.ticking = setInterval(() => window.ticks++, 10);"
                "document.getElementById('prompt').focus()")
        self.browser.keys("Enter", ctrl=True)
        self.wait("document.getElementById('text').textContent.length > 60")
        ticks = self.js("return window.ticks")
        self.check("the page does not freeze", True, ticks > 0)
        self.browser.keys("Escape")
        self.wait("!document.getElementById('write').disabled")
        self.contains("stop", "Stopped: ", self.of("#status"))

    def sessions(self, cli, folder):
        self.click("#new")
        self.write(PROMPT, n=12, seed=SEED)
        self.click("#save")
        saved = f"{folder}/story.nms"
        end = time.monotonic() + 20
        while not os.path.exists(saved) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        self.check("a session saved here continues there", cli["continued"],
                   nomul("run", "--load-session", saved, "-n", "12", "-q"))
        self.browser.choose("#session", cli["session"])
        self.wait_status("The session is open")
        self.check("its seed", str(SEED), self.of("#seed", "value"))
        self.contains("a session from there continues here", cli["continued"], self.write(n=12))
        with open(cli["session"], "rb") as file, open(f"{folder}/damaged.nms", "wb") as out:
            out.write(file.read()[:1000])
        self.browser.choose("#session", f"{folder}/damaged.nms")
        self.contains("a damaged session", "damaged.nms cannot be opened: is truncated: has 1000 "
                      "bytes", self.wait_error())

    def sealed(self):
        hits = len(Server.hits)
        blocked = self.js("""
            const page = window.wrappedJSObject || window;
            const reach = url => page.fetch(url, {mode: "no-cors"}).then(
                () => "reached", () => "blocked");
            const other = "//localhost:" + location.port + "/leak";
            return await reach("/leak") + " " + await reach(other);
        """)
        self.check("the page cannot connect", "blocked blocked", blocked)
        blocked = self.js("""
            const url = URL.createObjectURL(new Blob([`fetch("${location.origin}/leak").then(
                () => postMessage("reached"), () => postMessage("blocked"))`]));
            const worker = new Worker(url);
            return await new Promise(done => worker.onmessage = ({data}) => done(data));
        """)
        self.check("nor can a worker", "blocked", blocked)
        self.check("nothing reached the server", [], Server.hits[hits:])

    def bad_files(self, web, folder):
        self.js("document.getElementById('error').hidden = true")
        self.js("""
            const files = new DataTransfer();
            files.items.add(new File(["hello"], "letter.txt"));
            document.dispatchEvent(new DragEvent("drop", {dataTransfer: files, bubbles: true}));
        """)
        self.check("a foreign file", "letter.txt is neither a model (a GGUF file) nor a session "
                   "file of nomul.", self.wait_error())
        with open(f"{web}/model.gguf", "rb") as file, open(f"{folder}/half.gguf", "wb") as out:
            out.write(file.read(os.path.getsize(f"{web}/model.gguf") // 2))
        self.browser.choose("#model", f"{folder}/half.gguf")
        self.wait("document.getElementById('error').textContent.startsWith('half.gguf')")
        self.contains("a damaged model", "half.gguf cannot be opened: ", self.error())
        with open(f"{folder}/huge.gguf", "wb") as out:
            out.write(b"GGUF")
            out.truncate(3 << 30)
        self.browser.choose("#model", f"{folder}/huge.gguf")
        self.wait("document.getElementById('error').textContent.startsWith('This')")
        self.contains("too little memory", "This model needs 3222 MB of memory", self.error())
        self.browser.choose("#model", f"{web}/model.gguf")
        self.check("a model file of one's own", True,
                   self.wait("!document.getElementById('writing').hidden"))

    def settings(self):
        self.fill(**{"option-top-p": "2"})
        self.click("#write")
        self.check("a setting out of range", "top-p: a number from 0 to 1 is needed.",
                   self.wait_error())
        self.fill(**{"option-top-p": "0.95"})

    def retry(self):
        self.click("#new")
        first = self.write(PROMPT, n=20, seed=6)
        self.js("document.getElementById('status').textContent = ''")
        self.click("#retry")
        self.wait_status("Done")
        second = self.of("#text")
        self.check("retry", (True, True), (second != first, second.startswith(PROMPT)))

    def narrow(self):
        self.browser.width(500 if self.browser.name == "firefox" else 320)
        self.js("document.querySelectorAll('details').forEach(part => part.open = true)")
        self.check("fits a narrow screen", True, self.js(
            "return document.scrollingElement.scrollWidth <= window.innerWidth"))


def nomul(*words):
    return subprocess.run([sys.argv[2], *words], check=True, capture_output=True,
                          env={**os.environ, "NOMUL_MODEL": f"{sys.argv[1]}/model.gguf"}
                          ).stdout.decode().rstrip("\n")


def recommended(name):
    """An option of general.sampling.* in the model file, as `nomul info` prints it."""
    lines = nomul("info", "--metadata").splitlines()
    return next(line.split()[-1] for line in lines if f"general.sampling.{name}" in line)


def program_says(folder):
    """What the command line computes."""
    run = ("run", "-q", "-p", PROMPT)
    session = f"{folder}/cli.nms"
    nomul(*run, "-n", "12", "-s", str(SEED), "--save-session", session)
    return {
        "hash": nomul("logits", "-p", PROMPT, "--hash"),
        "story_40": nomul(*run, "-n", "40", "-s", "6", "--no-display-prompt"),
        "story_60": nomul(*run, "-n", "60", "-s", "6", "--no-display-prompt"),
        "session": session,
        "penalty": recommended("penalty_repeat"),
        "continued": nomul("run", "-q", "--load-session", session, "-n", "12"),
    }


def picture(test, path):
    test.browser.width(760, 640)
    test.write(PROMPT, n=120, seed=6)
    test.js("document.getElementById('text').scrollTop = 0; document.activeElement.blur()")
    with open(path, "wb") as file:
        file.write(test.browser.screenshot())


def main():
    web = os.path.abspath(sys.argv[1])
    url = serve(web)
    passed = failed = skipped = 0
    for kind in (Chromium, Firefox):
        if not kind.program:
            print(f"SKIP the page in {kind.name}: it is not installed")
            skipped += 1
            continue
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            cli = program_says(folder)
            browser = kind(folder)
            test = Test(browser, url)
            try:
                test.lost_connection()
                test.own_model_first(web)
                test.write_while_opening(web)
                test.check("load", True, test.load())
                if len(sys.argv) > 3 and kind is Chromium:
                    picture(test, sys.argv[3])
                    test.click("#new")
                test.same_bits(cli)
                test.undo(cli)
                test.earlier_point(cli)
                test.settings()
                test.retry()
                test.short()
                test.stop()
                test.stop_reading()
                test.sessions(cli, folder)
                test.sealed()
                test.bad_files(web, folder)
                test.narrow()
            except (EOFError, RuntimeError, OSError) as error:
                test.check("no exception", None, error)
            finally:
                browser.close()
            passed += test.passed
            failed += test.failed
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


main()
