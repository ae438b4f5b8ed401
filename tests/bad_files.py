"""MIDI files as raw bytes, and the unusable ones that every way in must refuse in one line."""

from __future__ import annotations

import struct

NOTE = b"\x00\x90\x3c\x50" + b"\x83\x60\x80\x3c\x00"  # one quarter of middle C at 480 ticks
END = b"\x00\xff\x2f\x00"


def chunk(body: bytes, kind: bytes = b"MTrk") -> bytes:
    """A chunk of a MIDI file."""
    return kind + struct.pack(">I", len(body)) + body


def file_of(
    *bodies: bytes, form: int = 1, division: int = 480, n_tracks: int | None = None
) -> bytes:
    """A file with a track for each of ``bodies``."""
    n_tracks = len(bodies) if n_tracks is None else n_tracks
    header = struct.pack(">HHH", form, n_tracks, division)
    return chunk(header, b"MThd") + b"".join(chunk(body) for body in bodies)


def tempo(microseconds: int) -> bytes:
    """A tempo event: microseconds for each quarter note."""
    return b"\x00\xff\x51\x03" + microseconds.to_bytes(3, "big")


BAD_FILES = {
    "empty": (b"", "not a MIDI file"),
    "text": (b"Dear Sir or Madam, here is my song.", "not a MIDI file"),
    "truncated": (file_of(NOTE * 50 + END)[:200], "cut short"),
    "header only": (file_of(n_tracks=1), "0 of its 1 tracks"),
    "no notes": (file_of(END), "no notes"),
    "20 MB of notes": (file_of(b"\x01\x3c\x00\x00\x3c\x50" * (20_000_000 // 6)), "bytes"),
    "3 hours": (file_of(b"\xfe\xc8\x00" + NOTE[1:] + END, division=96), "minutes"),
    "tempo 0": (file_of(tempo(0) + NOTE + END), "0 microseconds"),
    "tempo 10^6": (file_of(tempo(60) + NOTE + END), "1e+06 quarter"),
    "note-ons without offs": (file_of(NOTE[:4] * 9 + END), "no note-offs"),
    "drums only": (
        file_of(b"\x00\x99\x24\x50\x83\x60\x89\x24\x00" * 16 + END),
        "that the model can",
    ),
}
"""What is wrong, to (bytes, words that the refusal holds)."""
