// The latent map in words: how many films of what, and where the new film lies among them.

export function latentWords({ kind, points, hidden, films, prototypes }) {
  const { labels, counts, length } = points;
  if (!length) return "No latent map.";
  const shown = labels.map((name, at) => `${counts[at]} ${name}${hidden.has(at) ? " (hidden)" : ""}`);
  const words = [`Latent map (${kind}) of ${length} films: ${shown.join(", ")}`];
  if (films.length) words.push(lies(films[0], points));
  if (films.length > 1) words.push(`${films.length - 1} more of your films ${films.length > 2 ? "are" : "is"} on it`);
  const made = prototypes.map(({ name, examples }) => `${name} (of ${examples})`);
  if (made.length) words.push(`Prototypes: ${made.join(", ")}`);
  return `${words.join(". ")}.`;
}

function lies({ x, y, strange, label }, points) {
  if (strange) return `${label} does not fit this flat map: its place says nothing`;
  const { label: name, count, of } = points.around(x, y);
  const most = `${label} has most often ${name} around it, ${count} of ${of}`;
  return `On this flat map ${most}; the similar cases are the nearest in truth`;
}
