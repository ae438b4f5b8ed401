"""Cutting a piece where it changes key."""

from __future__ import annotations

from musicgen_vae.corpus.sources.key_sections import split_by_key
from musicgen_vae.music.clip import Bar, Key, Meter, Note, Piece, Role

SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))


def song(tonics: list[int], bars_each: int) -> Piece:
    """Scales over tonic, subdominant, dominant and tonic, in one major key after another."""
    notes = []
    bars = []
    for i in range(len(tonics) * bars_each):
        tonic, at = 60 + tonics[i // bars_each], 48 * i
        bars.append(Bar(start=at, meter=Meter(), tempo_qpm=100))
        for j, step in enumerate(SCALE):
            notes.append(
                Note(start=at + 6 * j, role=Role.MELODY, pitch=tonic + 12 + step, duration=6)
            )
        for step in CHORDS[i % 4]:
            notes.append(Note(start=at, role=Role.HARMONY, pitch=tonic - 12 + step, duration=48))
    notes.sort(key=lambda note: note.sort_key)
    return Piece(bars=tuple(bars), notes=tuple(notes), title="Song", off_grid=0.5)


def test_a_piece_in_one_key_stays_whole() -> None:
    piece = song([7], 8)
    (section,) = split_by_key(piece)
    assert section.key == Key.parse("G major")
    assert (section.bars, section.notes) == (piece.bars, piece.notes)


def test_sections_have_their_own_keys_and_all_notes() -> None:
    piece = song([0, 8, 0], 8)
    sections = split_by_key(piece)
    assert [str(section.key) for section in sections] == ["C major", "Ab major", "C major"]
    assert [len(section.bars) for section in sections] == [8, 8, 8]
    assert sum(len(section.notes) for section in sections) == len(piece.notes)
    assert sections[1].notes[0].start == 0
    assert {n.pitch for n in sections[1].notes} == {n.pitch for n in song([8], 8).notes}


def test_a_glimpse_of_another_key_is_no_section() -> None:
    piece = song([0, 0, 0, 0, 2, 0, 0, 0], 2)
    assert [len(section.bars) for section in split_by_key(piece)] == [16]


def test_each_section_has_its_share_of_what_is_off_the_grid() -> None:
    piece = song([0, 8], 8)
    first, second = split_by_key(piece, off_grid=[0, 6, 12, 400])
    assert first.off_grid == 3 / len(first.notes)
    assert second.off_grid == 1 / len(second.notes)
