"""The Create tab: what is asked of new music, and up to 8 takes of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from musicgen_vae.ui.components.player import Player
from musicgen_vae.ui.creating import MAX_VARIATIONS, sampling, varying
from musicgen_vae.ui.events import AT_ONCE, PRIVATE, runs
from musicgen_vae.ui.fields import MAX_SHOWN_TEMPERATURE, Fields, build_fields
from musicgen_vae.ui.language import label, page_address
from musicgen_vae.ui.limits import MAX_CLIPS, MAX_SEED, check_range
from musicgen_vae.ui.link import from_query, to_query
from musicgen_vae.ui.studio import Studio
from musicgen_vae.ui.takes import Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.visit import Visit

N_MORE = 4
"""Variations that "more like this" makes."""
TO_RESULTS = """() => {
  if (!matchMedia("(max-width: 640px)").matches) return;
  const follow = new ResizeObserver(() => {
    const results = document.querySelector("#results");
    if (!results) return;
    results.style.minHeight = "100vh";
    results.scrollIntoView();
  });
  follow.observe(document.body);
  for (const moved of ["pointerdown", "wheel", "keydown"])
    addEventListener(moved, () => follow.disconnect(), { once: true, passive: true });
}"""
"""On a phone the results are below everything that can be asked. What is above them may still be
growing, and the tab may still have to open, so they are kept in view until the visitor goes
elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Create:
    """What other parts of the page need of the tab."""

    fields: Fields
    empty: gr.Markdown
    players: list[Player]
    link: gr.Textbox
    stop: gr.Button
    linked: gr.Number
    """Is given a new number to make what a link has put into the fields."""

    @property
    def results(self) -> list[Any]:
        """What new takes change."""
        return [self.empty, *self.players, self.link]


def build_create(studio: Studio, visit: gr.State) -> Create:
    """Lay the tab out and wire it."""
    gr.Markdown(label("create_intro"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=280):
            fields = build_fields(studio)
        with gr.Column(scale=3, min_width=280):
            with gr.Row(equal_height=True):
                seed, dice, variations = _seed_and_variations()
            fields.inputs.update(seed=seed, variations=variations)
            with gr.Row(elem_classes="at-hand"):
                generate = gr.Button(label("generate"), variant="primary", elem_id="generate")
                stop = gr.Button(label("stop"), variant="stop", visible=False, elem_id="stop")
            with gr.Column(elem_id="results"):
                empty = gr.Markdown(label("results_empty"), elem_classes="empty")
                players = [
                    Player(elem_id=f"create-{i}", visible=i == 0) for i in range(MAX_VARIATIONS)
                ]
                link = gr.Textbox(
                    label=label("link"),
                    info=label("link_info"),
                    buttons=["copy"],
                    visible=False,
                    interactive=False,
                    elem_id="link",
                )
    linked = gr.Number(visible="hidden")
    create = Create(
        fields=fields, empty=empty, players=players, link=link, stop=stop, linked=linked
    )

    def on_generate(values: dict[Any, Any]) -> Iterator[list[Any]]:
        visitor: Visit = values[visit]
        check = visitor.check()
        request = fields.request(values)
        tools = studio.tools()
        query = to_query(request, tools.composer.checkpoint.hash)
        made: list[Take] = []
        for take in sampling(tools.composer, tools.recorder, request, tools.atlas, check):
            check()
            made.append(visitor.keep(take))
            yield shown(create, made, request.variations, f"{page_address()}?{query}")

    for asked in (generate.click, linked.change):
        asked(None, js=TO_RESULTS, **PRIVATE)
    dice.click(lambda: secrets.randbelow(MAX_SEED), outputs=seed, **AT_ONCE, **PRIVATE)
    inputs = {visit, *fields.inputs.values()}
    runs(generate.click, on_generate, inputs, create.results, stop=stop, visit=visit)
    runs(linked.change, on_generate, inputs, create.results, stop=stop, visit=visit)
    return create


def shown(create: Create, made: list[Take], n: int, link: str = "") -> list[Any]:
    """Updates of ``create.results`` when ``made`` is there of ``n`` takes."""
    players = create.players
    updates: list[Any] = [gr.skip()] * (len(made) - 1)
    # What was shown is not sent again.
    updates.append(gr.update(value=made[-1], visible=True))
    if len(made) == 1:
        updates += [gr.update(value=None, visible=False)] * (len(players) - 1)
    else:
        updates += [gr.skip()] * (len(players) - len(made))
    return [gr.update(visible=False), *updates, gr.update(value=link, visible=bool(link))]


def more_like(studio: Studio, create: Create, take: Take, visit: Visit) -> Iterator[list[Any]]:
    """Variations of a take, as updates of ``create.results``."""
    check = visit.check()
    tools = studio.tools()
    n = max(1, min(N_MORE, MAX_CLIPS // len(take.clips)))
    seed = secrets.randbelow(MAX_SEED)
    made: list[Take] = []
    for one in varying(tools.composer, tools.recorder, take, n=n, seed=seed, check=check):
        check()
        made.append(visit.keep(one))
        yield shown(create, made, n)


def opened_by_link(
    studio: Studio, create: Create, query: Mapping[str, str]
) -> tuple[dict[Any, Any], str] | None:
    """What a link asks for; None where there is no link.

    Returns:
        Updates of the fields with the wish to make it, and what a visitor ought to know of the
        result; may be empty.

    Raises:
        ControlError: if the link asks for what nobody can.
    """
    found = from_query(query)
    if found is None:
        return None
    request, checkpoint = found
    if studio.spec:
        request.controls(studio.spec)  # such as a style that this model does not know
    for name in ("creativity", "temperature"):
        # Programs may ask for more than the page shows.
        check_range(name, getattr(request, name), 0, MAX_SHOWN_TEMPERATURE)
    updates = create.fields.updates(request)
    updates[create.linked] = secrets.randbelow(MAX_SEED)
    other = studio.checkpoint != checkpoint
    return updates, text("link_other_checkpoint", checkpoint=checkpoint) if other else ""


def _seed_and_variations() -> tuple[gr.Number, gr.Button, gr.Slider]:
    seed = gr.Number(
        value=7,
        precision=0,
        minimum=0,
        maximum=MAX_SEED,
        label=label("seed"),
        min_width=120,
        scale=2,
        elem_id="seed",
    )
    dice = gr.Button(label("dice"), min_width=110, scale=1, elem_id="dice")
    variations = gr.Slider(
        1,
        MAX_VARIATIONS,
        value=4,
        step=1,
        label=label("variations"),
        min_width=180,
        scale=2,
        elem_id="variations",
    )
    return seed, dice, variations
