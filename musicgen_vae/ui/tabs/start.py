"""The first tab: a morph that was prepared in advance, to be played at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from musicgen_vae.ui.components.player import CHOOSE_STEP, SEND, Player, Steps
from musicgen_vae.ui.events import AT_ONCE, LATEST, PRIVATE, runs, telling
from musicgen_vae.ui.landing import N_STEPS, Landing
from musicgen_vae.ui.language import label
from musicgen_vae.ui.morphing import morphing
from musicgen_vae.ui.studio import Studio
from musicgen_vae.ui.visit import Visit

_SERIES = "landing"


@dataclass(frozen=True, kw_only=True)
class Start:
    """What other parts of the page need of the tab."""

    player: Player
    step: gr.Slider


def prepared(studio: Studio, landing: Landing, step: int = 1) -> Steps:
    """The prepared morph in the language being spoken."""
    edges = studio.spec.edges if studio.spec else None
    return Steps(series=_SERIES, takes=landing.takes(edges), index=step - 1)


def build_start(studio: Studio, landing: Landing, visit: gr.State) -> Start:
    """Lay the tab out and wire it."""
    gr.Markdown(label("start_intro"))
    player = Player(prepared(studio, landing), elem_id="landing", elem_classes="large")
    a, b = landing.titles
    step = gr.Slider(1, N_STEPS, value=1, step=1, label=f"{a} → {b}", elem_id="landing-step")
    with gr.Row():
        like = gr.Button(label("like_this"), variant="primary", elem_id="like-this")
        again = gr.Button(label("compute_again"), elem_id="compute-again")
        stop = gr.Button(label("stop"), variant="stop", visible=False, elem_id="stop-computing")

    def on_again(step: int, visit: Visit) -> Iterator[Steps]:
        check = visit.check()
        tools = studio.tools()
        visit.focus = step
        before = prepared(studio, landing).takes
        steps = morphing(
            tools.composer,
            tools.recorder,
            landing.request(),
            focus=lambda: visit.focus,
            check=check,
        )
        for made in steps:
            # What is not made yet, or never will be, stays what it was.
            takes = [
                visit.keep(new) if new else old for new, old in zip(made.takes, before, strict=True)
            ]
            yield Steps(series=_SERIES, takes=takes, index=visit.focus - 1)

    @telling
    def on_step(step: int, visit: Visit) -> None:
        visit.focus = step

    step.input(None, [step, player], player, js=CHOOSE_STEP, **PRIVATE, **LATEST)
    step.input(on_step, [step, visit], **AT_ONCE, **PRIVATE, **LATEST)
    like.click(None, player, js=SEND.replace("TO", "more"), **PRIVATE)
    runs(again.click, on_again, [step, visit], player, stop=stop, visit=visit)
    return Start(player=player, step=step)
