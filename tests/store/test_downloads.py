"""Downloads from Hugging Face, from a hub on loopback; each install starts the process that a real one starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.commands import PROGRAM
from tests.store.hub_server import COMMIT, Hub, serving
from tests.store.proxy_server import proxying
from tests.store.tiny import sha256
from valex_local.errors import ModelError
from valex_local.store import FileProgress, Store, install
from valex_local.store import hub as hub_process
from valex_local.store.manifests import File, Manifest, Source, built_in_folder, read_manifest, read_manifests
from valex_local.system import network_guard

WEIGHTS = bytes(range(251)) * 400
CONFIG = b'{"a": 1}\n'
OTHER = "f" * 40


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in (*network_guard.SWITCHES, "HF_TOKEN", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.lower() in (*network_guard.PROXIES, "no_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_TOKEN_PATH", "/nonexistent/token")
    with serving(Hub(files={"model.bin": WEIGHTS, "sub/config.json": CONFIG})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return listed(Store(tmp_path / "store"))


def listed(store: Store, revision: str | None = COMMIT, **facts: dict[str, Any]) -> Store:
    """Return the store with the model m, whose files have the stated facts."""
    files = tuple(File(name=name, **facts.get(name[:3], {})) for name in ("model.bin", "sub/config.json"))
    source = Source(repo="lab/model", revision=revision)
    store.built_in["m"] = Manifest(id="m", role="llm", engine="e", files=files, source=source)
    return store


def rest(store: Store) -> list[str]:
    """Names of what is in the store, except for its own bookkeeping."""
    return sorted(p.name for p in store.root.iterdir() if p.name not in (".lock", ".sums.json"))


def test_a_model_is_fetched_checked_and_recorded(hub: Hub, store: Store, tmp_path: Path):
    said: list[str] = []
    told: list[FileProgress] = []
    assert install(store, "m", say=said.append, tell=told.append) == []
    assert (store.root / "m/model.bin").read_bytes() == WEIGHTS
    assert (store.root / "m/sub/config.json").read_bytes() == CONFIG
    record = read_manifest(store.root / "m/model.toml")
    assert record.files[0] == File(name="model.bin", size=len(WEIGHTS), sha256=sha256(WEIGHTS))
    assert record.files[1].sha256 == sha256(CONFIG)
    assert store.find("m").role == "llm"
    assert said == [
        f"m installed from Hugging Face: lab/model, revision {COMMIT}. The manifest does not state all checksums: "
        "those of 2 files are recorded as they came"
    ]
    assert [step.file for step in told if step.done == step.total] == ["model.bin", "sub/config.json"]
    assert told[-1] == FileProgress("m", "sub/config.json", len(CONFIG), len(CONFIG))
    assert rest(store) == ["m"]
    assert not list(tmp_path.rglob("*huggingface*"))
    asked = {call.path for call in hub.calls}
    assert asked == {
        f"/lab/model/resolve/{COMMIT}/model.bin",
        f"/lab/model/resolve/{COMMIT}/sub/config.json",
        "/storage/model.bin",
        "/api/resolve-cache/sub/config.json",
    }


def test_an_installed_model_asks_for_nothing(hub: Hub, store: Store):
    install(store, "m")
    hub.calls.clear()
    said: list[str] = []
    install(store, "m", say=said.append)
    assert (said, hub.calls) == (["m is already installed"], [])


def test_without_a_revision_the_newest_is_taken_and_recorded(hub: Hub, store: Store):
    listed(store, revision=None)
    install(store, "m")
    assert store.manifest("m").source == Source(repo="lab/model", revision=COMMIT)


@pytest.mark.parametrize("ranges", [True, False], ids=["continued", "the server sends all of it again"])
def test_a_transfer_that_breaks_off_is_continued(hub: Hub, store: Store, ranges: bool):
    hub.cuts["model.bin"] = [60_000, 20_000]
    hub.ranges = ranges
    install(store, "m")
    assert (store.root / "m/model.bin").read_bytes() == WEIGHTS
    begun = [call.range for call in hub.gets("model.bin")]
    assert begun[0] is None
    assert len(begun) == 3
    if ranges:
        assert begun[1:] == ["bytes=60000-", "bytes=80000-"]


def test_what_a_failed_transfer_left_is_continued_by_the_next_install(
    hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch
):
    partial = store.root / f".partial/m/{COMMIT}/model.bin"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(WEIGHTS[:70_000])
    (store.root / f".partial/m/{OTHER}").mkdir()
    install(store, "m")
    assert [call.range for call in hub.gets("model.bin")] == ["bytes=70000-"]
    assert (store.root / "m/model.bin").read_bytes() == WEIGHTS
    assert rest(store) == ["m"]


@pytest.mark.parametrize("left", [b"other" * 2000, WEIGHTS + b"more"], ids=["other bytes", "too many"])
def test_wrong_bytes_of_an_earlier_attempt_are_fetched_again(hub: Hub, store: Store, left: bytes):
    partial = store.root / f".partial/m/{COMMIT}/model.bin"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(left)
    install(store, "m")
    assert (store.root / "m/model.bin").read_bytes() == WEIGHTS


def test_a_repository_that_does_not_have_the_stated_file_is_refused_before_anything_is_fetched(hub: Hub, store: Store):
    for facts in ({"sha256": sha256(b"other")}, {"size": 7}):
        listed(store, mod=facts)
        with pytest.raises(ModelError, match="not what its manifest says"):
            install(store, "m")
    assert not [call for call in hub.calls if call.method == "GET"]


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_a_file_that_is_not_the_listed_one_is_refused(hub: Hub, store: Store, name: str):
    """Checksums of large files are SHA-256, of small ones Git's; the last byte differs, or there is one more."""
    path = next(p for p in hub.files if p.endswith(name))
    for wrong in (hub.files[path][:-1] + b"?", hub.files[path] + b"?"):
        hub.served[path] = wrong
        with pytest.raises(ModelError, match=r"not (what its manifest says|the one that Hugging Face lists)") as caught:
            install(store, "m")
        assert "proxy" in str(caught.value)
        assert not (store.root / "m").exists()
        assert not (store.root / f".partial/m/{COMMIT}/{path}").exists()


def test_the_commit_must_be_the_stated_one(hub: Hub, store: Store):
    hub.statuses["model.bin"] = (200, {"X-Repo-Commit": OTHER, "ETag": '"x"'})
    with pytest.raises(ModelError, match=f"revision {OTHER} of lab/model instead of {COMMIT}"):
        install(store, "m")


def test_a_server_that_does_not_state_what_it_sends_is_refused(hub: Hub, store: Store):
    hub.statuses["model.bin"] = (200, {"ETag": '"x"'})
    with pytest.raises(ModelError, match=r"does not state commit, size and checksum of model.bin.*HF_ENDPOINT"):
        install(store, "m")


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (401, {"X-Error-Code": "GatedRepo"}, "accepted its terms"),
        (403, {"X-Error-Code": "GatedRepo"}, "accepted its terms"),
        (401, {"X-Error-Message": "Invalid credentials in Authorization header"}, "does not accept your access token"),
        (401, {"X-Error-Code": "RepoNotFound"}, "not give the model m to everybody"),
        (403, {}, "not give the model m to everybody"),
        (404, {"X-Error-Code": "RevisionNotFound"}, f"does not have model.bin in lab/model, revision {COMMIT}"),
        (404, {"X-Error-Code": "EntryNotFound"}, "does not have model.bin"),
        (418, {}, "error 418"),
    ],
)
def test_an_answer_is_explained(status: int, headers: dict[str, str], words: str):
    """Without a process of its own, since there are many answers."""
    import httpx2
    from huggingface_hub.utils import hf_raise_for_status

    response = httpx2.Response(status, headers=headers, request=httpx2.Request("HEAD", "http://127.0.0.1/x"))
    with (
        pytest.raises(ModelError, match=words) as caught,
        hub_process._explained(Source(repo="lab/model", revision=COMMIT), "m", "model.bin"),
    ):
        hf_raise_for_status(response)
    assert "https://huggingface.co/lab/model" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            r"\[SSL.*a certificate of its own.*SSL_CERT_FILE",
        ),
        ("", r"cannot be reached \(ConnectTimeout\)$"),
    ],
)
def test_why_it_cannot_be_reached_is_explained(text: str, words: str):
    import httpx2

    source = Source(repo="lab/model")
    with pytest.raises(hub_process.Unreachable, match=words), hub_process._explained(source, "m", "model.bin"):
        raise httpx2.ConnectTimeout(text)


def test_a_gated_repository_takes_the_token_of_the_user(hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch):
    hub.token = "hf_secret"
    with pytest.raises(ModelError, match=r"accepted its terms .*settings/tokens.*export HF_TOKEN") as caught:
        install(store, "m")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    install(store, "m")
    assert store.find("m").role == "llm"
    assert {call.token for call in hub.calls if call.path.startswith("/storage/")} == {None}
    assert "hf_secret" not in str(caught.value)


def test_the_stored_token_is_found_although_the_library_has_another_home(
    hub: Hub, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hub.token = "hf_stored"
    home = tmp_path / "home"
    (home / "huggingface").mkdir(parents=True)
    (home / "huggingface/token").write_text("hf_stored")
    monkeypatch.delenv("HF_TOKEN_PATH")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    install(store, "m")
    assert store.find("m").role == "llm"
    assert [path.name for path in (home / "huggingface").iterdir()] == ["token"]


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_proxy_is_used(hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch):
    """No name server knows the hosts, and nothing is fetched past the proxy."""
    places = {"hub.example": port(hub.url), "storage.example": port(hub.storage)}
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example")
    hub.storage = "http://storage.example"
    with proxying(places) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        install(store, "m")
    assert (store.root / "m/model.bin").read_bytes() == WEIGHTS
    assert {host for _, host in proxy.asked} == set(places)
    assert len(proxy.asked) == len(hub.calls)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of the hosts that no list of authorities has; its key is in the same file."""
    path = tmp_path / "lab.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hub.example "
        f"-addext subjectAltName=DNS:hub.example,DNS:storage.example -keyout {path}.key -out {path}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return path


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_proxy_for_encrypted_connections_is_used(
    hub: Hub, store: Store, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    """Through tunnels; with a certificate of the lab's own, as where a proxy opens them, only when told."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, f"{certificate}.key")
    said: list[str] = []
    with (
        serving(Hub(files=hub.files), tls) as safe,
        proxying({"hub.example": port(safe.url), "storage.example": port(safe.storage)}) as proxy,
    ):
        safe.storage = "https://storage.example"
        monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert install(store, "m", say=said.append) == ["m"]
        assert "ask for its file, and type: export SSL_CERT_FILE=" in said[-1]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert install(store, "m", say=said.append) == []
    assert (store.root / "m/model.bin").read_bytes() == WEIGHTS
    assert set(proxy.asked) == {("CONNECT", "hub.example"), ("CONNECT", "storage.example")}


def test_a_proxy_that_is_not_there_is_named(hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    said: list[str] = []
    assert install(store, "m", say=said.append) == ["m"]
    assert "cannot be reached through the proxy that HTTP_PROXY names ([Errno 111] Connection refused)" in said[0]
    assert hub.calls == []


@pytest.mark.parametrize("how", ["nobody listens", "switched off", "guarded"])
def test_without_a_network_the_models_are_left_to_the_user(
    hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch, how: str
):
    said: list[str] = []
    if how == "guarded":
        with network_guard.guarded():
            assert install(store, "m", say=said.append) == ["m"]
    else:
        name, value = ("HF_HUB_OFFLINE", "1") if how == "switched off" else ("HF_ENDPOINT", "http://127.0.0.1:9")
        monkeypatch.setenv(name, value)
        assert install(store, "m", say=said.append) == ["m"]
    assert len(said) == 1
    assert ("cannot be reached" if how == "nobody listens" else "nothing was downloaded") in said[0]
    assert hub.calls == []
    assert not (store.root / "m").exists()


def test_with_a_folder_of_wheels_no_network_is_used(hub: Hub, store: Store, tmp_path: Path):
    assert install(store, "m", source=tmp_path) == ["m"]
    assert hub.calls == []


def test_a_full_disk_is_noticed_before_anything_is_fetched(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    manifest = listed(Store(tmp_path / "store")).built_in["m"]
    monkeypatch.setattr(hub_process, "_SPARE", 1 << 60)
    monkeypatch.setattr(hub_process, "_inspect", lambda m: (COMMIT, [hub_process.Remote("", m.files[0], None)]))
    with pytest.raises(ModelError, match=r"not enough disk space: 0.0 GB are still to be fetched and .* GB are free"):
        hub_process.fetch([manifest], tmp_path, print)
    assert hub.calls == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_stopped_in_the_middle_and_continued(hub: Hub, store: Store, tmp_path: Path, how: signal.Signals):
    """The program is killed, and nobody tells the process that downloads; or it is interrupted, and says so."""
    hub.files["model.bin"] = content = bytes(range(256)) * (16 << 12)
    hub.pause = 0.02
    (store.root / "m").mkdir(parents=True)
    record = store.built_in["m"].to_toml()
    (store.root / "m/model.toml").write_text(record)
    command = [*PROGRAM, "models", "install", "m"]
    environment = {**os.environ, "VALEX_MODELS": str(store.root)}
    partial = store.root / f".partial/m/{COMMIT}/model.bin"
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    wait_for(lambda: partial.is_file() and partial.stat().st_size > 1 << 20)
    os.kill(process.pid, how)
    _, complaints = process.communicate()
    assert (b"stopping" in complaints) == (how is signal.SIGINT)
    assert b"Traceback" not in complaints
    wait_for(lambda: is_free(store.root / ".partial/.lock"))  # the process that downloads ends by itself
    hub.pause = 0.0
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "m/model.bin: 16.8 MB of 16.8 MB" in done.stderr
    first, *others = [call.range for call in hub.gets("model.bin")]
    assert first is None
    assert len(others) == 1
    assert int(others[0].removeprefix("bytes=").rstrip("-")) > 1 << 20
    assert (store.root / "m/model.bin").read_bytes() == content
    assert rest(store) == ["m"]


def is_free(lock: Path) -> bool:
    with lock.open("w") as file, suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def wait_for(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_library_is_not_imported_by_the_store():
    code = "import sys, valex_local.store; sys.exit('huggingface_hub' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_manifests_of_large_models_name_a_revision():
    hosted = {name: m.source for name, m in read_manifests(built_in_folder()).items() if m.source is not None}
    assert {"whisper-large-v3", "qwen3-vl-8b-instruct", "roberta-large", "clip-vit-l-14"} <= hosted.keys()
    assert [name for name, source in hosted.items() if source.revision is None] == []


def test_a_source_of_files_that_are_not_downloaded_is_refused():
    with pytest.raises(ValueError, match="not downloaded"):
        Manifest(id="m", role="llm", engine="e", shipped=True, source=Source(repo="lab/model"))
