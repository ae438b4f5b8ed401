"""Every error this package raises on purpose.

::

    MusicGenError
    ├── InputError              what a person gave cannot be used; the text says what to do
    │   ├── MidiError           bytes that are no usable MIDI file
    │   ├── ClipError           notes, meters or keys outside the representation
    │   ├── ControlError        a control's name or value is not one the model knows
    │   └── CorpusError         a data set is missing or not laid out as expected
    ├── CheckpointError         weights are missing, a Git-LFS pointer, or of another shape
    └── RenderError             sound could not be made
        └── SoundFontError      a SoundFont is missing, damaged or of another kind

An ``InputError`` is one line, fit to be shown to a visitor as it is: the command line prints it
and exits with code 2; the page shows it as a message.
"""


class MusicGenError(Exception):
    """Base of all errors of this package."""


class InputError(MusicGenError, ValueError):
    """What a person gave cannot be used."""


class MidiError(InputError):
    """Bytes that are no usable MIDI file."""


class ClipError(InputError):
    """Notes, meters or keys outside the representation."""


class ControlError(InputError):
    """A control's name or value is not one the model knows."""


class CorpusError(InputError):
    """A data set is missing or not laid out as expected."""


class CheckpointError(MusicGenError):
    """Weights are missing, a Git-LFS pointer, or of another shape."""


class RenderError(MusicGenError):
    """Sound could not be made."""


class SoundFontError(RenderError):
    """A SoundFont is missing, damaged or of another kind."""
