from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from musicgen_vae.music.clip import Role
from musicgen_vae.music.midi import read_midi
from tests.bad_files import BAD_FILES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def app(app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(
        app_url,
        verbose=False,
        download_files=str(tmp_path_factory.mktemp("answers")),
        analytics_enabled=False,
    )


def check_files(midi: str, audio: str, n_bars: int) -> None:
    piece = read_midi(Path(midi).read_bytes())
    assert 0 < len(piece.bars) <= n_bars
    assert Path(audio).suffix == ".wav"
    samples, _ = soundfile.read(audio)
    assert abs(samples).max() > 0.01


def test_only_the_endpoints_are_published(app: Client) -> None:
    endpoints = app.view_api(print_info=False, return_format="dict")
    assert set(endpoints["named_endpoints"]) == {
        "/sample",
        "/interpolate",
        "/map_clip",
        "/reconstruct",
        "/encode",
        "/complete",
        "/transfer",
        "/render",
    }
    assert endpoints["unnamed_endpoints"] == {}
    assert all(endpoint["description"] for endpoint in endpoints["named_endpoints"].values())
    private = [d for d in app.config["dependencies"] if d["api_visibility"] != "public"]
    assert {d["api_visibility"] for d in private} == {"private"}
    assert len(private) > 5


def test_sample_needs_nothing_but_a_seed(app: Client) -> None:
    midi, audio, info = app.predict(seed=7, api_name="/sample")
    check_files(midi, audio, n_bars=4)
    assert info["parameters"]["seed"] == 7
    again, _, _ = app.predict(seed=7, api_name="/sample")
    assert Path(again).read_bytes() == Path(midi).read_bytes()


def test_sample_as_asked(app: Client) -> None:
    midi, _, info = app.predict(
        seed=1, mode="minor", key="G", meter="6/8", tempo=80, density=2, form="AB",
        api_name="/sample",
    )  # fmt: skip
    assert [clip["key"] for clip in info["clips"]] == ["G minor"] * 2
    assert str(read_midi(Path(midi).read_bytes()).bars[0].meter) == "6/8"


def test_interpolate_and_reconstruct(app: Client, midi_file: Callable[..., Path]) -> None:
    a, b = handle_file(midi_file("a.mid")), handle_file(midi_file("b.mid", variant=3))
    midi, audio, info = app.predict(a, b, steps=3, key="b", api_name="/interpolate")
    check_files(midi, audio, n_bars=12)
    assert len(info["clips"]) == 3
    midi, audio, info = app.predict(a, api_name="/reconstruct")
    check_files(midi, audio, n_bars=8)
    assert len(info["clips"]) == 2


def test_interpolate_keeps_a_role_and_tells_the_path(
    app: Client, midi_file: Callable[..., Path]
) -> None:
    a, b = handle_file(midi_file("a.mid")), handle_file(midi_file("b.mid", variant=3))
    midi, _, info = app.predict(a, b, steps=2, keep="melody", api_name="/interpolate")
    melody = [n.pitch for n in read_midi(Path(midi).read_bytes()).notes if n.role is Role.MELODY]
    assert len(melody) == 32 and melody[:16] == melody[16:]
    assert info["parameters"]["keep"] == "melody"
    assert set(info["along"]) == {"distances", "nats_per_note", "crossfade_nats_per_note"}
    assert info["along"]["distances"][0] == 0 < info["along"]["distances"][1]
    with pytest.raises(AppError, match="choose A's"):
        app.predict(a, b, key="b", keep="melody", api_name="/interpolate")


def test_encode_complete_transfer_and_render(app: Client, midi_file: Callable[..., Path]) -> None:
    file = handle_file(midi_file("a.mid"))
    latent = app.predict(file, api_name="/encode")
    assert [clip["first_bar"] for clip in latent["clips"]] == [1, 5]
    assert all(len(clip["mu"]) == len(clip["logvar"]) == 4 for clip in latent["clips"])
    midi, audio, info = app.predict(
        file, clip=1, keep="melody, bass", bars="1,2", seed=3, api_name="/complete"
    )
    check_files(midi, audio, n_bars=4)
    assert info["parameters"]["roles"] == ["melody", "bass"]
    assert info["parameters"]["bars"] == [1, 2]
    midi, audio, _ = app.predict(file, action="continue", api_name="/complete")
    check_files(midi, audio, n_bars=8)
    midi, audio, info = app.predict(file, mode="minor", valence=-1, arousal=1, api_name="/transfer")
    check_files(midi, audio, n_bars=4)
    assert "minor" in info["clips"][0]["key"]
    audio, info = app.predict(file, api_name="/render")
    assert soundfile.info(audio).duration == pytest.approx(info["seconds"] + 1.5, abs=0.1)


def test_map_clip(app: Client) -> None:
    *files, info = app.predict(5, api_name="/map_clip")
    check_files(files[0], files[1], n_bars=4)
    check_files(files[2], files[3], n_bars=4)
    assert info["parameters"]["index"] == 5


@pytest.mark.parametrize(
    ("endpoint", "values", "message"),
    [
        ("/sample", {"form": "A1"}, "1 to 16 letters"),
        ("/sample", {"density": 9}, "density 9 is outside 0 to 7"),
        ("/sample", {"seed": -3}, "seed -3 is outside"),
        ("/sample", {"style": "<b>polka</b>"}, "&lt;b&gt;polka"),
        ("/map_clip", {"index": 99}, "not on the map"),
        ("/complete", {"keep": "kazoo"}, "none of melody"),
        ("/complete", {"bars": "9"}, "outside 1 to 4"),
        ("/complete", {"bars": "<b>"}, "&lt;b&gt;"),
        ("/complete", {"keep": "melody, harmony, bass"}, "nothing is left to write"),
        ("/transfer", {}, "choose another style"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    app: Client,
    midi_file: Callable[..., Path],
    endpoint: str,
    values: dict[str, Any],
    message: str,
) -> None:
    if endpoint in ("/complete", "/transfer"):
        values = {"file": handle_file(midi_file()), **values}
    with pytest.raises(AppError) as raised:
        app.predict(**values, api_name=endpoint)
    assert message in str(raised.value)
    assert "Traceback" not in str(raised.value) and "\n" not in str(raised.value)


def test_bad_files_are_told_and_the_next_one_works(
    app: Client, midi_file: Callable[..., Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.mid"
    for kind, (data, words) in BAD_FILES.items():
        bad.write_bytes(data)
        with pytest.raises(Exception) as raised:  # noqa: PT011
            app.predict(handle_file(bad), api_name="/reconstruct")
        said = str(raised.value)
        assert words in said or "20 MB" in kind, kind
        assert "Traceback" not in said and "\n" not in said, kind
    midi, audio, _ = app.predict(handle_file(midi_file()), api_name="/reconstruct")
    check_files(midi, audio, n_bars=8)


def test_files_of_the_server_cannot_be_read(app_url: str, midi_file: Callable[..., Path]) -> None:
    # As a hostile client asks: a path on the server that nobody uploaded.
    file = {"path": str(midi_file()), "meta": {"_type": "gradio.FileData"}}
    call = f"{app_url}/gradio_api/call/reconstruct"
    event = httpx.post(call, json={"data": [file]}).json()["event_id"]
    answer = httpx.get(f"{call}/{event}", timeout=60).text
    assert answer.startswith("event: error")
    assert "Traceback" not in answer


_GROUPS = """
import json
from pathlib import Path
from musicgen_vae.ui.landing import load_landing
from musicgen_vae.ui.page import build_page
from musicgen_vae.ui.studio import Studio

page = build_page(Studio.open(Path("nowhere")), load_landing())
groups = [
    (event.name, event.api_visibility, event.queue, event.concurrency_id, event.concurrency_limit)
    for event in page.fns.values()
    if event.fn is not None
]
print(json.dumps(groups))
"""


def test_one_group_for_the_model_and_nothing_in_none() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _GROUPS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    groups = json.loads(run.stdout)
    queued = [group for group in groups if group[2]]
    assert {(group, limit) for *_, group, limit in queued} == {("model", 1), ("render", 2)}
    # All that writes music, for visitors and for programs.
    at_model = {name for name, _, _, group, _ in queued if group == "model"}
    assert {"on_generate", "on_more", "on_morph", "on_again", "on_do"} <= at_model
    public = {name for name, seen, *_ in groups if seen == "public"}
    assert public - at_model == {"render"}


_DELETING = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from musicgen_vae.ui.page import delete_uploads


class Growing(set):
    grows = True

    def __iter__(self):
        yield from list(super().__iter__())
        if self.grows:
            raise RuntimeError("Set changed size during iteration")


path = Path(sys.argv[1])
page = SimpleNamespace(blocks={}, temp_file_sets=[Growing([str(path)])])
path.touch()
delete_uploads(page, 60)
young = path.exists()
time.sleep(0.05)
delete_uploads(page, 0)
page.temp_file_sets[0].grows = False
path.touch()
time.sleep(0.05)
delete_uploads(page, 0)
assert young and not path.exists() and not page.temp_file_sets[0]
"""


def test_uploads_are_deleted_though_others_come_meanwhile(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _DELETING, str(tmp_path / "upload.mid")]
    subprocess.run(command, cwd=ROOT, check=True)


_WITHOUT_MAP = """
import json
from pathlib import Path
from musicgen_vae import Composer
from musicgen_vae.audio.torch_renderer import TorchRenderer
from musicgen_vae.ui.page import build_page, takes_folder
from musicgen_vae.ui.studio import Studio, Tools
from musicgen_vae.ui.takes import Recorder

composer = Composer.load("tests/data/tiny")
recorder = Recorder(renderer=TorchRenderer(), folder=takes_folder(), edges=composer.spec.edges)
studio = Studio(lambda: Tools(composer=composer, recorder=recorder, atlas=None), composer.spec)
page = build_page(studio, None)
endpoints = {event.api_name: event.fn for event in page.fns.values()}
error = None
try:
    endpoints["map_clip"]()
except Exception as caught:
    error = [type(caught).__name__, str(caught)]
midi, audio, _ = endpoints["sample"](seed=1)
print(json.dumps([error, Path(midi).is_file() and Path(audio).is_file()]))
"""


def test_without_a_map_only_the_map_is_missing(tmp_path: Path) -> None:
    # In a process of its own: building a page leaves event loops open.
    run = subprocess.run(
        [sys.executable, "-c", _WITHOUT_MAP],
        cwd=ROOT,
        env=os.environ | {"GRADIO_TEMP_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    error, sampled = json.loads(run.stdout)
    assert error[0] == "Error" and "no map" in error[1]
    assert sampled


def test_without_weights_the_app_answers_and_says_so(modelless_url: str) -> None:
    client = Client(modelless_url, verbose=False, analytics_enabled=False)
    with pytest.raises(AppError, match="no checkpoint in"):
        client.predict(seed=1, api_name="/sample")
