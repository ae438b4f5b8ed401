"""The command line: JSON on stdout, words on stderr, exit code 2 and one line on bad input."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from musicgen_vae.audio.mix import programs_for
from musicgen_vae.cli import main
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.clip import Role, join
from musicgen_vae.music.midi import read_midi, write_midi
from tests.bad_files import BAD_FILES
from tests.conftest import TINY_CHECKPOINT
from tests.training.corpora import build

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"
ODE, REEL = EXAMPLES / "ode_to_joy.mid", EXAMPLES / "irish_washerwoman.mid"


class Run:
    """Runs commands with the small checkpoint and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: object) -> list[dict[str, Any]]:
        code = main([*map(str, words), "--checkpoint", str(TINY_CHECKPOINT)])
        out, err = self.capsys.readouterr()
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()]

    def fails(self, *words: object, code: int = 2) -> str:
        try:
            got = main(list(map(str, words)))
        except SystemExit as exit_:
            got = int(exit_.code or 0)
        out, err = self.capsys.readouterr()
        assert got == code
        assert out == ""
        lines = [line for line in err.splitlines() if line]
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        return lines[0]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def piece(result: dict[str, Any]) -> Any:
    return read_midi(Path(result["midi"]).read_bytes())


def test_sample(run: Run, tmp_path: Path) -> None:
    words = ["sample", "--n", 3, "--seed", 7, "--mode", "minor", "--density", 5, "--out"]
    made = run(*words, tmp_path / "a")
    assert [m["seed"] for m in made] == [7, 8, 9]
    assert all(m["parameters"]["density"] == 5 for m in made)
    assert all(m["attributes"]["key"] == "A minor" for m in made)
    assert all(piece(m).notes for m in made)
    again = run(*words, tmp_path / "b")
    for a, b in zip(made, again, strict=True):
        assert Path(a["midi"]).read_bytes() == Path(b["midi"]).read_bytes()
    (alone,) = run(
        "sample", "--seed", 8, "--mode", "minor", "--density", 5, "--out", tmp_path / "c"
    )
    assert Path(alone["midi"]).read_bytes() == Path(made[1]["midi"]).read_bytes()


def test_reconstruct(run: Run, tmp_path: Path) -> None:
    (whole,) = run("reconstruct", ODE, "--out", tmp_path)
    original = read_midi(ODE.read_bytes())
    assert len(whole["f1"]) == whole["clips"] == len(original.spans())
    assert len(piece(whole).bars) == len(original.bars)
    parts = run("reconstruct", ODE, "--per-clip", "--out", tmp_path)
    assert [part["clip"] for part in parts] == list(range(1, whole["clips"] + 1))


def test_four_bars_of_rest_stay_four_bars_of_rest(run: Run, tmp_path: Path) -> None:
    clip = read_midi(ODE.read_bytes()).clips()[0]
    file = tmp_path / "rest.mid"
    file.write_bytes(write_midi(join([clip, clip.keep(()), clip])))
    out = ("--out", tmp_path)
    (copy,) = run("reconstruct", file, *out)
    assert [f1 is None for f1 in copy["f1"]] == [False, True, False]
    (moved,) = run("transfer", file, "--density", 5, *out)
    assert moved["checkpoint"] == copy["checkpoint"]
    for made in (copy, moved):
        first, rest, last = piece(made).clips()
        assert not rest.notes
        assert first.notes
        assert last.notes
    assert [part["clip"] for part in run("reconstruct", file, "--per-clip", *out)] == [1, 3]
    words = ("vary", file, "--clip", 2, "--checkpoint", TINY_CHECKPOINT)
    assert "no notes" in run.fails(*words, *out)
    (varied,) = run("vary", file, "--clip", 3, "--n", 1, *out)
    assert varied["attributes"]["n_notes"] > 0


def test_a_result_that_cannot_be_written_is_told_in_a_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    words = ("sample", "--checkpoint", TINY_CHECKPOINT, "--out", tmp_path / "file")
    assert "file" in run.fails(*words, code=1)


def test_interpolate(run: Run, tmp_path: Path) -> None:
    made = run("interpolate", ODE, REEL, "--steps", 3, "--key", "b", "--out", tmp_path)
    assert [m.get("share") for m in made] == [0.0, 0.5, 1.0, None]
    assert {str(bar.meter) for m in made for bar in piece(m).bars} == {"6/8"}


def test_interpolate_keeps_a_role_of_a(run: Run, tmp_path: Path) -> None:
    made = run("interpolate", ODE, REEL, "--steps", 2, "--keep", "melody", "--out", tmp_path)
    melody = {
        (n.start, n.pitch)
        for n in read_midi(ODE.read_bytes()).notes
        if n.role is Role.MELODY and n.start < 4 * 48
    }
    assert made[0]["parameters"]["keep"] == "melody"
    for step in made[:2]:
        assert {(n.start, n.pitch) for n in piece(step).notes if n.role is Role.MELODY} == melody


def test_complete(run: Run, tmp_path: Path) -> None:
    (made,) = run("complete", ODE, "--keep", "melody", "--bars", "3-4", "--out", tmp_path)
    before, after = read_midi(ODE.read_bytes()), piece(made)

    def melody(p: Any) -> list[tuple[int, int]]:
        return [(n.start, n.pitch) for n in p.notes if n.role is Role.MELODY]

    assert melody(after) == melody(before)
    rewritten = range(2 * 48, 4 * 48)
    outside = [n for n in before.notes if n.start not in rewritten]
    assert {(n.start, n.role, n.pitch) for n in outside} <= {
        (n.start, n.role, n.pitch) for n in after.notes
    }


def test_vary_transfer_compose(run: Run, tmp_path: Path) -> None:
    assert len(run("vary", ODE, "--n", 2, "--out", tmp_path)) == 2
    (moved,) = run("transfer", ODE, "--mode", "minor", "--out", tmp_path)
    assert len(piece(moved).bars) >= 4
    (form,) = run("compose", "--form", "ABA", "--seed", 3, "--out", tmp_path)
    assert len(form["clips"]) == 3


def test_a_form_can_be_sampled(run: Run, tmp_path: Path) -> None:
    made = run("sample", "--form", "AB", "--n", 2, "--seed", 5, "--out", tmp_path / "a")
    assert [m["seed"] for m in made] == [5, 6]
    assert all(len(m["clips"]) == 2 and len(piece(m).bars) == 8 for m in made)
    (long,) = run("compose", "--form", "AB", "--section-bars", 8, "--out", tmp_path / "b")
    assert len(piece(long).bars) == 16


def test_extend_and_rewrite(run: Run, tmp_path: Path) -> None:
    before = read_midi(ODE.read_bytes())
    (longer,) = run("complete", ODE, "--extend", 6, "--out", tmp_path)
    after = piece(longer)
    assert len(after.bars) == len(before.bars) + 6
    assert {(n.start, n.role, n.pitch) for n in before.notes} <= {
        (n.start, n.role, n.pitch) for n in after.notes
    }
    (other,) = run("complete", ODE, "--rewrite", "melody", "--bars", "1-2", "--out", tmp_path)

    def of(p: Any, role: Role) -> list[tuple[int, int]]:
        return [(n.start, n.pitch) for n in p.notes if n.role is role]

    assert of(piece(other), Role.HARMONY) == of(before, Role.HARMONY)
    assert of(piece(other), Role.MELODY) != of(before, Role.MELODY)


def test_attribute(run: Run, tmp_path: Path) -> None:
    (made,) = run("attribute", ODE, "--name", "density", "--amount", 1, "--out", tmp_path)
    assert made["examples"]["with"] == made["examples"]["without"] > 100
    assert piece(made).notes


def test_encode(run: Run, tmp_path: Path) -> None:
    (result,) = run("encode", ODE, REEL, "--out", tmp_path / "z.npz")
    with np.load(tmp_path / "z.npz", allow_pickle=False) as data:
        assert data["z"].shape == tuple(result["shape"])
        assert data["z"].shape[1:] == (4, 32)
        assert set(data["names"].tolist()) == {ODE.name, REEL.name}
        assert data["bars"][0] == 1


def said_by(path: object) -> dict[str, Any]:
    """What a sound file says of itself."""
    with soundfile.SoundFile(path) as file:
        comment = json.loads(file.comment) if file.comment else {}
        return {"title": file.title} | comment if file.title or comment else {}


def test_render(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def render(name: str, *words: str) -> dict[str, Any]:
        assert main(["render", str(ODE), str(tmp_path / name), *words]) == 0
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    result = render("a.wav", "--renderer", "torch")
    assert 0.05 < result["peak"] < 0.9
    assert result["lufs"] == pytest.approx(-16, abs=0.1) or result["peak"] > 0.88
    assert result["seconds"] == round(soundfile.info(tmp_path / "a.wav").duration, 3) > 10
    assert said_by(tmp_path / "a.wav") == {"title": "Ode to Joy"}
    render("human.wav", "--humanise", "3")
    assert said_by(tmp_path / "human.wav")["parameters"] == {"human_seed": 3}
    assert (tmp_path / "human.wav").read_bytes() != (tmp_path / "a.wav").read_bytes()
    render("written.wav", "--as-written")
    assert soundfile.info(tmp_path / "written.wav").duration > 10
    assert (tmp_path / "written.wav").read_bytes() != (tmp_path / "a.wav").read_bytes()
    render("nobody.ogg", "--anonymous")
    assert said_by(tmp_path / "nobody.ogg") == {}


def test_what_a_command_made_is_rendered_beside_it_and_equally_loud(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("sample", "--n", 2, "--seed", 7, "--mode", "minor", "--out", tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, made))))
    assert main(["render", "-", "--format", "flac"]) == 0
    sounds = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(sound["audio"]).name for sound in sounds] == ["sample_7.flac", "sample_8.flac"]
    assert sounds[0]["lufs"] == pytest.approx(sounds[1]["lufs"], abs=0.02)
    for sound, result in zip(sounds, made, strict=True):
        said = said_by(sound["audio"])
        assert said["seed"] == result["seed"] and said["checkpoint"] == result["checkpoint"]
        assert said["parameters"] == result["parameters"]
        assert said["title"] == f"sample {result['seed']}"


@pytest.mark.parametrize(
    ("words", "given", "says"),
    [
        (["render", "-"], "hello", "line 1 is no result"),
        (["render", "-"], '{"z": "a.npz"}', "line 1 is no result"),
        (["render", "-"], '{"midi": 5}', "line 1 is no result"),
        (["render", "-"], '{"midi": "nowhere.mid"}', "nowhere.mid cannot be read"),
        (["render", "-", "a.wav"], "", "name no output"),
        (["render", ODE, "a.txt"], "", "end the name in .wav"),
        (["render", ODE, "a.wav", "--format", "mp3"], "", "leave --format out"),
        (["render", ODE, "a.wav", "--humanise", -1], "", "seed -1"),
        (["render", ODE, "a.wav", "--humanise", 1, "--as-written"], "", "--as-written goes with"),
    ],
)
def test_what_cannot_be_rendered(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[object], given: str,
    says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    assert says in run.fails(*words)


def test_music_of_a_style_has_its_instruments(run: Run, tmp_path: Path) -> None:
    style = Composer.load(TINY_CHECKPOINT).spec.styles[0]
    (made,) = run("sample", "--style", style, "--seed", 7, "--out", tmp_path)
    notes = piece(made)
    wanted = programs_for(style)
    used = {note.role for note in notes.notes if note.role is not Role.DRUMS}
    assert used and all(notes.programs[role] == wanted[role] for role in used)


def test_train_evaluate_and_describe(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = build(tmp_path / "corpus")
    words = [
        "train", "--corpus", corpus, "--state", tmp_path / "state", "--out", tmp_path / "ckpt",
        "--steps", 2, "--decay-steps", 1,
        "--model", '{"d_model": 32, "n_heads": 2, "d_ff": 32, "n_encoder_layers": 1, '
        '"n_decoder_layers": 1, "n_queries": 1, "d_query": 4}',
    ]  # fmt: skip
    assert main(list(map(str, words))) == 0
    assert json.loads(capsys.readouterr().out)["checkpoint"] == str(tmp_path / "ckpt")
    (result,) = run(
        "evaluate", "--corpus", corpus, "--limit", 2, "--only", "reconstruction,likelihood",
        "--json", tmp_path / "r.json", "--report", tmp_path / "r.md",
    )  # fmt: skip
    assert json.loads((tmp_path / "r.json").read_text()) == result
    assert (tmp_path / "r.md").read_text().startswith("# Results")
    (described,) = run("describe")
    assert described["controls"]["density"] == 8
    assert described["demo_set"]["n_clips"] >= 1000


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_files(run: Run, tmp_path: Path, kind: str) -> None:
    data, words = BAD_FILES[kind]
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    checkpoint = ["--checkpoint", TINY_CHECKPOINT]
    for command in (
        ["reconstruct", path],
        ["interpolate", ODE, path],
        ["complete", path, "--keep", "melody"],
    ):
        said = run.fails(*command, "--out", tmp_path, *checkpoint)
        assert "bad.mid" in said
        # Drums alone are refused for what they lack.
        lacks = kind == "drums only" and command[0] == "complete"
        assert ("no notes of the role melody" if lacks else words) in said
    if kind != "drums only":  # those can be heard
        assert words in run.fails("render", path, tmp_path / "x.wav")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sample", "--density", 9, "--out", "."], "density 9 is outside 0 to 7"),
        (["sample", "--valence", 3, "--out", "."], "not trained with the control valence"),
        (["sample", "--arousal", 3, "--out", "."], "not trained with the control arousal"),
        (["sample", "--prior", "flow", "--out", "."], "has no flow prior"),
        (["sample", "--guidance", 2, "--out", "."], "guidance needs the flow"),
        (["sample", "--form", "A?", "--out", "."], "1 to 16 letters"),
        (["vary", ODE, "--amount", 2, "--out", "."], "amount 2.0 is outside 0 to 1"),
        (["vary", ODE, "--clip", 99, "--out", "."], "has clips 1 to"),
        (["complete", ODE, "--extend", 65, "--out", "."], "1 to 64 bars"),
        (["complete", ODE, "--keep", "bass", "--rewrite", "melody", "--out", "."], "not both"),
        (["transfer", ODE, "--from-style", "jazz", "--out", "."], "unknown style 'jazz'"),
        (["transfer", ODE, "--free", "volume", "--out", "."], "no control 'volume'"),
        (["compose", "--form", "AABBC", "--section-bars", 16, "--out", "."], "more than 64"),
        (["sample", "--n", 0, "--out", "."], "n 0 is outside"),
        (["sample", "--mode", "dorian", "--out", "."], "dorian"),
        (["sample", "--seed", -5, "--out", "."], "seed -5"),
        (["sample"], "--out"),
        (["interpolate", ODE, REEL, "--steps", 1, "--out", "."], "steps 1"),
        (["interpolate", ODE, REEL, "--clip-a", 99, "--out", "."], "has clips 1 to"),
        (["interpolate", ODE, REEL, "--keep", "cello", "--out", "."], "unknown role"),
        (["interpolate", ODE, REEL, "--keep", "drums", "--out", "."], "A has no drums"),
        (["complete", ODE, "--out", "."], "name the roles to keep"),
        (["complete", ODE, "--keep", "cello", "--out", "."], "unknown role"),
        (["complete", ODE, "--bars", "x", "--out", "."], "not written like 3-4"),
        (["complete", ODE, "--bars", "900", "--out", "."], "has bars 1 to"),
        (["reconstruct", "nowhere.mid", "--out", "."], "nowhere.mid cannot be read"),
        (["compose", "--form", "A?", "--out", "."], "1 to 16 letters"),
    ],
)
def test_bad_arguments(run: Run, words: list[object], says: str) -> None:
    extra = ["--checkpoint", TINY_CHECKPOINT] if len(words) > 1 else []
    assert says in run.fails(*words, *extra)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["evaluate", "--only", "magic"], "unknown part 'magic'"),
        (["evaluate", "--limit", 0], "limit 0 is not 1 or more"),
        (["evaluate", "--split", "dev"], "'dev' is not one of"),
        (["evaluate-peers", "--minutes", 0], "minutes 0.0 is outside"),
        (["evaluate-peers", "--only", "magic"], "unknown peer 'magic'"),
    ],
)
def test_bad_evaluations(run: Run, tmp_path: Path, words: list[object], says: str) -> None:
    extra = ["--checkpoint", TINY_CHECKPOINT] if words[0] == "evaluate" else []
    corpus = build(tmp_path)
    assert says in run.fails(*words, "--corpus", corpus, *extra)
    (tmp_path / "bad.json").write_text("[1]")
    if words[0] == "evaluate":
        bad = ["evaluate", "--json", tmp_path / "bad.json", "--corpus", corpus, *extra]
        assert "holds no figures" in run.fails(*bad)


def test_a_missing_checkpoint(run: Run, tmp_path: Path) -> None:
    line = run.fails("describe", "--checkpoint", tmp_path, code=1)
    assert "no checkpoint in" in line


def test_build_from_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["build", "--folder", str(EXAMPLES), "--out", str(tmp_path)]
    assert main([*words, "--labels", str(TINY_CHECKPOINT / "examples.csv")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pieces"] == {"train": 13, "validation": 1, "test": 1}
