"""Pseudonyms: keyed, stable, and in place of every name in whatever is written."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.exported import dialogue, labels, make_study, on_screen, script
from valex_local.cli.estimate import estimate
from valex_local.cli.export import export
from valex_local.cli.import_labels import labels as import_labels
from valex_local.cli.label import label
from valex_local.cli.pseudonyms import pseudonyms
from valex_local.cli.report import report
from valex_local.cli.sheet import sheet
from valex_local.errors import ConfigError
from valex_local.exchange.export.formats import FORMATS
from valex_local.files.tables import read_table, write_table
from valex_local.privacy.copies import shown
from valex_local.privacy.pseudonyms import Pseudonyms, make_key, read_key
from valex_local.records import (
    Calibration,
    CodedValue,
    Coding,
    Edits,
    Failure,
    Intake,
    MadeBy,
    Notice,
    Post,
    PostText,
    SourceFile,
    SpeakerName,
    Speakers,
    SpeakerSegment,
)
from valex_local.schwartz import CIRCLE, State
from valex_local.study import LabelKey, Study
from valex_local.study.custody import entries

NUMBER, OTHER = "7300000000000000041", "7300000000000000042"
TELLING = [
    "zaphod_beeble",
    "ford.prefect",
    "trillian_q",
    "marvin_para",
    NUMBER,
    OTHER,
    "magrathea",
    "slartibart",
    "f" * 63,
]
"""What no output may hold, in no spelling; the last is the checksum of a video."""
KEY = bytes(range(32))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    make_key(path)
    return path


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study in which names stand wherever names may stand."""
    study = make_study(tmp_path)
    (study.root / "gold").mkdir()
    ids = [f"zaphod_beeble_{NUMBER}", f"ford.prefect_{OTHER}", "magrathea_tour-0123abcd"]
    for n, post_id in enumerate(ids):
        user = ("Zaphod_Beeble", "ford.prefect", None)[n]
        path = f"/home/slartibart/{'magrathea_tour' if user is None else post_id}.mp4"
        text = PostText(
            caption=f"with @trillian_q and Ford.Prefect, see https://magrathea.example/{n} #zaphod_beeblefans #ok",
            hashtags=("zaphod_beeblefans", "ok"),
            author=user,
            sound_title="original sound - marvin_para",
            posted_at="2024-06-02",
            url=f"https://www.tiktok.com/@{user}/video/{(NUMBER, OTHER)[n]}" if user else None,
        )
        notice = Notice(code="odd", text=f"{path} is odd")
        video = SourceFile(path=path, sha256="f" * 63 + str(n), size=1)
        study.write(post_id, "post", Post(id=post_id, video=video, text=text, notices=(notice,)))
        lines = (
            dialogue("hello ZAPHOD_BEEBLE and trillian_q", 0.0, 1.0, "MARVIN_PARA"),
            on_screen(f"@ford.prefect tiktok.com/@zaphod_beeble/video/{NUMBER}", 1.0, 2.0),
        )
        made = MadeBy(stage="import", version=1, settings={"file": f"@{post_id}.txt", "sha256": "f" * 64, "n": [user]})
        study.write(post_id, "script.template", script(*lines).model_copy(update={"made_by": made}))
        study.write(post_id, "labels.template.encoder", labels((0.9, 0.05), (0.2, 0.8)))
        heard = tuple(SpeakerSegment(speaker=f"SPEAKER {who}", start=who, end=who + 1) for who in (1, 2))
        study.write(post_id, "speakers", Speakers(segments=heard))
        name = SpeakerName(speaker="MARVIN_PARA", name="trillian_q", by="anna", on="2026-01-01T00:00:00Z")
        coded = {CIRCLE[0]: CodedValue(state=State.PRESENT, note="as trillian_q says")}
        study.write(post_id, "coding.anna", Coding(coder="anna", done=True, note="zaphod_beeble!", values=coded))
        study.write(post_id, "edits", Edits(speakers=(name,)))
    study.write_failure(Failure(post=ids[0], stage="ocr", what="zaphod_beeble's video broke"))
    study.write_failure(Failure(post=f"trillian_q_{OTHER[:-1]}9", stage="intake", what=f"trillian_q_{OTHER} is broken"))
    study.write_intake(Intake(unmatched=(f"row 3: ford.prefect_{OTHER}",)))
    calibration = Calibration(model="tiny", kind="own domain", posts=tuple(ids))
    study.write_calibration(LabelKey("template", "encoder"), calibration)
    (study.root / "gold" / "anna.csv").write_text(f"video_id,Face,note\n{ids[0]},1,by zaphod_beeble\n")
    (study.root / "samples").mkdir()
    rows = "".join(f"{one},0.5,{one}\n" for one in study.post_ids())
    (study.root / "samples" / "s.csv").write_text(f"post_id,inclusion_probability,stratum\n{rows}")
    return study


def call(command, *words):
    done = CliRunner().invoke(command, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def originals(place: Path) -> list[str]:
    """Return the originals in files and their names, with compressed ones unpacked."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    assert files
    found = []
    for path in files:
        content = str(path.relative_to(place.parent)) + "\n" + _content(path)
        found += [f"{path.name}: {name}" for name in TELLING if name in content.lower()]
    return found


def _content(path: Path) -> str:
    if path.suffix in (".xlsx", ".parquet"):
        if path.suffix == ".parquet":
            from pyarrow import parquet

            return str(parquet.read_table(path).to_pylist())
        return str([row.cells for row in read_table(path).rows])
    return path.read_text("utf-8")


# --- no output holds a name -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_no_export_holds_an_original(study, key, tmp_path, form):
    ending = (*FORMATS[form].suffixes, "")[0]
    call(export, form, "-s", study.root, "-o", tmp_path / f"plain{ending}")
    assert originals(tmp_path / f"plain{ending}"), "the study does have names to be hidden"
    out = tmp_path / f"out{ending}"
    said = call(export, form, "-s", study.root, "-o", out, "--pseudonyms", key)
    assert not [name for name in TELLING if name in said]
    assert not originals(out)
    assert not list(study.root.glob("*.part"))


def test_no_other_output_holds_an_original(study, key, tmp_path):
    where = ("-s", study.root, "--pseudonyms", key)
    call(report, *where)
    assert not originals(study.root / "report")
    for name in ("sheet.csv", "sheet.xlsx"):
        call(sheet, "-o", tmp_path / name, *where)
        assert not originals(tmp_path / name)
    table = ("table", "-o", tmp_path / "estimate.csv", "--labels", "template.encoder", "--sample", "s")
    call(estimate, *table, *where)
    assert not originals(tmp_path / "estimate.csv")
    with shown(study, key) as seen:
        assert not originals(seen.study.root)
        assert len(seen.study.post_ids()) == len(study.post_ids())
    assert not list(study.root.glob("*.part"))


@pytest.mark.slow
def test_labels_in_a_file_are_those_of_the_words_themselves(study, key, tmp_path):
    plain, hidden = tmp_path / "plain.csv", tmp_path / "hidden.csv"
    given = ("-s", study.root, "--model", "minilm-arguments", "--profile", "demo", "--states", "cautious")
    call(label, "-o", plain, *given)
    call(label, "-o", hidden, "--pseudonyms", key, *given)
    assert originals(plain)
    assert not originals(hidden)
    one, two = (sorted([*row.cells.values()][1:] for row in read_table(path).rows) for path in (plain, hidden))
    assert one == two


# --- the key --------------------------------------------------------------------------------------------------------


def test_one_key_gives_the_same_pseudonyms_and_leads_back(study, key, tmp_path):
    for name in ("one", "two"):
        call(export, "posts", "-s", study.root, "-o", tmp_path / f"{name}.csv", "--pseudonyms", key)
    one, two = ((tmp_path / f"{name}.csv").read_bytes() for name in ("one", "two"))
    assert one == two
    make_key(tmp_path / "other")
    call(export, "posts", "-s", study.root, "-o", tmp_path / "three.csv", "--pseudonyms", tmp_path / "other")
    shown_ids = {next(iter(row.cells.values())) for row in read_table(tmp_path / "one.csv").rows}
    assert not shown_ids & {next(iter(row.cells.values())) for row in read_table(tmp_path / "three.csv").rows}
    call(pseudonyms, "list", key, "-s", study.root, "-o", tmp_path / "back.csv")
    back = {row.cells["pseudonym"]: row.cells["post"] for row in read_table(tmp_path / "back.csv").rows}
    assert shown_ids <= back.keys()
    assert {back[name] for name in shown_ids} == set(study.post_ids())
    assert entries(study)[-1].details["format"] == "pseudonyms with their posts", "who undid them is in the log"
    assert [entry.details["pseudonyms"] for entry in entries(study)[:-1]] == ["yes"] * 3


def test_a_key_is_its_owners_alone_and_never_in_a_study(study, key, tmp_path):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    with pytest.raises(ConfigError, match="already exists"):
        make_key(key)
    assert key.read_bytes() == before
    with pytest.raises(ConfigError, match="in a study"):
        make_key(study.root / "exports" / "key")
    with pytest.raises(ConfigError, match="no such key"):
        read_key(tmp_path / "none")
    key.chmod(0o640)
    with pytest.raises(ConfigError, match="may read"):
        read_key(key)
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(ConfigError, match="not a key"):
        read_key(tmp_path / "text")


# --- names in text --------------------------------------------------------------------------------------------------


def test_spellings_of_a_user_get_one_pseudonym():
    hide = Pseudonyms(KEY, [Post(id="anna.k_7300000000000000041", text=PostText(author="Anna.K"))])
    user = hide.user("anna.k")
    assert hide.text("ANNA.K's, @anna.k! (anna.k)") == f"{user}'s, @{user}! ({user})"
    assert hide.text("joanna.kay") == f"jo{user}ay", "a long name is found inside words, too"
    assert hide.post("@anna.k_video_7300000000000000041.mp4") == hide.post("anna.k_7300000000000000041")
    assert Pseudonyms(bytes(32)).user("anna.k") != user


@pytest.mark.parametrize("name", ["the", "a", "No"])
def test_names_that_are_common_words_leave_texts_readable(name):
    hide = Pseudonyms(KEY, [Post(id="x-0123abcd", text=PostText(author=name))])
    assert hide.text(f"this is {name} end") == f"this is {name} end"
    assert hide.text(f"@{name} says") == f"@{hide.user(name)} says"


@given(st.text(max_size=60), st.from_regex(r"[a-z][a-z0-9_.]{4,20}[a-z0-9]", fullmatch=True), st.text(max_size=60))
def test_a_known_name_is_found_in_any_text(before, name, after):
    hide = Pseudonyms(KEY, [Post(id="x-0123abcd", text=PostText(author=name))])
    text = hide.text(f"{before} {name} {after}")
    rest = re.sub(r"(post|user|link|mail|file)_[a-z2-7]{16}", "", text)
    assert name not in rest.lower()


@given(st.text(max_size=200))
def test_a_text_without_names_stays(text):
    hide = Pseudonyms(KEY)
    assert hide.text(re.sub(r"[@\d./:wW]", "", text)) == re.sub(r"[@\d./:wW]", "", text)


def test_a_sheet_under_pseudonyms_comes_back_with_the_key(study, key, tmp_path):
    call(sheet, "-o", tmp_path / "sheet.csv", "-s", study.root, "--pseudonyms", key, "--coder", "ben")
    table = read_table(tmp_path / "sheet.csv")
    rows = [{**row.cells, "Face": "1", "coded": "x"} for row in table.rows]
    write_table(tmp_path / "done.csv", [table.columns, *(row.values() for row in rows)])
    assert CliRunner().invoke(import_labels, [str(tmp_path / "done.csv"), "-s", str(study.root)]).exit_code == 2
    call(import_labels, tmp_path / "done.csv", "-s", study.root, "--pseudonyms", key)
    stored = {next(iter(row.cells.values())) for row in read_table(study.root / "gold" / "ben.csv").rows}
    assert stored == set(study.post_ids())
