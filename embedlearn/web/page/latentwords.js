// The latent map in words: how many films of what, and where the new films lie among them.

export function latentWords({ kind, points, hidden, films, prototypes }) {
  const { labels, counts, length } = points;
  if (!length) return "No latent map.";
  const shown = labels.map((name, at) => `${counts[at]} ${name}${hidden.has(at) ? " (hidden)" : ""}`);
  const words = [`Latent map (${kind}) of ${length} films: ${shown.join(", ")}`];
  words.push(...films.map((film) => lies(film, points)));
  const made = prototypes.map(({ name, examples }) => `${name} (of ${examples})`);
  if (made.length) words.push(`Prototypes: ${made.join(", ")}`);
  return `${words.join(". ")}.`;
}

function lies({ x, y, strange, label }, points) {
  if (strange) return `${label} is unlike the map’s films: its place says nothing`;
  const { label: name, count, of } = points.around(x, y);
  return `${label} lies among films of ${name}: ${count} of the ${of} nearest`;
}
