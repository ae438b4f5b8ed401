from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.music.clip import Clip
from musicgen_vae.ui.components.player import take_value
from musicgen_vae.ui.figures import COLOURS, map_colourings, map_columns, map_figure
from musicgen_vae.ui.takes import Recorder


def test_every_clip_is_a_dot_in_every_colouring(atlas: Atlas) -> None:
    columns = map_columns(atlas)
    assert map_colourings(columns) == ("source", "density")  # one style, one mode: no choice
    for colouring in map_colourings(columns):
        figure = json.loads(map_figure(atlas, columns, colouring).to_json())
        *dots, mark = figure["data"]
        ids = sorted(data[0] for trace in dots for data in trace["customdata"])
        assert ids == list(range(len(atlas)))
        for trace in dots:
            assert isinstance(trace["x"], list)  # the page's script reads them
            for (i,), x, y in zip(trace["customdata"], trace["x"], trace["y"], strict=True):
                assert [x, y] == [round(float(v), 4) for v in atlas.xy[i]]
        assert mark["x"] == [] and "customdata" not in mark


def test_a_map_names_its_layout(atlas: Atlas) -> None:
    columns = map_columns(atlas)
    for asked, shown in (("tsne", "tsne"), ("pca", "pca"), ("other", "tsne")):
        figure = map_figure(atlas, columns, "density", asked)
        assert figure.layout.meta == shown
        places = list(zip(figure.data[0].x, figure.data[0].y, strict=True))
        assert places == [tuple(xy) for xy in atlas.layouts[shown].astype(float).round(4).tolist()]


def test_hover_texts_are_no_markup(atlas: Atlas) -> None:
    figure = map_figure(atlas, map_columns(atlas), "density")
    shown = figure.data[0].text[1]
    assert shown == "&lt;img src=x onerror=alert(1)&gt;, bars 1 to 4"


def test_a_colouring_that_tells_nothing_new_is_left_out(atlas: Atlas) -> None:
    styles = {"one": "folk", "other": "pop"}
    pieces = tuple(replace(p, style=styles[p.source]) for p in atlas.pieces)
    assert map_colourings(map_columns(replace(atlas, pieces=pieces))) == ("style", "density")
    pieces = tuple(replace(p, style=p.title) for p in atlas.pieces)
    columns = map_columns(replace(atlas, pieces=pieces))
    assert map_colourings(columns) == ("style", "source", "density")


def test_small_groups_are_put_together(atlas: Atlas) -> None:
    columns = map_columns(atlas)
    many = tuple(f"group {min(i, 8)}" for i in range(len(atlas)))
    columns = replace(columns, groups={"source": many})
    *dots, _ = map_figure(atlas, columns, "source").data
    assert [trace.name for trace in dots][0] == "group 8"
    assert [trace.name for trace in dots][-1] == "other"
    assert len({trace.marker.color for trace in dots}) == len(COLOURS)


def test_a_roll_has_its_times_in_seconds(recorder: Recorder, clip_of: Callable[..., Clip]) -> None:
    take = recorder.take(
        [clip_of(tempo_qpm=120), clip_of(tempo_qpm=60)], title="<b>T</b>", name="t"
    )
    value = take_value(take)
    assert json.loads(json.dumps(value)) == value
    assert value["title"] == "<b>T</b>"
    assert value["bars"] == [0, 2, 4, 6, 8, 12, 16, 20]
    assert value["seconds"] == 24
    melody = [note for note in json.loads(value["notes"]) if note[3] == 0]
    assert melody[:2] == [[0, 0.5, 64, 0, 88], [0.5, 1, 67, 0, 88]]
    assert melody[16][:2] == [8, 9]
    assert [role for role, _ in value["legend"]] == [0, 1, 2]
    assert value["midi"]["orig_name"] == "t.mid"
