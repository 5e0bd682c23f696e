// Blind RSA signatures (RFC 9474, RSABSSA-SHA384-PSS-Deterministic, as tokens of RFC 9578 want them) with whole numbers of
// JavaScript. What comes out of `blind` is uniform over the key's numbers whatever the message is, so that who signs it
// learns nothing of it.

import { hex } from "./bytes.ts";

/** Of every key: the exponent is no choice of the issuer's. */
const EXPONENT_BITS = 16;
const HASH_BYTES = 48;

/** What a blinded message is turned into its signature with. It stays here. */
export interface Blinding {
  blinded: Uint8Array;
  encoded: bigint;
  inverse: bigint;
}

/** What is drawn for a message. Given by tests alone. */
export interface Draws {
  salt: Uint8Array;
  factor: bigint;
}

/** Blinds a message for the issuer of this modulus. */
export async function blind(key: Uint8Array, message: Uint8Array, draws?: Draws): Promise<Blinding> {
  const modulus = numberOf(key);
  const { salt, factor } = draws ?? { salt: fresh(HASH_BYTES), factor: under(modulus, key.length) };
  const encoded = await encodedWith(message, salt, key);
  // Euclid's algorithm takes as long as its number wants: it is given one that says nothing of the factor.
  const veil = under(modulus, key.length);
  const inverse = (inverseOf((factor * veil) % modulus, modulus) * veil) % modulus;
  const blinded = (encoded * raised(factor, modulus)) % modulus;
  return { blinded: bytesOf(blinded, key.length), encoded, inverse };
}

/** The signature over the message that was blinded; nothing where the issuer of this key has not signed it. */
export function unblind(key: Uint8Array, { encoded, inverse }: Blinding, signed: Uint8Array): Uint8Array | undefined {
  const modulus = numberOf(key);
  const signature = (numberOf(signed) * inverse) % modulus;
  const holds = signed.length === key.length && raised(signature, modulus) === encoded;
  return holds ? bytesOf(signature, key.length) : undefined;
}

/** EMSA-PSS (RFC 8017, 9.1.1) with SHA-384, for a modulus whose first bit is set. */
async function encodedWith(message: Uint8Array, salt: Uint8Array, key: Uint8Array): Promise<bigint> {
  const hash = await sha384(new Uint8Array(8), await sha384(message), salt);
  const block = new Uint8Array(key.length - HASH_BYTES - 1);
  block[block.length - HASH_BYTES - 1] = 1;
  block.set(salt, block.length - HASH_BYTES);
  for (let counter = 0; counter * HASH_BYTES < block.length; counter += 1) {
    const mask = await sha384(hash, Uint8Array.of(0, 0, 0, counter));
    mask.forEach((byte, place) => {
      const at = counter * HASH_BYTES + place;
      if (at < block.length) block[at] = (block[at] as number) ^ byte;
    });
  }
  block[0] = (block[0] as number) & 0x7f;
  return numberOf(Uint8Array.of(...block, ...hash, 0xbc));
}

async function sha384(...parts: Uint8Array[]): Promise<Uint8Array> {
  const whole = Uint8Array.from(parts.flatMap((part) => Array.from(part)));
  return new Uint8Array(await crypto.subtle.digest("SHA-384", whole));
}

/** To the power of 65,537. */
function raised(base: bigint, modulus: bigint): bigint {
  let power = base;
  for (let bit = 0; bit < EXPONENT_BITS; bit += 1) power = (power * power) % modulus;
  return (power * base) % modulus;
}

function inverseOf(value: bigint, modulus: bigint): bigint {
  let [rest, next, taken, taking] = [modulus, value, 0n, 1n];
  while (next) {
    const times = rest / next;
    [rest, next, taken, taking] = [next, rest - times * next, taking, taken - times * taking];
  }
  return taken < 0n ? taken + modulus : taken;
}

/** Uniform from 1 on: numbers that are too large are drawn again. */
function under(modulus: bigint, length: number): bigint {
  for (;;) {
    const drawn = numberOf(fresh(length));
    if (drawn > 0n && drawn < modulus) return drawn;
  }
}

function fresh(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes)}`);
}

function bytesOf(value: bigint, length: number): Uint8Array {
  const digits = value.toString(16).padStart(2 * length, "0");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
