// What is asked of bytes.

import { refusal } from "./refusal.ts";

export const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Nothing where the page is not served over https: it is no bytes' hash, so that these are asked for anew. */
export async function hashOf(bytes: Uint8Array): Promise<string> {
  if (!crypto.subtle) return "";
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource)));
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place]);
}

/** Where a page is not served over https there is no `randomUUID`. */
export const idAtRandom = () => hex(bytesAtRandom(16));

export function bytesAtRandom(length: number): Uint8Array<ArrayBuffer> {
  try {
    return crypto.getRandomValues(new Uint8Array(length));
  } catch {
    throw refusal("random-source", "the random source is missing");
  }
}

export function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}
