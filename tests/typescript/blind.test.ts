// What a device does with a token before and after its issuer signs it, held to the RFCs' own numbers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { blind, unblind } from "../../worker/blind.ts";

interface Vectors {
  "blind-signatures": Record<
    "name" | "key" | "message" | "salt" | "inverse" | "blinded" | "signed" | "signature",
    string
  >[];
  tokens: Record<
    "name" | "secret" | "key" | "challenge" | "nonce" | "blind" | "salt" | "request" | "response" | "token",
    string
  >[];
}
const vectors = JSON.parse(readFileSync(new URL("../vectors/token.json", import.meta.url), "utf8")) as Vectors;

const bytes = (digits: string) => Uint8Array.from(Buffer.from(digits, "hex"));
const digits = (of: Uint8Array | undefined) => of && Buffer.from(of).toString("hex");
/** An SPKI ends with the modulus and with the exponent, 65,537, in five bytes. */
const modulusOf = (spki: string) => bytes(spki).slice(-261, -5);

function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, next, taken, taking] = [modulus, value, 0n, 1n];
  while (next) {
    const times = rest / next;
    [rest, next, taken, taking] = [next, rest - times * next, taking, taken - times * taking];
  }
  return ((taken % modulus) + modulus) % modulus;
}

for (const vector of vectors["blind-signatures"]) {
  test(`RFC 9474, A: ${vector.name}`, async () => {
    const [key, message, salt] = [bytes(vector.key), bytes(vector.message), bytes(vector.salt)];
    const factor = inverse(BigInt(`0x${vector.inverse}`), BigInt(`0x${vector.key}`));
    const blinding = await blind(key, message, { salt, factor });
    assert.equal(digits(blinding.blinded), vector.blinded);
    assert.equal(digits(unblind(key, blinding, bytes(vector.signed))), vector.signature);
  });
}

for (const vector of vectors.tokens) {
  test(vector.name, async () => {
    const key = modulusOf(vector.key);
    // A token is its message and the signature over that.
    const [message, signature] = [vector.token.slice(0, 2 * 98), vector.token.slice(2 * 98)];
    const factor = BigInt(`0x${vector.blind}`);
    const blinding = await blind(key, bytes(message), { salt: bytes(vector.salt), factor });
    assert.equal(digits(blinding.blinded), vector.request.slice(2 * 3));
    assert.equal(digits(unblind(key, blinding, bytes(vector.response))), signature);
  });
}
