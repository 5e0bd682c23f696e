// Blind tokens as an issuer signs them. When they are asked for, and when one is used, the core decides
// (`crate/participation/src/tokens.rs`).

import { blind, unblind } from "./blind.ts";
import { bytesAtRandom, joined, sameBytes } from "./bytes.ts";
import { refusal } from "./refusal.ts";

/** The length of a blinded message and of a signature. */
const BLINDED = 256;
/** Where a nonce stands in a message. */
const NONCE_AT = 2;

/** Signs blinded messages, one after the other: all, or the first of them. */
export type Sign = (blinded: Uint8Array) => Promise<Uint8Array>;

/** So many tokens, or the first of them: each its message and the signature over that by the key of this modulus. */
export async function signedTokens(key: Uint8Array, blank: Uint8Array, count: number, sign: Sign) {
  const messages = Array.from({ length: count }, () => withNonce(blank));
  const blindings = await Promise.all(messages.map((message) => blind(key, message)));
  const signed = await sign(joined(blindings.map(({ blinded }) => blinded)));
  return blindings.slice(0, Math.floor(signed.length / BLINDED)).map((blinding, place) => {
    const signature = unblind(key, blinding, signed.slice(place * BLINDED, (place + 1) * BLINDED));
    // Signed with a key of its own for this device, it would be a tag.
    if (!signature) throw refusal("token-refused", "the tokens are not signed by the issuer that the round names");
    return joined([messages[place] as Uint8Array, signature]);
  });
}

/** A source that gives the same twice would make tokens that are one, and blindings that hide nothing. */
function withNonce(blank: Uint8Array): Uint8Array {
  const [nonce, again] = [bytesAtRandom(32), bytesAtRandom(32)];
  if (sameBytes(nonce, again)) throw refusal("random-source", "the random source gives the same twice");
  const message = blank.slice();
  message.set(nonce, NONCE_AT);
  return message;
}
