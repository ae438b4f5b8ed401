"""Every sentence and label of the page, by key, in English.

A translation is another mapping with the same keys. Nothing here knows where a text is shown.
"""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    # The page
    "title": "MusicGen-VAE",
    "subtitle": (
        "A variational autoencoder that writes music four bars at a time. "
        "Steer it, morph one tune into another, and see its latent space."
    ),
    "tab_create": "Create",
    "tab_morph": "Morph",
    "tab_map": "Map",
    "error_title": "That did not work",
    "upload_error_title": "This file cannot be used",
    "any": "any",
    # Players
    "midi": "MIDI",
    "audio": "Audio",
    "download_midi": "Download {name} as MIDI",
    "download_audio": "Download {name} as audio",
    "player_label": "Player for {name}",
    "roll_label": "Piano roll of {name}: {notes} notes in {seconds} seconds",
    "role_melody": "melody",
    "role_harmony": "harmony",
    "role_bass": "bass",
    "role_drums": "drums",
    # Facts about what is heard
    "fact_tempo": "♩ = {tempo}",
    "fact_bars": "{n} bars",
    "fact_bar": "1 bar",
    "fact_notes": "{n} notes",
    "fact_note": "1 note",
    "fact_chords": "chords {chords}",
    "fact_density": "density {value} a quarter (level {level})",
    "fact_polyphony": "polyphony {value} (level {level})",
    "fact_register": "register around {value} (level {level})",
    "fact_syncopation": "syncopation {value} (level {level})",
    "beats_estimated": "Played freely: beats and bars were estimated.",
    "roles_left_out": "The model reads {known}; it does not read the {left_out} here.",
    # Create
    "create_intro": "Ask for as much or as little as you like; the rest is up to the model.",
    "mode": "Mode",
    "mode_major": "major",
    "mode_minor": "minor",
    "key": "Key",
    "meter": "Meter",
    "tempo": "Tempo",
    "tempo_choice": "♩ = {tempo}",
    "least": "0 (least)",
    "most": "7 (most)",
    "density": "Density",
    "density_info": "Notes struck a quarter.",
    "polyphony": "Polyphony",
    "polyphony_info": "Notes sounding at once.",
    "register": "Register",
    "register_info": "How high it lies.",
    "syncopation": "Syncopation",
    "syncopation_info": "Onsets off the beat.",
    "style": "Style",
    "form": "Form",
    "form_info": "A letter for each 4 bars, such as AABA; equal letters sound alike.",
    "temperature": "Note temperature",
    "temperature_info": "How freely notes are drawn. 0: always the likeliest.",
    "creativity": "Creativity",
    "creativity_info": "Latent temperature: how far from the usual.",
    "seed": "Seed",
    "dice": "⚄ New seed",
    "variations": "Variations",
    "generate": "Generate",
    "results_empty": "Press **Generate**: what the model writes appears here.",
    "take_seed": "Seed {seed}",
    "take_form": "{form}, seed {seed}",
    # Morph
    "morph_intro": (
        "Choose four bars of each of two tunes. The model finds both in its latent space and "
        "writes what lies between."
    ),
    "pair": "{a} → {b}",
    "upload_a": "MIDI file A",
    "upload_b": "MIDI file B",
    "example_a": "Or an example for A",
    "example_b": "Or an example for B",
    "clip_a": "Bars of A",
    "clip_b": "Bars of B",
    "clip_choice": "bars {first} to {last} · {notes} notes",
    "clip_title": "{title}, bars {first} to {last}",
    "steps": "Steps",
    "steps_info": "Both ends included.",
    "morph_key": "Key and meter",
    "morph_key_a": "A's",
    "morph_key_b": "B's",
    "morph_key_switch": "switch at the middle",
    "path": "Path",
    "path_line": "line",
    "path_circle": "great circle",
    "morph": "Morph",
    "step": "Step",
    "step_info": "1 is A and the last is B, as the model plays them.",
    "step_title": "Step {step} of {steps}: {share} % of the way from A to B",
    "whole_title": "All {steps} steps, one after another",
    "morph_missing": "choose a MIDI file or an example for both A and B",
    # Map
    "map_intro": (
        "Each dot is four bars of music; t-SNE puts near each other what is near in latent "
        "space. Click a dot, or find one by name, to hear it and what the model makes of it."
    ),
    "map_missing": (
        "**There is no map yet.** It is drawn from encoded clips in `assets/map`, which are not "
        "there, or not readable. Everything else on this page works without it."
    ),
    "map_missing_api": "this app has no map: nothing is in assets/map",
    "map_stale": (
        "This map was drawn by another checkpoint than the one that is loaded: places may not "
        "fit, while reconstructions are made by the loaded one."
    ),
    "colour": "Colour by",
    "colour_source": "source",
    "colour_style": "style",
    "colour_mode": "mode",
    "colour_density": "density",
    "search": "Find a clip",
    "search_info": "Type part of a title.",
    "search_choice": "{label} · {source}",
    "plot_label": "Map of clips",
    "density_axis": "notes a<br>quarter",
    "selected": "selected",
    "other": "other",
    "original": "Original: {label}",
    "reconstruction": "Reconstruction: {label}",
    "sources_heading": "Where the clips come from",
    "sources_line": "**{source}**: {n} clips",
    "licence_line": "{n}: {licence}",
    # Limits
    "limit": "{name} {value} is outside {low} to {high}",
    "nothing": "nothing",
    "limit_clips": (
        "{n} variations of {bars} bars are {total} bars; at most {limit} are written at once: "
        "ask for fewer variations or a shorter form"
    ),
    "limit_reconstruct": (
        "the file has {n} bars; at most {limit} are reconstructed at once: cut it first"
    ),
    "limit_choice": "{name} {value!r} is none of {choices}",
    "no_file": "no file: choose a MIDI file",
    "no_clip": "{title} has no clip {index}; it has 0 to {last}",
    "lost_steps": "this morph is no longer in memory: press Morph again",
}


def text(key: str, /, **values: object) -> str:
    """The text called ``key`` with ``values`` in its braces."""
    return ENGLISH[key].format(**values)
