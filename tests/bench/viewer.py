"""How long the real speedscope takes to show a profile: its npm package in headless Chromium."""

import contextlib
import functools
import http.server
import pathlib
import queue
import shutil
import subprocess
import tempfile
import threading

import child
import peers

SPEEDSCOPE = "speedscope@1.25.0"
TIMEOUT_S = 120

# Added to speedscope's own page. It names the document after a profile once it is read; what it draws then is on the
# screen a frame after the next.
REPORT = """<script>
const tell = text => fetch("/report", {method: "POST", body: text});
const drawn = () => requestAnimationFrame(() => setTimeout(() => tell(performance.now())));
window.alert = tell;
const wait = setInterval(() => {
    if (!document.title.endsWith(" - speedscope"))
        return;
    clearInterval(wait);
    requestAnimationFrame(drawn);
}, 1);
</script>"""


class Page(http.server.SimpleHTTPRequestHandler):
    """speedscope's folder, the profile beside it, and where the page tells how long it took."""

    def __init__(self, *arguments, profile, reports, **options):
        self.profile, self.reports = profile, reports
        super().__init__(*arguments, **options)

    def log_message(self, *_):
        pass

    def send(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/profile.json":
            self.send("application/json", self.profile.read_bytes())
        elif self.path == "/":
            index = pathlib.Path(self.directory, "index.html").read_text("utf-8")
            self.send("text/html", index.replace("<body>", f"<body>{REPORT}", 1).encode())
        else:
            super().do_GET()

    def do_POST(self):
        report = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send("text/plain", b"")  # before the browser is ended
        self.reports.put(report)


def install(place):
    """The folder of speedscope's page, and Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        raise peers.Missing("there is no Chromium")
    if not shutil.which("npm"):
        raise peers.Missing("there is no npm to get speedscope with")
    page = place / "viewer/node_modules/speedscope/dist/release"
    if not page.exists():
        peers.run("npm", "install", "--silent", "--no-save", "--prefix", place / "viewer", SPEEDSCOPE)
    return page, chromium


@contextlib.contextmanager
def served(page, profile, reports):
    """The address that shows the profile."""
    handler = functools.partial(Page, directory=page, profile=profile, reports=reports)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/#profileURL=/profile.json"
        finally:
            server.shutdown()


def seconds_to_open(place, profile):
    """From the start of loading the page until the profile is drawn; Chromium's own start is not in it."""
    page, chromium = install(place)
    reports = queue.Queue()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, served(page, profile, reports) as address:
        browser = child.start([chromium, "--headless", "--no-sandbox", "--enable-unsafe-swiftshader",
                               "--no-first-run", f"--user-data-dir={home}", address],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            report = reports.get(timeout=TIMEOUT_S)
        except queue.Empty:
            raise RuntimeError(f"speedscope did not open {profile.name} in {TIMEOUT_S} s") from None
        finally:
            child.end(browser)
    try:
        return float(report) / 1e3
    except ValueError:
        raise RuntimeError(f"speedscope says: {report}") from None
