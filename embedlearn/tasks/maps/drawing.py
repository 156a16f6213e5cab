"""What `embedlearn visualize` does: from films to maps, figures and a page; new films on a map that is there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embedlearn.console import say
from embedlearn.errors import ArgumentError
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
from embedlearn.tasks.maps.spaces import Spaces, map_folder, out_of, stored_space
from embedlearn.tasks.maps.telling import say_films, say_placed, say_table

FORMAT = "embedlearn-visualize-1"
PAGE, RECORD = "latent.html", "visualize.json"
FORMS = (".png", ".svg")
THEMES = {"light": "", "dark": "-dark"}  # what a figure's name ends in


def draw_maps(settings: Visualize) -> None:
    """Fit maps, measure them, write them. Raises an `EmbedlearnError` for what a user can mend."""
    films = _new_films(settings)
    spaces = _spaces(settings)
    out = out_of(settings, spaces.folder)
    say_films(spaces.frame)
    beside = _beside(settings, spaces)
    drawn = _drawn(settings, spaces, beside, films)
    say_table(drawn)
    main = [one for one in drawn if one.name == spaces.main]
    say_placed(main)
    shown = drawn if settings.compare else main
    written = list(_write_figures(out, settings, shown))
    for one in main:
        one.latent.save(map_folder(out, one.kind))
        written.append(map_folder(out, one.kind).name)
    if settings.page:
        title = f"Latent space of {(settings.embeddings or spaces.folder).name}"
        seen = seen_sentence(spaces.main, spaces.frame)
        write_page(out / PAGE, page_of(title, shown, names=settings.show_names, beside=beside, notes=seen))
        written.append(PAGE)
    write_json(out / RECORD, _record(settings, spaces, drawn, written))
    say(f"wrote {out}: {', '.join([*written, RECORD])}")
    on = shlex.quote(str(map_folder(out, main[0].kind)))
    again = f"python -m embedlearn.visualize --on {on} --place FILM.png"
    say(f"next: open {out / PAGE} in a browser; {again}" if settings.page else f"next: {again}")


def place_films(settings: Visualize) -> None:
    """New films on a map that is there. Raises an `EmbedlearnError` for what a user can mend."""
    from embedlearn.tasks.maps.encoded import encoder_of, new_vectors

    assert settings.on is not None
    out = settings.out or settings.on.parent / "placed"
    require_folder(out, "--out")
    latent = load_map(settings.on)
    if settings.pale and latent.projection.kind == "som":
        raise ArgumentError("--pale: a self-organising map draws no single films; leave it out")
    films = _new_films(settings)
    saved = encoder_of(latent, settings)
    placed = latent.place(new_vectors(films, {"": saved}, settings.device)[""])
    names = [path.name for path in films]
    drawn = with_stars(drawn_again(latent), names, placed)
    say_placed([drawn])
    written = list(_write_kind(out, settings, drawn.kind, [drawn]))
    if settings.page:
        seen = seen_sentence("", latent.frame)
        page = page_of(f"New films on {settings.on.name}", [drawn], names=settings.show_names, notes=seen)
        write_page(out / PAGE, page)
        written.append(PAGE)
    new = [
        {"film": name, "position": position.tolist(), "distance": float(distance), "strange": bool(strange)}
        for name, position, distance, strange in zip(names, *placed, strict=True)
    ]
    about = {"encoder": latent.encoder, "bound": latent.gate.bound_, "new": new, "written": written}
    write_json(out / RECORD, {**_about(settings), **about})
    say(f"wrote {out}: {', '.join([*written, RECORD])}")


def _new_films(settings: Visualize) -> list[Path]:
    """The films that --place names. Raises `ManifestError`."""
    if not settings.place:
        return []
    from embedlearn.tasks.maps.encoded import films_to_place

    return films_to_place(settings)


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
    shown = Pictured(films, most=settings.thumbnails)
    if not settings.explain:
        return shown
    from embedlearn.tasks.maps.margins import explained_by, label_reasons

    reasons = label_reasons(spaces, settings.device)
    return shown._replace(explanations=reasons, explained=explained_by(spaces.main))


def _drawn(settings: Visualize, spaces: Spaces, beside: Pictured, films: Sequence[Path]) -> list[Drawn]:
    """All maps of all spaces, new films on them."""
    new, names = {}, [path.name for path in films]
    if films:
        from embedlearn.tasks.maps.encoded import new_vectors

        new = new_vectors(films, spaces.encoders, settings.device)
    drawn = []
    for name, embeddings in spaces.embeddings.items():
        gate = gate_of(embeddings)
        for kind in settings.maps:
            one = draw_map_of(kind, name, embeddings, gate, settings, beside if name == spaces.main else Pictured())
            drawn.append(with_stars(one, names, one.latent.place(new[name])) if new else one)
    return drawn


def _write_figures(out: Path, settings: Visualize, shown: Sequence[Drawn]) -> Iterator[str]:
    """The figures of each kind, in each theme and form; their names."""
    for kind in settings.maps:
        yield from _write_kind(out, settings, kind, [one for one in shown if one.kind == kind])


def _write_kind(out: Path, settings: Visualize, kind: str, drawn: Sequence[Drawn]) -> Iterator[str]:
    """The figures of one map, or of two to be compared; of two self-organising maps also all forms of the last."""
    said = [seen_sentence(one.name, one.latent.frame) for one in drawn]
    for ending, theme in _themes(settings):
        for form in FORMS:
            path = out / f"{kind}{ending}{form}"
            yield path.name
            if kind == "som":
                views = [one.som_view(sentences) for one, sentences in zip(drawn, said, strict=True)]
                if len(views) == 1:
                    draw_som_sheet(path, views[0], theme)
                else:
                    draw_before_after(path, views[0], views[1], theme)
                    sheet = out / f"{kind}-sheet{ending}{form}"
                    draw_som_sheet(sheet, views[1], theme)
                    yield sheet.name
                continue
            scatters = [one.view(some, pale=settings.pale) for one, some in zip(drawn, said, strict=True)]
            if len(scatters) == 1:
                draw_map(path, scatters[0], theme)
            else:
                draw_comparison(path, scatters, theme)


def _themes(settings: Visualize) -> list[tuple[str, str]]:
    """What figures' names end in, and their theme."""
    return [(ending, theme) for theme, ending in THEMES.items() if settings.theme in (theme, "both")]


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
