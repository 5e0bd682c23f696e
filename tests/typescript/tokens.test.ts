// A stock of blind tokens, with an issuer beside it that signs what it is given.

import assert from "node:assert/strict";
import { constants, generateKeyPairSync, privateDecrypt, verify } from "node:crypto";
import { test } from "node:test";
import { blind } from "../../worker/blind.ts";
import { MemoryStore } from "../../worker/store.ts";
import { Tokens } from "../../worker/tokens.ts";

const DAY = 24 * 3_600_000;
const issuer = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = Uint8Array.from(Buffer.from(issuer.publicKey.export({ format: "jwk" }).n as string, "base64url"));
const terms = { key, blank: Uint8Array.from({ length: 98 }, (_, place) => (place < 2 || place > 33 ? place : 0)) };

/** RSA's private operation on numbers of 256 bytes. */
function signed(blinded: Uint8Array, by = issuer.privateKey): Uint8Array {
  const parts = Array.from({ length: blinded.length / 256 }, (_, n) => blinded.slice(n * 256, (n + 1) * 256));
  return Buffer.concat(parts.map((part) => privateDecrypt({ key: by, padding: constants.RSA_NO_PADDING }, part)));
}

function stocked(
  sign: (blinded: Uint8Array) => Uint8Array | Promise<Uint8Array>,
  restMs = DAY,
  store = new MemoryStore(),
) {
  const asked: Uint8Array[] = [];
  const tokens = new Tokens(
    store,
    "task/",
    async (blinded) => {
      asked.push(blinded.slice());
      return sign(blinded);
    },
    restMs,
  );
  return { tokens, asked, store };
}

const holds = (token: Uint8Array) =>
  verify(
    "sha384",
    token.subarray(0, 98),
    { key: issuer.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 },
    token.subarray(98),
  );

test("four are asked for at once, rest, and are used once each; the next are asked for ahead", async () => {
  const { tokens, asked, store } = stocked(signed);
  const now = 1_800_000_000_000;
  await assert.rejects(tokens.ready(terms, now), { code: "token-missing" });
  assert.equal(await tokens.refill(terms, now), undefined);
  assert.deepEqual(
    asked.map(({ length }) => length),
    [4 * 256],
  );
  await assert.rejects(tokens.ready(terms, now), { code: "token-missing" }, "they rest");
  await assert.rejects(tokens.take(terms, "task/token/0", now + DAY / 24 - 1), { code: "token-missing" });
  const later = now + DAY;
  await tokens.ready(terms, later);
  const taken = [];
  for (const n of [1, 2, 3]) taken.push(await tokens.take(terms, `task/token/${n}`, later));
  assert.equal(new Set(taken.map((token) => Buffer.from(token.slice(2, 34)).toString("hex"))).size, 3);
  for (const token of taken) {
    assert.equal(token.length, 354);
    assert.ok(holds(token));
    const blank = token.slice(0, 98).fill(0, 2, 34);
    assert.deepEqual(blank, terms.blank);
  }
  assert.deepEqual(await store.get("task/token/3"), taken[2], "it is the upload's before it is sent");
  // One is left: the moment of the next batch was drawn when the last but one was taken.
  const wait = (await tokens.refill(terms, later)) ?? 0;
  assert.ok(wait >= DAY / 24 && wait <= DAY, `${wait}`);
  assert.equal(asked.length, 1);
  assert.equal(await tokens.refill(terms, later + wait), undefined);
  assert.equal(asked.length, 2);
});

test("an issuer that gives fewer, nothing or no answer is not asked again at once", async () => {
  for (const [sign, count] of [
    [(blinded: Uint8Array) => signed(blinded).slice(0, 256), 1],
    [() => new Uint8Array(), 0],
    [() => Promise.reject(new Error("down")), 0],
  ] as const) {
    const { tokens, asked } = stocked(sign);
    await tokens.refill(terms, 1000).catch(() => undefined);
    const wait = (await tokens.refill(terms, 1000)) ?? 0;
    assert.ok(wait >= DAY / 24 && wait <= DAY, `${wait}`);
    assert.equal(asked.length, 1);
    const ready = await tokens.ready(terms, 1000 + DAY).then(
      () => 1,
      () => 0,
    );
    assert.equal(ready, count);
    await tokens.refill(terms, 1000 + wait).catch(() => undefined);
    assert.equal(asked.length, 2);
  }
});

test("a key of its own for one device is noticed, and its tokens are not kept", async () => {
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const { tokens } = stocked((blinded) => {
    // Numbers that are too large for the other key are none of this test's.
    const parts = Array.from({ length: 4 }, (_, n) => blinded.slice(n * 256, (n + 1) * 256));
    return Buffer.concat(parts.map((part) => signed(part.fill(0, 0, 1), other)));
  });
  await assert.rejects(tokens.refill(terms, 1000), { code: "token-refused" });
  await assert.rejects(tokens.ready(terms, 1000 + DAY), { code: "token-missing" });
});

test("tokens for other terms are good for nothing", async () => {
  const { tokens } = stocked(signed, 0);
  await tokens.refill(terms, 1000);
  await tokens.ready(terms, 1000);
  const others = { ...terms, blank: terms.blank.slice().fill(9, 40) };
  await assert.rejects(tokens.ready(others, 1000), { code: "token-missing" });
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
  const { tokens, asked } = stocked(signed, 0);
  await tokens.refill(terms, 1000);
  const blinded = Array.from({ length: 4 }, (_, n) => (asked[0] as Uint8Array).slice(n * 256, (n + 1) * 256));
  for (let n = 0; n < 4; n++) {
    const token = await tokens.take(terms, `task/token/${n}`, 1000);
    const signature = number(token.slice(98));
    for (const seen of blinded) {
      // The factor that would have led from this token to that number; for a wrong pair there is one as well.
      const factor = (number(signed(seen)) * inverse(signature)) % modulus;
      assert.equal((power(signature) * power(factor)) % modulus, number(seen));
    }
  }
});
