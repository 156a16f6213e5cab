// What lies on the latent map: the films, the one that is shown first, its similar cases, and the classes.

import { byId } from "./dom.js";

/** Put them on the map; a film or a class without a place is left out. */
export function showPlaces(latent, { shown, films, from, about, recomputed }) {
  const first = shown?.state === "done" ? [shown] : [];
  const read = [...first, ...films.done.filter((film) => film !== shown)];
  const places = read.map((film) => ({ ...film.told.classified.films[0].place, label: film.name, id: film.id }));
  const classes = (from === "own" ? recomputed.classified : about)?.classes ?? [];
  const prototypes = classes
    .filter((each) => each.place)
    .map(({ name, examples, place }) => ({ name, examples, ...place }));
  byId("latent").hidden = about?.map === null;
  latent.setFilms(places.filter((place) => place.x !== undefined));
  latent.setPrototypes(prototypes);
  const yours = first.length ? "; yours is the star" : "";
  byId("latent-words").textContent =
    `Each mark is a film of the gallery, near to those it is like${yours}. Choose a mark to see its film.`;
  latent.highlight(first.flatMap((film) => film.told.similar.films[0].cases.map((each) => each.id)));
}
