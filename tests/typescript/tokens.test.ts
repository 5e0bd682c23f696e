// Blind tokens, with an issuer beside them that signs what it is given. When they are asked for and used the core decides.

import assert from "node:assert/strict";
import { constants, generateKeyPairSync, privateDecrypt, verify } from "node:crypto";
import { test } from "node:test";
import { blind } from "../../worker/blind.ts";
import { signedTokens } from "../../worker/tokens.ts";

const issuer = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = Uint8Array.from(Buffer.from(issuer.publicKey.export({ format: "jwk" }).n as string, "base64url"));
const terms = { key, blank: Uint8Array.from({ length: 98 }, (_, place) => (place < 2 || place > 33 ? place : 0)) };

/** RSA's private operation on numbers of 256 bytes. */
function signed(blinded: Uint8Array, by = issuer.privateKey): Uint8Array {
  const parts = Array.from({ length: blinded.length / 256 }, (_, n) => blinded.slice(n * 256, (n + 1) * 256));
  return Buffer.concat(parts.map((part) => privateDecrypt({ key: by, padding: constants.RSA_NO_PADDING }, part)));
}

const holds = (token: Uint8Array) =>
  verify(
    "sha384",
    token.subarray(0, 98),
    { key: issuer.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 },
    token.subarray(98),
  );

const drawn = (sign: (blinded: Uint8Array) => Uint8Array) =>
  signedTokens(key, terms.blank, 4, async (blinded) => sign(blinded));

test("each token is a message of its own, signed by the issuer's key", async () => {
  const tokens = await drawn(signed);
  assert.equal(new Set(tokens.map((token) => Buffer.from(token.slice(2, 34)).toString("hex"))).size, 4);
  for (const token of tokens) {
    assert.equal(token.length, 354);
    assert.ok(holds(token));
    const blank = token.slice(0, 98).fill(0, 2, 34);
    assert.deepEqual(blank, terms.blank);
  }
});

test("an issuer may give the first of them, or none", async () => {
  assert.equal((await drawn((blinded) => signed(blinded).slice(0, 256))).length, 1);
  assert.deepEqual(await drawn(() => new Uint8Array()), []);
});

test("a key of its own for one device is noticed", async () => {
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const tagged = drawn((blinded) => {
    // Numbers that are too large for the other key are none of this test's.
    const parts = Array.from({ length: 4 }, (_, n) => blinded.slice(n * 256, (n + 1) * 256));
    return Buffer.concat(parts.map((part) => signed(part.fill(0, 0, 1), other)));
  });
  await assert.rejects(tagged, { code: "token-refused" });
});

const modulus = BigInt(`0x${Buffer.from(key).toString("hex")}`);
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const power = (base: bigint) => {
  let power = base;
  for (let n = 0; n < 16; n++) power = (power * power) % modulus;
  return (power * base) % modulus;
};
const inverse = (value: bigint) => {
  let [rest, next, taken, taking] = [modulus, value, 0n, 1n];
  while (next) {
    const times = rest / next;
    [rest, next, taken, taking] = [next, rest - times * next, taking, taken - times * taking];
  }
  return ((taken % modulus) + modulus) % modulus;
};

// Whoever signs and sees a token later can divide the one by the other. That quotient has to be uniform and new each time,
// whatever the token is, and so has the number that was signed: 1,024 of either, for a message of zeros and one of ones, in 16
// equal parts of what is possible. Chi-square with 15 degrees of freedom is over 44.3 once in 10,000 times, so that this fails
// once in 2,500 runs.
test("what is signed is uniform, and so is what it has to do with its token", async () => {
  const quotients = new Set<bigint>();
  for (const fill of [0, 255]) {
    const message = new Uint8Array(98).fill(fill);
    const counts = [0, 1].map(() => Array.from({ length: 16 }, () => 0));
    for (let n = 0; n < 1024; n++) {
      const { blinded, encoded } = await blind(key, message);
      const quotient = (number(blinded) * inverse(encoded)) % modulus;
      quotients.add(quotient);
      for (const [place, value] of [number(blinded), quotient].entries()) {
        const part = Number((value * 16n) / modulus);
        counts[place]![part]! += 1;
      }
    }
    for (const count of counts) {
      const square = count.reduce((sum, count) => sum + (count - 64) ** 2 / 64, 0);
      assert.ok(square < 44.3, `chi-square ${square.toFixed(1)} of ${count.join(" ")}`);
    }
  }
  assert.equal(quotients.size, 2048);
});

test("each token that was given fits each number that was signed: the transcript names none of them", async () => {
  let seen = new Uint8Array();
  const tokens = await drawn((blinded) => signed((seen = blinded.slice())));
  const numbers = Array.from({ length: 4 }, (_, n) => seen.slice(n * 256, (n + 1) * 256));
  for (const token of tokens) {
    const signature = number(token.slice(98));
    for (const blinded of numbers) {
      // The factor that would have led from this token to that number; for a wrong pair there is one as well.
      const factor = (number(signed(blinded)) * inverse(signature)) % modulus;
      assert.equal((power(signature) * power(factor)) % modulus, number(blinded));
    }
  }
});
