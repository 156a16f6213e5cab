// Numbers, held within bounds and written for the reader.

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// A number with its sign: three decimals, or two digits where it is below 0.1.
export function signed(value) {
  const size = Math.abs(value);
  if (!size) return "0";
  const text = size >= 0.0995 ? size.toFixed(3) : String(Number(size.toPrecision(2)));
  return (value > 0 ? "+" : "−") + text;
}

// Numbers with their signs and as many decimals as the finest of them needs, five at most.
export function signedAlike(values) {
  const most = Math.max(...values.map((value) => (signed(value).split(".")[1] ?? "").length));
  const write = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(Math.min(most, 5));
  return values.map((value) => (value ? write(value) : "0"));
}
