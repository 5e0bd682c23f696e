// Numbers, times and bytes as a person reads them.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const SECOND = 1000;
const SPANS: [number, string][] = [
  [365.25 * 86_400 * SECOND, "year"],
  [86_400 * SECOND, "day"],
  [3600 * SECOND, "hour"],
  [60 * SECOND, "minute"],
  [SECOND, "second"],
];

export const whole = (number: number): string => WHOLE.format(number);
export const time = (ms: number): string => TIME.format(ms);
export const moment = (ms: number): string => `${DAY.format(ms)}, ${TIME.format(ms)}`;
export const count = (n: number, noun: string): string => `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;
export const bytesOf = (n: number): string => count(n, "byte");

/** A rho to nine places, as it is kept. */
export const rho = (value: number): string => Number(value.toFixed(9)).toString();
export const epsilon = (value: number): string => value.toFixed(2);
/** Three significant digits. */
export const short = (value: number): string =>
  Number.isFinite(value) ? Number(value.toPrecision(3)).toString() : String(value);

/** A duration in the largest unit of which it has two, or in seconds. */
export function span(ms: number): string {
  const [unit, noun] = SPANS.find(([unit]) => ms >= 2 * unit) ?? [SECOND, "second"];
  return count(Math.max(0, Math.round(ms / unit)), noun);
}

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Hexadecimal in groups of four bytes, so that it wraps and can be compared. */
export const grouped = (bytes: Uint8Array): string => hex(bytes).replace(/.{8}(?=.)/g, "$& ");

export async function sha256(bytes: Uint8Array): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource)));
}
