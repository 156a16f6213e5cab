// Numbers, held within bounds and written for the reader.

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// A number with its sign: three decimals, or two digits where it is below 0.1.
export function signed(value) {
  const size = Math.abs(value);
  if (!size) return "0";
  const text = size >= 0.0995 ? size.toFixed(3) : String(Number(size.toPrecision(2)));
  return (value > 0 ? "+" : "−") + text;
}
