from __future__ import annotations

import json
from math import nan

from musicgen_vae.generation.atlas import Atlas
from musicgen_vae.ui.morphing import MorphPath
from musicgen_vae.ui.path_figures import path_chart, path_map

PLACES = ((-0.5, 0.1), (0.0, 0.2), (0.5, 0.3))
PATH = MorphPath(
    distances=(0.0, 4.0, 8.0),
    costs=(10.0, nan, 11.0),
    fade_costs=(10.0, 15.0, 11.0),
    places={"tsne": PLACES, "pca": PLACES[::-1]},
)


def test_the_path_goes_from_a_to_b_over_the_clips(atlas: Atlas) -> None:
    for layout, places in (("tsne", PLACES), ("pca", PLACES[::-1]), ("other", PLACES)):
        figure = json.loads(path_map(atlas, PATH, layout).to_json())
        clips, line, ends = figure["data"]
        assert len(clips["x"]) == len(atlas)
        assert list(zip(line["x"], line["y"], strict=True)) == list(places)
        assert line["hovertext"][1] == "step 2 of 3"
        low, high = figure["layout"]["xaxis"]["range"]
        assert low < min(line["x"]) and max(line["x"]) < high
        assert ends["text"] == ["A", "B"] and ends["x"] == [places[0][0], places[-1][0]]
    nowhere = MorphPath(distances=(0.0,), costs=(1.0,), fade_costs=(1.0,))
    assert path_map(atlas, nowhere) is None


def test_costs_and_distances_are_drawn_with_their_units() -> None:
    figure = json.loads(path_chart(PATH).to_json())
    morph, fade, distance = figure["data"]
    assert morph["y"] == [10.0, None, 11.0] and fade["y"] == [10.0, 15.0, 11.0]
    assert distance["y"] == [0.0, 4.0, 8.0] and distance["yaxis"] == "y2"
    assert figure["layout"]["yaxis"]["title"]["text"] == "nats a note"
    # No curve is told by its colour alone.
    assert len({trace["marker"]["symbol"] for trace in (morph, fade, distance)}) == 3
