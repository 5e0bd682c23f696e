// Blind tokens in stock: asked for ahead, some at once, at a moment that has nothing to do with any upload, and left to rest
// before they are used. So who signs them for an account cannot tell which upload one of them came with.

import { blind, unblind } from "./blind.ts";
import { joined, sameBytes } from "./bytes.ts";
import { pack, unpack } from "./pack.ts";
import { refusal } from "./refusal.ts";
import type { Store } from "./store.ts";

/** So many are asked for at once, */
const BATCH = 4;
/** where no more than this are left. */
const LOW = 1;
/** The length of a blinded message and of a signature. */
const BLINDED = 256;
/** Where a nonce stands in a message. */
const NONCE_AT = 2;
const DAY_MS = 24 * 3600 * 1000;
/** How long signatures are waited for. */
const PATIENCE_MS = 30_000;

/** What a round that wants tokens says of them. */
export interface TokenTerms {
  /** Whose: a modulus. */
  key: Uint8Array;
  /** What is signed for one, with zeros in the place of its nonce. */
  blank: Uint8Array;
}

interface Stock {
  /** What these were made for. */
  blank: Uint8Array;
  tokens: { token: Uint8Array; fromMs: number }[];
  /** Nobody is asked again before. */
  againMs: number;
}

/** Signs blinded messages, one after the other: all, or the first of them. */
export type Sign = (blinded: Uint8Array) => Promise<Uint8Array>;

export class Tokens {
  readonly #store: Store;
  readonly #key: string;
  readonly #sign: Sign;
  /** Tokens rest for a time that is drawn, up to this. */
  readonly #restMs: number;

  constructor(store: Store, prefix: string, sign: Sign, restMs = DAY_MS) {
    this.#store = store;
    this.#key = `${prefix}tokens`;
    this.#sign = sign;
    this.#restMs = restMs;
  }

  /** Refuses where there is no token that a contribution could go with: before anything is debited. */
  async ready(terms: TokenTerms, nowMs = Date.now()): Promise<void> {
    if (this.#rested(await this.#read(terms), nowMs) < 0) throw missing();
  }

  /** A token for the upload that is known by this key of the store: it is stored there, and no more in stock. */
  async take(terms: TokenTerms, key: string, nowMs = Date.now()): Promise<Uint8Array> {
    const stock = await this.#read(terms);
    const [taken] = stock.tokens.splice(this.#rested(stock, nowMs) >>> 0, 1);
    if (!taken) throw missing();
    // When the next ones are asked for is drawn: it says nothing of when this one is sent.
    if (stock.tokens.length <= LOW) stock.againMs = Math.max(stock.againMs, nowMs + this.#drawn());
    await this.#store.put({ [key]: taken.token, [this.#key]: pack(stock) }, true);
    return taken.token;
  }

  /** Asks for some where few are left and it is time; where few are left then, how long until it is time again. */
  async refill(terms: TokenTerms, nowMs = Date.now()): Promise<number | undefined> {
    const stock = await this.#read(terms);
    if (stock.tokens.length > LOW) return undefined;
    // A clock that was set back keeps nobody waiting for longer than the longest rest.
    const wait = stock.againMs - nowMs;
    if (wait > 0 && wait <= this.#restMs) return wait;
    // Before anybody is asked: where a page is closed meanwhile, or nothing is given, nobody is asked again at once.
    stock.againMs = nowMs + this.#drawn();
    await this.#store.put({ [this.#key]: pack(stock) }, true);
    const messages = Array.from({ length: BATCH }, () => withNonce(terms.blank));
    const blindings = await Promise.all(messages.map((message) => blind(terms.key, message)));
    const signed = await inTime(this.#sign(joined(blindings.map(({ blinded }) => blinded))));
    const fromMs = nowMs + this.#drawn();
    const made = blindings.slice(0, Math.floor(signed.length / BLINDED)).map((blinding, place) => {
      const signature = unblind(terms.key, blinding, signed.slice(place * BLINDED, (place + 1) * BLINDED));
      // Signed with a key of its own for this device, it would be a tag.
      if (!signature) throw refusal("token-refused", "the tokens are not signed by the issuer that the round names");
      return { token: joined([messages[place] as Uint8Array, signature]), fromMs };
    });
    // What was taken meanwhile stays taken.
    const { tokens } = await this.#read(terms);
    const filled: Stock = { ...stock, tokens: [...tokens, ...made] };
    await this.#store.put({ [this.#key]: pack(filled) }, true);
    return filled.tokens.length > LOW ? undefined : stock.againMs - nowMs;
  }

  /** Those that were made for other terms are good for nothing. */
  async #read({ blank }: TokenTerms): Promise<Stock> {
    const stored = await this.#store.get(this.#key);
    const stock = stored && unpack<Stock>(stored);
    return stock && sameBytes(stock.blank, blank) ? stock : { blank, tokens: [], againMs: 0 };
  }

  #rested({ tokens }: Stock, nowMs: number): number {
    return tokens.findIndex(({ fromMs }) => fromMs <= nowMs || fromMs - nowMs > this.#restMs);
  }

  /** From a twenty-fourth to the whole of the longest rest. */
  #drawn(): number {
    const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
    return Math.ceil((this.#restMs / 24) * (1 + (23 * drawn) / 2 ** 32));
  }
}

function missing(): Error {
  return refusal("token-missing", "the round wants a token, and none has rested: they are asked for ahead");
}

/** A session does not wait for a backend that hangs. */
function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(refusal("token-missing", "nobody signed the tokens in time")), PATIENCE_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** A source that gives the same twice would make tokens that are one, and blindings that hide nothing. */
function withNonce(blank: Uint8Array): Uint8Array {
  const [nonce, again] = [0, 1].map(() => crypto.getRandomValues(new Uint8Array(32))) as [Uint8Array, Uint8Array];
  if (sameBytes(nonce, again)) throw refusal("random-source", "the random source gives the same twice");
  const message = blank.slice();
  message.set(nonce, NONCE_AT);
  return message;
}
