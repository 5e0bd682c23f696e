// Numbers and times as a person reads them.

export const count = (n: number, noun: string, nouns = `${noun}s`) =>
  `${n.toLocaleString("en")} ${n === 1 ? noun : nouns}`;

/** Milliseconds with two significant digits, and no line break before the unit. */
export function ms(time: number): string {
  if (time >= 100) return `${Math.round(time)}\u00a0ms`;
  return `${time.toPrecision(2)}\u00a0ms`;
}

/** How long ago. */
export function ago(time: number, now = Date.now()): string {
  const minutes = Math.round((now - time) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / (24 * 60))} days ago`;
}

export const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** The first twelve digits of a hash, enough for an eye to compare. */
export const short = (hash: string) => hash.slice(0, 12);
