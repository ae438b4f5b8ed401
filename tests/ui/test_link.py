from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicgen_vae.errors import ControlError
from musicgen_vae.ui.creating import ASKABLE_METERS, PRIORS, TONICS, SampleRequest
from musicgen_vae.ui.link import from_query, to_query

_level = st.none() | st.integers(0, 7)
_levels = _level | st.tuples(_level, _level, _level, _level)
_requests = st.builds(
    SampleRequest,
    style=st.none() | st.sampled_from(["pop", "rock & roll", "中"]),
    mode=st.sampled_from([None, "major", "minor"]),
    key=st.none() | st.sampled_from(TONICS),
    meter=st.sampled_from(ASKABLE_METERS),
    tempo_qpm=st.none() | st.floats(20, 300),
    valence=st.none() | st.floats(-1, 1),
    arousal=st.none() | st.floats(-1, 1),
    repetition=_level,
    density=_levels,
    polyphony=_levels,
    register=_levels,
    syncopation=_levels,
    form=st.sampled_from(["A", "AABA"]),
    temperature=st.floats(0, 2),
    creativity=st.floats(0, 2),
    prior=st.none() | st.sampled_from(PRIORS),
    guidance=st.none() | st.floats(0, 16),
    seed=st.integers(0, 2**31 - 1),
    variations=st.integers(1, 8),
)


@settings(deadline=None)
@given(_requests)
def test_a_link_is_read_as_it_was_written(request: SampleRequest) -> None:
    query = dict(parse_qsl(to_query(request, "abc123"), keep_blank_values=True))
    assert from_query(query) == (request, "abc123")


def test_other_queries_are_no_links() -> None:
    assert from_query({}) is None
    assert from_query({"__theme": "dark", "seed": "7"}) is None


@pytest.mark.parametrize(
    "bad",
    [
        {"seed": "x"},
        {"seed": "-1"},
        {"seed": "9" * 60},
        {"seed": ""},
        {"density": "12"},
        {"density": "9"},
        {"density": "12x4"},
        {"density": "²---"},
        {"temperature": "nan"},
        {"temperature": "1e9"},
        {"mode": "<img src=x>"},
        {"form": "A" * 65},
        {"form": "-"},
        {"form": ""},
        {"form": "[A](//evil.example)"},
        {"meter": "-"},
        {"meter": ""},
        {"prior": "__class__"},
        {"checkpoint": "<script>"},
        {"checkpoint": ""},
    ],
)
def test_a_bad_link_is_refused_in_one_line(bad: dict[str, str]) -> None:
    with pytest.raises(ControlError) as raised:
        from_query({"seed": "7", "checkpoint": "abc123"} | bad)
    assert "\n" not in str(raised.value)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["seed", "density", "form", "tempo_qpm"]), st.text()))
def test_any_text_gives_a_request_or_a_clear_error(query: dict[str, str]) -> None:
    try:
        from_query({"seed": "7", "checkpoint": "abc123"} | query)
    except ControlError as error:
        assert str(error)
