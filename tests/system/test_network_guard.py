"""The network guard. What cannot be undone (the hook for good, the kernel's layer) is tried in processes of its own."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import OfflineError
from valex_local.system import network_guard, sandbox
from valex_local.system.network_guard import Layers

ROOT = Path(__file__).parents[2]
NOBODY = 65534
OUTSIDE = "192.0.2.1"  # RFC 5737: an address of nobody.

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's layer is Linux's")


# --- help -----------------------------------------------------------------------------------------------------------


def python(code: str, *args: str, prefix: tuple[str, ...] = (), **env: str) -> dict:
    """Run code in a fresh interpreter; it prints one JSON object as its last line."""
    environ = {k: v for k, v in os.environ.items() if k not in network_guard.SWITCHES and k != "VALEX_NO_NAMESPACE"}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(code), *args],
        env={**environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def as_user(module: str = "valex_local") -> tuple[str, ...]:
    """Return the prefix that makes a command run without root's rights; none is needed where we have none.

    Skips where another user cannot import `module` from this installation.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    trial = [
        *prefix,
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, sys.argv[1]); import valex_local, {module}",
        str(ROOT),
    ]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        pytest.skip("another user cannot read this installation")
    return prefix


def need(means: str, got: dict) -> None:
    if got["means"] != means:
        pytest.skip(f"no {means} here: {got['why_not'] or got['means']}")


@pytest.fixture
def server():
    """An HTTP server on the machine's loopback; `requests` lists the paths it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.requests = []
        http.url = f"http://127.0.0.1:{http.server_port}"
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http
        http.shutdown()


@pytest.fixture
def open_folder():
    """A folder in which any user may write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


ENTER = """
    import json, sys
    from dataclasses import asdict
    from valex_local.system import network_guard
    layers = network_guard.enter()
"""

# A running thread keeps the process out of namespaces: so the filter is tried where both are allowed.
ENTER_WITH_A_THREAD = (
    """
    import threading
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
    + ENTER
)

SEALS = {sandbox.NAMESPACE: ENTER, sandbox.FILTER: ENTER_WITH_A_THREAD}
seals = pytest.mark.parametrize("means", SEALS)


# --- the environment ------------------------------------------------------------------------------------------------


def test_guarded_sets_the_switches_and_puts_the_environment_back(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:3128")
    before = dict(os.environ)
    with network_guard.guarded():
        assert {name: os.environ.get(name) for name in network_guard.SWITCHES} == network_guard.SWITCHES
        assert not [name for name in os.environ if name.lower().endswith("_proxy") and name.lower() != "no_proxy"]
    assert dict(os.environ) == before


def test_guards_nest_and_the_outer_one_still_holds():
    with network_guard.guarded():
        with network_guard.guarded():
            pass
        assert os.environ["HF_HUB_OFFLINE"] == "1"
        with pytest.raises(OfflineError):
            socket.getaddrinfo("example.com", 80)
    assert not network_guard.current().hook


def test_a_guard_ends_when_its_block_raises():
    with pytest.raises(RuntimeError), network_guard.guarded():
        raise RuntimeError
    assert not network_guard.current().hook


def test_the_switches_reach_the_hub_library_before_its_import():
    got = python(
        ENTER
        + """
    import huggingface_hub
    try:
        huggingface_hub.model_info("a/b")
    except Exception as error:
        said = type(error).__name__
    print(json.dumps({"said": said, "telemetry_off": huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY}))
    """
    )
    assert got == {"said": "OfflineModeIsEnabled", "telemetry_off": True}


def test_onnxruntime_collects_nothing(tmp_path):
    """Its wheels for Linux make a device id and a queue of events under the user's home as they are imported."""
    pytest.importorskip("onnxruntime")
    import_it = "    import onnxruntime\n    print(json.dumps(None))"
    (tmp_path / "without").mkdir(), (tmp_path / "within").mkdir()
    python("    import json\n" + import_it, HOME=str(tmp_path / "without"), XDG_CACHE_HOME="")
    if not list((tmp_path / "without").rglob("*onnxruntime*")):
        pytest.skip("this build collects nothing by itself")
    python(ENTER + import_it, HOME=str(tmp_path / "within"), XDG_CACHE_HOME="")
    assert not list((tmp_path / "within").rglob("*onnxruntime*"))


def test_switches_that_come_too_late_are_not_claimed():
    got = python("""
    import json, huggingface_hub
    from valex_local.system import network_guard
    with network_guard.guarded() as layers:
        print(json.dumps([layers.environment, layers.hook, layers.describe()]))
    """)
    assert got[:2] == [False, True]
    assert "huggingface_hub was imported before" in got[2]


# --- the hook -------------------------------------------------------------------------------------------------------


def test_without_a_guard_nothing_is_refused(server):
    with pytest.raises(urllib.request.HTTPError):
        urllib.request.urlopen(server.url + "/open")
    assert server.requests == ["/open"]


def test_loopback_is_allowed(server):
    with network_guard.guarded(), pytest.raises(urllib.request.HTTPError, match="404"):
        urllib.request.urlopen(server.url.replace("127.0.0.1", "localhost") + "/inside")
    assert server.requests == ["/inside"]


def test_a_refusal_names_the_place_and_the_caller():
    with network_guard.guarded(), pytest.raises(OfflineError) as refused:
        urllib.request.urlopen(f"http://{OUTSIDE}/")
    assert OUTSIDE in str(refused.value)
    assert refused.value.what.startswith(f"{__name__}:")


def test_a_refusal_inside_a_library_names_library_and_user():
    requests = pytest.importorskip("requests")
    with network_guard.guarded(), pytest.raises(OfflineError) as refused:
        requests.get("http://example.com/")
    assert refused.value.what.startswith("urllib3.")
    assert f"{__name__}:" in refused.value.what


def test_the_hub_library_is_stopped_even_with_its_switch_off():
    got = python(
        ENTER
        + """
    from huggingface_hub import HfApi, constants
    constants.HF_HUB_OFFLINE = False
    try:
        HfApi().model_info("a/b")
    except network_guard.OfflineError as error:
        print(json.dumps({"said": str(error)}))
    """
    )
    assert "huggingface_hub" in got["said"]


def udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


WAYS_OUT = {
    "connect": lambda: socket.socket().connect((OUTSIDE, 80)),
    # The socket module looks a name up before it tells the hook; without our wrapper this is a gaierror.
    "connect by name": lambda: socket.socket().connect(("no-such-host.invalid", 80)),
    "connect_ex": lambda: socket.socket().connect_ex((OUTSIDE, 80)),
    "connect over IPv6": lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)),
    "connect over mapped IPv4": lambda: socket.socket(socket.AF_INET6).connect((f"::ffff:{OUTSIDE}", 80)),
    "sendto": lambda: udp().sendto(b"x", (OUTSIDE, 9)),
    "sendto by name": lambda: udp().sendto(b"x", 0, ("no-such-host.invalid", 9)),
    "sendmsg": lambda: udp().sendmsg([b"x"], [], 0, (OUTSIDE, 9)),
    "a resolver on loopback": lambda: udp().sendto(b"x", ("127.0.0.53", 53)),
    "getaddrinfo": lambda: socket.getaddrinfo("example.com", 80),
    "getaddrinfo of bytes": lambda: socket.getaddrinfo(b"example.com", 80),
    "gethostbyname": lambda: socket.gethostbyname("example.com"),
    "gethostbyname_ex": lambda: socket.gethostbyname_ex("example.com"),
    "gethostbyaddr": lambda: socket.gethostbyaddr(OUTSIDE),
    "getnameinfo": lambda: socket.getnameinfo((OUTSIDE, 80), 0),
    "a name that only looks local": lambda: socket.getaddrinfo("localhost.example.com", 80),
    "listening to everyone": lambda: socket.create_server(("", 0)),
    "listening on an address": lambda: socket.create_server((OUTSIDE, 0)),
    "urllib": lambda: urllib.request.urlopen(f"http://{OUTSIDE}/", timeout=5),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_way_out(way):
    with network_guard.guarded(), pytest.raises(OfflineError):
        WAYS_OUT[way]()


@linux
@pytest.mark.parametrize("family", ["AF_PACKET", "AF_VSOCK"])
def test_other_families_are_refused(family):
    with network_guard.guarded(), pytest.raises(OfflineError):
        socket.socket(getattr(socket, family), socket.SOCK_DGRAM)


def test_local_sockets_stay(tmp_path):
    with network_guard.guarded():
        left, right = socket.socketpair()
        left.send(b"x")
        assert right.recv(1) == b"x"
        left.close(), right.close()
        with socket.create_server(("127.0.0.1", 0)) as here, socket.create_connection(here.getsockname()) as there:
            assert there.getpeername() == here.getsockname()
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(tmp_path / "s"))


@given(st.ip_addresses())
def test_exactly_loopback_addresses_pass(address):
    inside = address.is_loopback or bool(getattr(address, "ipv4_mapped", None) and address.ipv4_mapped.is_loopback)
    with network_guard.guarded():
        if inside:
            socket.getaddrinfo(str(address), 80, flags=socket.AI_NUMERICHOST)
        else:
            with pytest.raises(OfflineError):
                socket.getaddrinfo(str(address), 80, flags=socket.AI_NUMERICHOST)


def test_threads_are_held_too():
    caught = []

    def work():
        try:
            socket.getaddrinfo("example.com", 80)
        except OfflineError as error:
            caught.append(error)

    with network_guard.guarded():
        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads], [t.join() for t in threads]
    assert len(caught) == 4


# --- programs -------------------------------------------------------------------------------------------------------

TRY_PROGRAMS = """
    import os, platform, subprocess
    def outcome(function, *args, **more):
        try:
            function(*args, **more)
        except network_guard.OfflineError:
            return "refused"
        return "done"
    print(json.dumps({
        "sh": outcome(subprocess.run, ["/bin/sh", "-c", "exit 0"]),
        "shell": outcome(subprocess.run, "exit 0", shell=True),
        "system": outcome(os.system, "exit 0"),
        "spawn": outcome(os.posix_spawn, "/bin/sh", ["sh", "-c", "exit 0"], {}),
        "python": outcome(subprocess.run, [sys.executable, "-c", ""]),
        "uname": outcome(platform.processor),
    }))
"""


def test_without_the_kernel_only_local_tools_are_started():
    got = python(ENTER + TRY_PROGRAMS, VALEX_NO_NAMESPACE="1")
    assert {k for k, v in got.items() if v == "refused"} == {"sh", "shell", "system", "spawn"}


def test_a_library_that_looks_for_an_optional_program_goes_on_without():
    pytest.importorskip("scenedetect")
    got = python(
        ENTER
        + """
    import subprocess
    import scenedetect  # It looks for ffmpeg as it is imported.
    try:
        subprocess.run(["ffmpeg"])
    except OSError as error:
        said = str(error)
    print(json.dumps({"said": said}))
    """,
        VALEX_NO_NAMESPACE="1",
    )
    assert "tried to start the program ffmpeg" in got["said"]


def test_a_guard_of_a_library_leaves_programs_alone():
    with network_guard.guarded():
        subprocess.run([sys.executable, "-c", ""], check=True)
        subprocess.run("exit 0", shell=True, check=True)


# --- the kernel -----------------------------------------------------------------------------------------------------

OPEN_WITH_FFMPEG = """
    import av
    try:
        av.open(sys.argv[1], timeout=5)
        said = "opened"
    except (av.FFmpegError, OSError) as error:
        said = str(error)
"""


def test_control_ffmpeg_does_reach_the_server(server):
    pytest.importorskip("av")
    python("    import json, sys" + OPEN_WITH_FFMPEG + "    print(json.dumps(said))", server.url + "/clip.mp4")
    assert "/clip.mp4" in server.requests


@linux
@seals
@pytest.mark.parametrize("user", ["root", "user"])
def test_ffmpeg_reaches_nothing(server, means, user):
    pytest.importorskip("av")
    if user == "root" and os.geteuid() != 0:
        pytest.skip("not root")
    report = "    print(json.dumps(asdict(layers) | {'said': said}))"
    prefix = as_user("av") if user == "user" else ()
    got = python(SEALS[means] + OPEN_WITH_FFMPEG + report, server.url + "/clip.mp4", prefix=prefix)
    need(means, got)
    assert server.requests == []
    assert got["said"] != "opened"
    assert got["kernel"] and got["hook"] and got["environment"]


CHILD = """
    import subprocess
    code = "import urllib.request, sys; urllib.request.urlopen(sys.argv[1], timeout=5)"
    status = subprocess.run([sys.executable, "-c", code, sys.argv[1]], stderr=subprocess.DEVNULL).returncode
"""


def test_control_a_child_does_reach_the_server(server):
    python("    import json, sys" + CHILD + "    print(json.dumps(status))", server.url + "/child")
    assert server.requests == ["/child"]


@linux
@seals
def test_children_reach_nothing(server, means):
    got = python(
        SEALS[means] + CHILD + "    print(json.dumps(asdict(layers) | {'status': status}))", server.url + "/child"
    )
    need(means, got)
    assert server.requests == []
    assert got["status"] != 0


@linux
def test_threads_that_ran_before_are_held_by_the_filter(server):
    got = python("""
    import json, sys, threading, _socket
    from dataclasses import asdict
    go, said = threading.Event(), []
    def work():
        go.wait()
        try:
            _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        except PermissionError as error:
            said.append(error.errno)
    thread = threading.Thread(target=work)
    thread.start()
    from valex_local.system import network_guard
    layers = network_guard.enter()
    go.set(), thread.join()
    print(json.dumps(asdict(layers) | {"said": said}))
    """)
    need(sandbox.FILTER, got)
    assert len(got["said"]) == 1


@linux
def test_loopback_works_inside_the_namespace():
    got = python(
        ENTER
        + """
    import socket
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_connection(here.getsockname()) as there:
        print(json.dumps(asdict(layers) | {"same": there.getpeername() == here.getsockname()}))
    """
    )
    need(sandbox.NAMESPACE, got)
    assert got["same"]


@linux
@seals
def test_files_stay_the_user_s(means, open_folder):
    """Neither does the process become someone else, nor does it get rights it had not."""
    prefix = as_user()
    got = python(
        SEALS[means]
        + """
    import os
    from pathlib import Path
    folder = Path(sys.argv[1])
    (folder / "mine").write_text("x")
    (folder / "mine").chmod(0)
    try:
        (folder / "mine").read_text()
        readable = True
    except PermissionError:
        readable = False
    owner = (folder / "mine").stat().st_uid
    others = bool(Path("/etc/passwd").read_text())
    print(json.dumps(asdict(layers) | {"readable": readable, "owner": owner, "uid": os.getuid(), "others": others}))
    """,
        str(open_folder),
        prefix=prefix,
    )
    need(means, got)
    assert got["owner"] == got["uid"] == (open_folder / "mine").stat().st_uid == (NOBODY if prefix else os.getuid())
    assert not got["readable"]
    assert got["others"]


@linux
def test_name_service_daemons_are_hidden_from_this_process_alone():
    """Their Unix sockets pass by a network namespace."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare, to set up a /run of its own")
    shell = 'mount -t tmpfs none /run && mkdir /run/nscd && touch /run/nscd/socket && "$@" && ls /run/nscd >&2'
    prefix = ("unshare", "--mount", "sh", "-c", shell, "sh")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("the kernel forbids a mount namespace")
    done = subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(ENTER + """
    import os
    print(json.dumps(asdict(layers) | {"inside": os.listdir("/run/nscd")}))
    """)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    got = json.loads(done.stdout)
    need(sandbox.NAMESPACE, got)
    assert got["inside"] == []
    assert done.stderr.strip() == "socket"


@linux
def test_without_any_network_the_layer_holds_by_itself():
    prefix = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--net")
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode != 0:
        pytest.skip("unshare is missing or the kernel forbids it")
    got = python(ENTER + "    print(json.dumps(asdict(layers)))", prefix=prefix)
    assert got["kernel"] and got["means"] == sandbox.NO_NETWORK


# --- what is said ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "env", "reason"),
    [
        ("network_guard.enter()", {"VALEX_NO_NAMESPACE": "1"}, "VALEX_NO_NAMESPACE is set"),
        ("network_guard.enter(kernel=False)", {}, "left out to reach a server on this machine"),
    ],
)
def test_a_missing_layer_is_said(call, env, reason):
    code = f"""
    import json
    from dataclasses import asdict
    from valex_local.system import network_guard
    layers = {call}
    assert layers == {call} == network_guard.current()
    print(json.dumps(asdict(layers) | {{"said": layers.describe()}}))
    """
    got = python(code, **env)
    assert (got["environment"], got["hook"], got["kernel"]) == (True, True, False)
    assert reason in got["said"]


@linux
def test_the_kernel_s_layer_can_be_had_later():
    got = python("""
    import json
    from dataclasses import asdict
    from valex_local.system import network_guard
    first = network_guard.enter(kernel=False)
    print(json.dumps([asdict(first), asdict(network_guard.enter())]))
    """)
    assert not got[0]["kernel"]
    if not got[1]["kernel"]:
        pytest.skip(got[1]["why_not"])
    assert got[1]["why_not"] is None


@pytest.mark.parametrize(
    ("layers", "hidden"),
    [
        (Layers(True, True, True, sandbox.NAMESPACE), True),
        (Layers(True, True, True, sandbox.FILTER), True),
        (Layers(True, True, True, sandbox.NO_NETWORK), False),  # the machine's loopback is all there is
        (Layers(True, True), False),
    ],
)
def test_whether_loopback_is_hidden(layers, hidden):
    assert layers.hides_loopback is hidden


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        (Layers(True, True, True, sandbox.NAMESPACE), "environment switches, audit hook, network namespace"),
        (
            Layers(True, True, False, None, "VALEX_NO_NAMESPACE is set"),
            "environment switches, audit hook; not active: kernel (VALEX_NO_NAMESPACE is set)",
        ),
        (Layers(), "none; not active: environment switches, audit hook, kernel"),
    ],
)
def test_describe(layers, line):
    assert layers.describe() == line


# --- a process that listens -----------------------------------------------------------------------------------------

LISTEN = """
    import json, socket, sys, threading, _socket, ctypes
    from dataclasses import asdict
    from valex_local.system import network_guard
    network_guard.enter(kernel=False)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
"""


@linux
def test_a_process_that_listens_answers_and_reaches_nothing(server):
    program = (
        LISTEN
        + """
    caller = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)  # made before, as a library could
    outside = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    layers = network_guard.enter_listening()
    said = []
    def tried(act):
        try:
            act()
        except OSError as error:
            said.append(error.errno)
        else:
            said.append(0)
    libc = ctypes.CDLL(None, use_errno=True)
    tried(lambda: _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM))
    tried(lambda: _socket.socket(_socket.AF_INET6, _socket.SOCK_DGRAM))
    tried(lambda: _socket.socket.connect(caller, ("127.0.0.1", int(sys.argv[1].rpartition(":")[2].partition("/")[0]))))
    tried(lambda: _socket.socket.connect(outside, "/run/nscd/socket"))
    print(json.dumps(asdict(layers) | {"said": said, "port": port}), flush=True)
    connection, _ = listening.accept()
    connection.sendall(connection.recv(5)[::-1])
"""
    )
    command = [sys.executable, "-c", textwrap.dedent(program), server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            got = json.loads(process.stdout.readline())
            need(sandbox.LISTENING, got)
            assert got["said"] == [errno.EACCES] * 4
            with socket.create_connection(("127.0.0.1", got["port"]), timeout=20) as client:
                client.sendall(b"hello")
                assert client.recv(5) == b"olleh"
        finally:
            process.kill()
    assert server.requests == []
