"""Models on a server: an address in the store, and no files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import ModelError
from valex_local.store import Manifest, Store, add, pack
from valex_local.store.manifests import parse
from valex_local.store.model import refuse_hidden
from valex_local.store.servers import server_options
from valex_local.system import network_guard
from valex_local.system.network_guard import Layers
from valex_local.system.sandbox import FILTER, NAMESPACE, NO_NETWORK

URL = "http://127.0.0.1:8080"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kept", "address"),
    [
        (URL, URL, ("127.0.0.1", 8080)),
        (f"{URL}/", URL, ("127.0.0.1", 8080)),
        (f"{URL}/v1", URL, ("127.0.0.1", 8080)),
        ("http://LOCALHOST:11434/v1/", "http://localhost:11434", ("127.0.0.1", 11434)),
        ("http://127.8.0.1:80", "http://127.8.0.1:80", ("127.8.0.1", 80)),
        ("http://[::1]:8080", "http://[::1]:8080", ("::1", 8080)),
    ],
)
def test_addresses_of_this_machine(url: str, kept: str, address: tuple[str, int]):
    options = server_options({"url": url})
    assert (options.url, options.address) == (kept, address)


OTHERS = [
    *(
        "http://192.0.2.1:80",
        "http://10.0.0.1:8080",
        "http://[2001:db8::1]:80",
        "http://0.0.0.0:8080",
        "http://[::]:80",
    ),
    *("http://model.example:80", "http://localhost.example:80", "http://127.0.0.1.example:80", "http://localhost.:80"),
    *("http://127.0.0.1@model.example:80", "http://127.0.0.1:80\\@model.example", "http://model.example#@127.0.0.1:80"),
    *("http://127.1:80", "http://2130706433:80", "http://0x7f000001:80", "http://0177.0.0.1:80", "http://ⅼocalhost:80"),
    *("http://[::ffff:192.0.2.1]:80", "http://127.0.0.1\n.example:80", "http://", "model.example:80", ""),
]


@pytest.mark.parametrize("url", OTHERS)
def test_any_other_machine_is_refused_without_a_look_up(url: str):
    with network_guard.guarded(), pytest.raises(ModelError, match="is not this machine, and no byte may leave it"):
        server_options({"url": url})


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://127.0.0.1:8080", "https://127.0.0.1 is not plain http"),
        ("ftp://localhost:21", "not plain http"),
        ("http://127.0.0.1", "names no port"),
        ("http://127.0.0.1:99999", "Port out of range"),
        ("http://[::1", "Invalid IPv6"),
        ("http://me@127.0.0.1:80", "more than host, port and /v1"),
        ("http://127.0.0.1:80/v2", "more than host, port and /v1"),
        ("http://127.0.0.1:80/v1?key=1", "more than host, port and /v1"),
    ],
)
def test_addresses_that_are_none(url: str, message: str):
    with pytest.raises(ModelError, match=rf"{message}.*Give it as http://127\.0\.0\.1:8080"):
        server_options({"url": url})


@given(st.ip_addresses(), st.integers(0, 65535))
def test_exactly_loopback_addresses_pass(address, port: int):
    url = f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
    if address.is_loopback:
        assert server_options({"url": url}).address == (str(address), port)
    else:
        with pytest.raises(ModelError):
            server_options({"url": url})


@given(st.text(max_size=20), st.text(max_size=20))
def test_whatever_passes_is_connected_to_on_this_machine(before: str, after: str):
    try:
        options = server_options({"url": f"http://{before}127.0.0.1{after}"})
    except ModelError:
        return
    assert options.address[0].startswith("127.")
    assert server_options({"url": options.url}) == options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "url is missing"),
        ({"url": URL, "api_key": "x"}, "unknown option api_key; expected one of url, model, sees"),
        ({"url": URL, "sees": "perhaps"}, "sees: .*boolean"),
        ({"url": URL, "model": ""}, "model: String should have at least 1 character"),
        ({"url": 8080}, "url: Input should be a valid string"),
    ],
)
def test_options_that_are_none(options: dict[str, object], message: str):
    with pytest.raises(ModelError, match=message):
        server_options(options)


# --- in the store -----------------------------------------------------------------------------------------------------


def test_add_notes_the_address_and_needs_no_server(store: Store):
    options = {"model": "qwen2.5vl:7b", "sees": True}
    model = add(store, f"{URL}/v1/", model_id="ours", options=options, licence="Apache-2.0")
    assert (model.id, model.role, model.engine) == ("ours", "llm", "server")
    assert model.options == {"url": URL, **options}
    again = Store(store.root)
    assert again.find("ours") == again.local(model.folder, "llm") == model
    assert again.manifest("ours").licence == "Apache-2.0"
    assert again.resolve("cpu", {"llm": "ours"}, needed=["llm"]) == {"llm": model}


def test_what_the_model_says_hangs_on_address_and_options(store: Store):
    def digest(url: str, **options: object) -> str:
        return add(store, url, model_id="ours", options=options).digest

    digests = {digest(URL), digest("http://127.0.0.1:8081"), digest(URL, model="m"), digest(URL, sees=True)}
    assert len(digests) == 4
    assert digest(f"{URL}/v1") == digest(URL) == digest(URL, sees=False)


def test_list_and_verify_know_that_there_are_no_files(store: Store):
    add(store, URL, model_id="ours")
    (entry,) = [entry for entry in store.entries() if entry.manifest.id == "ours"]
    assert (entry.size, entry.problem, entry.manifest.on_server) == (None, None, True)
    assert store.verify()["ours"] is None
    assert store.check(store.manifest("ours"), fresh=True) == ()


def test_a_model_on_a_server_is_not_carried(store: Store, tmp_path: Path):
    add(store, URL, model_id="ours")
    with pytest.raises(ModelError, match=rf"ours is on a server of this machine and has no files to carry \[{URL}\]"):
        pack(store, tmp_path / "models.tar", ["ours"])
    assert not (tmp_path / "models.tar").exists()


@pytest.mark.parametrize(
    ("url", "given", "message"),
    [
        ("http://model.example:80", {}, "'model.example' is not this machine"),
        ("https://127.0.0.1:80", {}, "not plain http"),
        (URL, {"model_id": None}, "needs a name.*Give --id"),
        (URL, {"model_id": "smollm2-135m-instruct"}, "is known, and it has files.*another --id"),
        (URL, {"model_id": "../x"}, "id"),
        (URL, {"role": "asr"}, "models on a server are language models"),
        (URL, {"engine": "llama_cpp"}, "no engine but server"),
        (URL, {"link": True}, "no files to link"),
        (URL, {"options": {"url": URL}}, "no url but its address"),
        (URL, {"options": {"key": 1}}, "unknown option key"),
    ],
)
def test_what_cannot_be_added(store: Store, url: str, given: dict, message: str):
    with pytest.raises(ModelError, match=message):
        add(store, url, **{"model_id": "ours", **given})
    assert not (store.root / "ours").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": {"url": "http://model.example:80"}}, "is not this machine"),
        ({"options": {}}, "url is missing"),
        ({"files": [{"name": "a"}]}, "models on a server are language models"),
        ({"shipped": True}, "models on a server are language models"),
        ({"role": "clip"}, "language models"),
    ],
)
def test_a_manifest_written_by_hand_is_held_to_the_same(change: dict, message: str):
    data = {"id": "ours", "role": "llm", "engine": "server", "options": {"url": URL}}
    assert parse(Manifest, data, "m.toml").on_server
    with pytest.raises(ModelError, match=message):
        parse(Manifest, data | change, "m.toml")


# --- the network guard ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("means", [NAMESPACE, FILTER, NO_NETWORK, None])
def test_a_guard_that_hides_loopback_is_told_of(
    store: Store, clip_folder: Path, means: str | None, monkeypatch: pytest.MonkeyPatch
):
    ours, clip = add(store, URL, model_id="ours"), add(store, clip_folder)
    monkeypatch.setattr(network_guard, "current", lambda: Layers(True, True, means is not None, means))
    refuse_hidden(clip)
    if means in (NAMESPACE, FILTER):
        with pytest.raises(ModelError, match=r"ours is on a server of this machine.*valex --loopback run"):
            refuse_hidden(ours)
    else:
        refuse_hidden(ours)
