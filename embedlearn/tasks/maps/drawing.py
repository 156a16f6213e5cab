"""What `embedlearn visualize` does: from films to maps, figures and a page; new films on a map that is there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embedlearn.console import say
from embedlearn.files import require_folder, write_json
from embedlearn.flags import as_plain
from embedlearn.maps.figures import draw_comparison, draw_map
from embedlearn.maps.latent import load_map
from embedlearn.maps.page import write_page
from embedlearn.maps.som.figures import draw_before_after, draw_som_sheet
from embedlearn.provenance import describe_software
from embedlearn.tasks.maps.fitting import (
    Drawn,
    Pictured,
    draw_map_of,
    drawn_again,
    gate_of,
    seen_count,
    seen_sentence,
    with_stars,
)
from embedlearn.tasks.maps.flags import Visualize
from embedlearn.tasks.maps.paging import page_of
from embedlearn.tasks.maps.spaces import Spaces, require_films, stored_space
from embedlearn.tasks.maps.telling import say_films, say_placed, say_table

FORMAT = "embedlearn-visualize-1"
PAGE, RECORD = "latent.html", "visualize.json"
FORMS = (".png", ".svg")
THEMES = {"light": "", "dark": "-dark"}  # what a figure's name ends in


def draw_maps(settings: Visualize) -> None:
    """Fit maps, measure them, write them. Raises an `EmbedlearnError` for what a user can mend."""
    if settings.out:
        require_folder(settings.out, "--out")
    require_films(settings.place)
    spaces = _spaces(settings)
    out = settings.out or spaces.folder / "maps"
    require_folder(out, "--out")
    say_films(spaces.frame)
    beside = _beside(settings, spaces)
    drawn = _drawn(settings, spaces, beside)
    say_table(drawn)
    main = [one for one in drawn if one.name == spaces.main]
    say_placed(main)
    shown = drawn if settings.compare else main
    written = list(_write_figures(out, settings, spaces, shown))
    for one in main:
        one.latent.save(out / f"map-{one.kind}")
        written.append(f"map-{one.kind}")
    if settings.page:
        title = f"Latent space of {(settings.embeddings or spaces.folder).name}"
        page = page_of(
            title,
            shown,
            names=settings.show_names,
            beside=beside,
            most=settings.thumbnails,
            notes=_notes(settings, spaces),
        )
        write_page(out / PAGE, page)
        written.append(PAGE)
    write_json(out / RECORD, _record(settings, spaces, drawn, written))
    say(f"wrote {out}: {', '.join([*written, RECORD])}")
    again = f"python -m embedlearn.visualize --on {shlex.quote(str(out / 'map-'))}{main[0].kind} --place FILM.png"
    say(f"next: open {out / PAGE} in a browser; {again}" if settings.page else f"next: {again}")


def place_films(settings: Visualize) -> None:
    """New films on a map that is there. Raises an `EmbedlearnError` for what a user can mend."""
    from embedlearn.tasks.maps.encoded import encoder_of, new_vectors

    assert settings.on is not None
    out = settings.out or settings.on.parent / "placed"
    require_folder(out, "--out")
    latent = load_map(settings.on)
    require_films(settings.place)
    saved = encoder_of(latent, settings)
    vectors = new_vectors(settings.place, {"": saved}, settings.device)[""]
    placed = latent.place(vectors)
    names = [path.name for path in settings.place]
    drawn = with_stars(drawn_again(latent), names, placed)
    say_placed([drawn])
    view, written = drawn.view(pale=settings.pale), []
    for ending, theme in _themes(settings):
        for form in FORMS:
            written.append(f"{drawn.kind}{ending}{form}")
            draw_map(out / written[-1], view, theme)
    if settings.page:
        write_page(out / PAGE, page_of(f"New films on {settings.on.name}", [drawn], names=settings.show_names))
        written.append(PAGE)
    new = [
        {"film": name, "position": position.tolist(), "distance": float(distance), "strange": bool(strange)}
        for name, position, distance, strange in zip(names, *placed, strict=True)
    ]
    about = {"encoder": latent.encoder, "bound": latent.gate.bound_, "new": new, "written": written}
    write_json(out / RECORD, {**_about(settings), **about})
    say(f"wrote {out}: {', '.join([*written, RECORD])}")


def _spaces(settings: Visualize) -> Spaces:
    """What the flags name."""
    if settings.embeddings and not settings.run:
        return stored_space(settings, settings.embeddings)
    from embedlearn.tasks.maps.encoded import beside_stored, encoded_spaces

    if settings.embeddings and settings.run:
        return beside_stored(settings, settings.embeddings, settings.run)
    return encoded_spaces(settings)


def _beside(settings: Visualize, spaces: Spaces) -> Pictured:
    """What may be shown beside the maps: films, and what in them speaks for their labels, each if asked for."""
    films = spaces.collection.films if spaces.collection and settings.thumbnails else None
    if not settings.explain:
        return Pictured(films)
    from embedlearn.tasks.maps.margins import EXPLAINED, label_reasons

    return Pictured(films, label_reasons(spaces, settings.device), EXPLAINED)


def _drawn(settings: Visualize, spaces: Spaces, beside: Pictured) -> list[Drawn]:
    """All maps of all spaces, new films on them."""
    new, names = {}, [path.name for path in settings.place]
    if settings.place:
        from embedlearn.tasks.maps.encoded import new_vectors

        new = new_vectors(settings.place, spaces.encoders, settings.device)
    drawn = []
    for name, embeddings in spaces.embeddings.items():
        gate = gate_of(embeddings)
        for kind in settings.maps:
            pictures = beside if name == spaces.main else Pictured(beside.films)
            one = draw_map_of(kind, name, embeddings, gate, settings, pictures)
            drawn.append(with_stars(one, names, one.latent.place(new[name])) if new else one)
    return drawn


def _write_figures(out: Path, settings: Visualize, spaces: Spaces, shown: Sequence[Drawn]) -> Iterator[str]:
    """The figures of each kind, in each theme and form; their names."""
    for kind in settings.maps:
        same = [one for one in shown if one.kind == kind]
        views = [one.view(seen_sentence(one.name, spaces.frame), pale=settings.pale) for one in same]
        soms = [one.som for one in same if one.som]
        for ending, theme in _themes(settings):
            for form in FORMS:
                path = out / f"{kind}{ending}{form}"
                if len(soms) > 1:
                    draw_before_after(path, soms[0], soms[1], theme)
                elif soms:
                    draw_som_sheet(path, soms[0], theme)
                elif len(views) > 1:
                    draw_comparison(path, views, theme)
                else:
                    draw_map(path, views[0], theme)
                yield path.name


def _themes(settings: Visualize) -> list[tuple[str, str]]:
    """What figures' names end in, and their theme."""
    return [(ending, theme) for theme, ending in THEMES.items() if settings.theme in (theme, "both")]


def _notes(settings: Visualize, spaces: Spaces) -> list[str]:
    """What stands above the page's maps."""
    notes = [
        "Prediction is what the 15 nearest films of other cases say, in the embedding and not on the map.",
        *seen_sentence(spaces.main, spaces.frame),
    ]
    if not settings.show_names:
        notes.append("A film's number is its row in points.parquet of the folders map-KIND.")
    return notes


def _record(settings: Visualize, spaces: Spaces, drawn: Sequence[Drawn], written: Sequence[str]) -> dict[str, Any]:
    """What was drawn, of what, and what it is worth."""
    return {
        **_about(settings),
        "films": len(spaces.frame),
        "films_in_training": seen_count(spaces.frame),
        "labels": {
            str(label): int(count) for label, count in spaces.frame["label"].value_counts().sort_index().items()
        },
        "encoders": {name: embeddings.encoder for name, embeddings in spaces.embeddings.items()},
        "quality": {
            kind: {one.name: one.latent.quality for one in drawn if one.kind == kind} for kind in settings.maps
        },
        "written": list(written),
    }


def _about(settings: Visualize) -> dict[str, Any]:
    """What made a record."""
    return {"format": FORMAT, "settings": as_plain(settings), "software": describe_software()}
