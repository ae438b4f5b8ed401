"""The page in English; the other languages have the same keys and braces."""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    # The page
    "subtitle": (
        "A variational autoencoder that writes music four bars at a time. "
        "Steer it, morph one tune into another, and see its latent space."
    ),
    "language": "Language",
    "warming_up": "Warming up: the model is being loaded. You can ask already; it answers soon.",
    "failed": "**The model is not here**, so nothing new can be made: {reason}",
    "uploads_kept": (
        "Your files stay on this server for at most two hours after they were last written, and "
        "nobody else is shown them."
    ),
    "queue_place": "In line: {position} of {size}. Other music is being made first.",
    "queue_working": "being made",
    "queue_full": "Too many are waiting just now. Please try again in a minute.",
    "stop": "■ Stop",
    "stopped": "stopped",
    "lost_take": "this take is no longer in memory: make it again",
    "tab_start": "Listen",
    "tab_create": "Create",
    "tab_morph": "Morph",
    "tab_map": "Map",
    "tab_edit": "Edit",
    "error_title": "That did not work",
    "upload_error_title": "This file cannot be used",
    "any": "any",
    # Players
    "play": "Play",
    "midi": "MIDI",
    "audio": "Audio",
    "parameters": "Parameters",
    "more": "More like this",
    "send": "Send to …",
    "send_a": "Morph, as A",
    "send_b": "Morph, as B",
    "send_edit": "Edit",
    "send_map": "Map: where it lies",
    "download_parameters": "Download the parameters of {name}",
    "download_midi": "Download {name} as MIDI",
    "download_audio": "Download {name} as audio",
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
    "fact_novelty": "novelty {value}; nearest on the map: {nearest}",
    "fact_novelty_mean": "novelty {value}",
    # Listen
    "start_intro": (
        "A neural network heard two tunes, found both in its *latent space*, and wrote what lies "
        "between. Press play, then move the slider."
    ),
    "page_loading": "The page is on its way; this can be played already.",
    "like_this": "Make one like this",
    "compute_again": "Compute again",
    "landing_remark": (
        "Prepared in advance: {steps} steps along a line in latent space, in the key of {a}, the "
        "likeliest notes at each (no seed), checkpoint {checkpoint}."
    ),
    "step_end": "{title}, as the model plays it",
    "step_between": "{share} % of the way from {a} to {b}",
    # Create
    "create_intro": "Ask for as much or as little as you like; the rest is up to the model.",
    "mode": "Mode",
    "mode_major": "major",
    "mode_minor": "minor",
    "key": "Key",
    "meter": "Meter",
    "tempo": "Tempo",
    "density": "Density",
    "polyphony": "Polyphony",
    "register": "Register",
    "syncopation": "Syncopation",
    "style": "Style",
    "repetition": "Repetition",
    "unspecified": "unspecified",
    "bar_n": "bar {n}",
    "levels_table": "Levels of each bar as a table",
    "levels_info": (
        "From 0 (least) to 7 (most) for each of the four bars; empty leaves it to the model. "
        "Density: notes struck a quarter. Polyphony: notes sounding at once. Register: how high."
    ),
    "levels_bad": "level '{value}' is neither empty nor a whole number from 0 to 7",
    "tempo_bad": "tempo '{value}' is not a number",
    "mood": "Ask for a mood",
    "mood_info": "Move the point, or the sliders.",
    "pad_label": "Mood: valence from left to right, arousal from bottom to top",
    "quadrant_Q1": "happy, excited",
    "quadrant_Q2": "tense",
    "quadrant_Q3": "sad",
    "quadrant_Q4": "calm, content",
    "valence": "Valence",
    "arousal": "Arousal",
    "form": "Form and length",
    "form_info": (
        "A letter for each 4 bars, such as AABA; equal letters sound alike. Choose one, with its "
        "number of bars, or type your own."
    ),
    "prior": "Prior",
    "prior_info": "Where latent vectors are drawn.",
    "prior_flow": "flow",
    "prior_gaussian": "Gaussian",
    "guidance": "Guidance",
    "guidance_info": "Of the flow: 1 follows what is asked as learnt, more exaggerates it.",
    "link": "Link to this",
    "link_info": "Opens this page with the same request, seed included, and makes it again.",
    "link_bad": "this link is damaged: its {name} cannot be read",
    "link_other_checkpoint": (
        "this link was made with another model ({checkpoint}): the result will differ"
    ),
    "not_trained": "this model was not trained with {names}",
    "variation_title": "Variation {n} of {title}",
    "temperature": "Note temperature",
    "temperature_info": "How freely notes are drawn. 0: always the likeliest.",
    "creativity": "Creativity",
    "creativity_info": (
        "Latent temperature: how far from the usual. Results say how new they are: 0 to 1, the "
        "share of notes not in common with the nearest clip on the map."
    ),
    "seed": "Seed",
    "dice": "⚄ Dice",
    "variations": "Variations",
    "generate": "Generate",
    "results_empty": "Press **Generate**: what the model writes appears here.",
    "take_seed": "Seed {seed}",
    "take_form": "{form}, seed {seed}",
    # Morph
    "morph_intro": (
        "Choose four bars of each of two tunes. The model finds both in its latent space and "
        "writes what lies between. On the way later bars are ahead of earlier ones, so each step "
        "also leads from A towards B as you listen."
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
    "fade_title": "The naive cross-fade, for comparison",
    "fade_remark": "One tune gets softer while the other gets louder: nothing new comes between.",
    "whole_title": "All {steps} steps, one after another",
    "morph_missing": "choose a MIDI file or an example for both A and B",
    "morph_keep": "Keep of A",
    "morph_keep_none": "nothing",
    "morph_keep_info": "Its notes stay in every step, in A's key and meter; the rest goes to B.",
    "morph_keep_key": "what is kept of A stays in A's key and meter: choose A's",
    "morph_keep_missing": "A has no {role} to keep: choose another role, or other bars",
    "path_map": "The path on the map, from A to B",
    "path_chart": "Cost and distance along the path",
    "path_step": "step {n} of {steps}",
    "path_numbers": "Numbers of each step",
    "path_explained": (
        "Cost: how little the model expects the notes (minus the ELBO), in nats a note; less is "
        "better. Distance: Euclidean, between the latent vectors of a step and of A. On the map "
        "each step stands amidst its nearest neighbours in latent space."
    ),
    "path_lesson": (
        "The two ends cost {ends} nats a note, the steps of the morph between them {morph}, those "
        "of the cross-fade {fade}."
    ),
    "path_lesson_holds": (
        "The path through latent space stays among music that the model expects; mixing the notes "
        "themselves leads out of it."
    ),
    "path_lesson_fails": (
        "This time mixing the notes costs hardly more than the path through latent space, if at "
        "all: listen to both."
    ),
    "chart_cost": "cost of the morph",
    "chart_fade": "cost of the cross-fade",
    "chart_distance": "distance from A",
    "axis_step": "step",
    "axis_cost": "nats a note",
    "axis_distance": "distance",
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
    "colour_key": "key",
    "colour_emotion": "emotion",
    "layout": "Laid out by",
    "layout_tsne": "t-SNE",
    "layout_pca": "PCA",
    "map_trust": (
        "Trustworthiness of the layout: {value} (1: all neighbours on the map are neighbours in "
        "latent space, too)."
    ),
    "place_file": "Place your own MIDI file",
    "placed": "Your music: {title}",
    "placed_remark": (
        "Placed amidst its nearest neighbours in latent space. Mood by its features: {mood}."
    ),
    "neighbours": "Nearest neighbours",
    "neighbours_info": (
        "With the distance in latent space, and the weight that each has in the place. Choose one "
        "to hear it."
    ),
    "neighbour": "{label} · distance {distance} · weight {weight} %",
    "inferred_intro": "**What the model hears in it**, from the notes alone:",
    "inferred_style": "style: {likely}",
    "inferred_mood": "mood: {likely}",
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
    # Edit
    "edit_intro": (
        "Choose four bars and what shall stay as it is; the model writes the rest anew. A click "
        "on a bar of the roll keeps it or lets it go."
    ),
    "upload_edit": "MIDI file",
    "example_edit": "Or an example",
    "clip_edit": "Bars",
    "action": "What to do",
    "action_regenerate": "regenerate",
    "action_harmonise": "harmonise",
    "action_accompany": "accompany",
    "action_continue": "continue",
    "action_transfer": "change style or mood",
    "action_info": (
        "Regenerate: what is not kept. Harmonise: harmony and bass. Accompany: all but the melody. "
        "Continue: four more bars."
    ),
    "steer_guidance": "How far to go",
    "steer_guidance_info": "Low: nearer to the original. High: nearer to what is asked.",
    "kept_roles": "Roles to keep",
    "kept_bars": "Bars to keep",
    "kept_info": "For regenerate. In bars that are kept all roles stay.",
    "edit": "Do it",
    "use_result": "Go on from the result",
    "undo": "Undo",
    "edit_missing": "choose a MIDI file or an example first",
    "edit_nothing": "there is nothing to undo",
    "edit_unchanged": "choose another style, mode or mood first",
    "edit_title": "{title} ({action})",
    "edit_keeps": "kept",
    "edit_rewrites": "rewritten",
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
    "limit_time": (
        "this took longer than {seconds} seconds and was stopped: ask for fewer bars at once"
    ),
    "limit_choice": "{name} {value!r} is none of {choices}",
    "no_file": "no file: choose a MIDI file",
    "no_clip": "{title} has no clip {index}; it has 0 to {last}",
}
