// A client of the wire format, written from docs/wire-format.md, with nothing of this repository's.

import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { buffer, count, decode, encode, list, real, text, type Value } from "./cbor.ts";
import { gaussian } from "./gaussian.ts";
import { seal } from "./hpke.ts";
import { turboShake128 } from "./turboshake.ts";

/** Whom an application trusts: Ed25519 keys. */
export interface Pins {
  leader: Buffer;
  helper: Buffer | null;
}

export interface Operator {
  name: string;
  key: Buffer;
}

export interface Round {
  /** SHA-256 of its encoding: what uploads name. */
  configuration: Buffer;
  task: string;
  number: number;
  mode: "device" | "split";
  dimension: number;
  /** C. */
  clipNorm: number;
  /** s. */
  gridScale: number;
  /** z. */
  noiseMultiplier: number;
  /** p. */
  partMultiplier: number;
  minCohort: number;
  deadline: number;
  head: Buffer;
  leader: Operator;
  helper: Operator | null;
}

export interface Manifest {
  task: string;
  round: number;
  head: Buffer;
  previous: Buffer;
  count: number;
}

export const sha256 = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

function signedBy(key: Buffer, context: string, body: Buffer, signature: Buffer): void {
  const jwk = { kty: "OKP", crv: "Ed25519", x: key.toString("base64url") };
  const message = Buffer.concat([Buffer.from(context), sha256(body)]);
  if (!verify(null, message, createPublicKey({ key: jwk, format: "jwk" }), signature)) throw new Error("not signed");
}

/** What stands in an envelope, if all have signed it who have to. */
function opened(envelope: Buffer, context: string, pins: Pins): Value[] {
  const [version, body, leader, helper] = list(decode(envelope), 4);
  if (version !== 2) throw new Error("another version");
  const bytes = buffer(body);
  signedBy(pins.leader, context, bytes, buffer(leader, 64));
  if (pins.helper) signedBy(pins.helper, context, bytes, buffer(helper, 64));
  else if (helper !== null) throw new Error("a signature too many");
  return list(decode(bytes));
}

function operator(value: Value | undefined): Operator {
  const [name, key] = list(value, 2);
  return { name: text(name), key: buffer(key, 32) };
}

export function readRound(envelope: Buffer, pins: Pins): Round {
  const fields = opened(envelope, "privet round v1\0", pins);
  if (fields.length !== 16 || fields[0] !== 2) throw new Error("no round of this version");
  return {
    configuration: sha256(encode(fields)),
    task: text(fields[1]),
    number: count(fields[2]),
    mode: fields[3] === 0 ? "device" : "split",
    dimension: count(fields[4]),
    clipNorm: real(fields[5]),
    gridScale: count(fields[6]),
    noiseMultiplier: real(fields[7]),
    partMultiplier: real(fields[8]),
    minCohort: count(fields[9]),
    deadline: count(fields[12]),
    head: buffer(fields[13], 32),
    leader: operator(fields[14]),
    helper: fields[15] === null ? null : operator(fields[15]),
  };
}

export function readManifest(envelope: Buffer, pins: Pins): Manifest {
  const [version, task, round, head, previous, uploads] = opened(envelope, "privet head v1\0", pins);
  if (version !== 2) throw new Error("no manifest of this version");
  const hashes = { head: buffer(head, 32), previous: buffer(previous, 32) };
  return { task: text(task), round: count(round), ...hashes, count: count(uploads) };
}

/** A head's body, of which only the parameters are read here. */
export class Head {
  readonly #body: Value[];
  readonly parameters: Float32Array;

  constructor(bytes: Buffer) {
    const [version, body, digest] = list(decode(bytes), 3);
    if (version !== 2 || !sha256(buffer(body)).equals(buffer(digest))) throw new Error("no head of this version");
    this.#body = list(decode(buffer(body)), 8);
    const last = buffer(this.#body[7]);
    this.parameters = Float32Array.from({ length: last.length / 4 }, (_, at) => last.readFloatLE(4 * at));
  }

  /** The bytes of the same head with these parameters. */
  with(parameters: Float32Array): Buffer {
    const bytes = Buffer.alloc(4 * parameters.length);
    parameters.forEach((parameter, at) => bytes.writeFloatLE(parameter, 4 * at));
    const body = encode([...this.#body.slice(0, 7), bytes]);
    return encode([2, body, sha256(body)]);
  }
}

/** What leaves the device of this gradient, in grid units: clipped, and noised by as much as the round asks of it. */
export function contribution(round: Round, gradient: Float64Array): Int32Array {
  const norm = Math.floor(round.clipNorm * round.gridScale);
  const length = Math.sqrt(gradient.reduce((sum, g) => sum + (g * round.gridScale) ** 2, 0));
  const scale = Math.min(1, norm / length) * round.gridScale;
  const grid = Number.isFinite(scale) ? gradient.map((g) => Math.trunc(g * scale)) : gradient.map(() => 0);
  if (grid.reduce((sum, g) => sum + g * g, 0) > norm * norm) grid.fill(0);
  const multiplier = round.mode === "device" ? round.noiseMultiplier : round.partMultiplier;
  return Int32Array.from(grid, (g) => g + gaussian(multiplier * norm));
}

function bytesOf(entries: Int32Array): Buffer {
  const bytes = Buffer.alloc(4 * entries.length);
  entries.forEach((entry, at) => bytes.writeInt32LE(entry, 4 * at));
  return bytes;
}

/** An upload's body. */
export function upload(round: Round, id: Buffer, entries: Int32Array): Buffer {
  const body = (shares: Value[]) => encode([2, round.configuration, id, shares]);
  if (!round.helper) return body([bytesOf(entries)]);
  const seed = randomBytes(32);
  const theirs = turboShake128(Buffer.concat([seed, round.configuration, id]), 0x50, 4 * entries.length);
  const ours = bytesOf(entries.map((entry, at) => entry - theirs.readInt32LE(4 * at)));
  const info = Buffer.from("privet upload share v1");
  const named = (role: number) => Buffer.concat([round.configuration, id, Buffer.from([role])]);
  return body([seal(round.leader.key, info, named(0), ours), seal(round.helper.key, info, named(1), seed)]);
}

/** A server, as the document says what it answers. */
export class Client {
  constructor(
    readonly address: string,
    readonly pins: Pins,
  ) {}

  /** `/v1/identity` is for trying out: an application has its pins in its code. */
  static async meet(address: string): Promise<Client> {
    const keys = (await (await fetch(`${address}/v1/identity`)).json()) as { leader: string; helper?: string };
    const key = (hex: string) => Buffer.from(hex, "hex");
    return new Client(address, { leader: key(keys.leader), helper: keys.helper ? key(keys.helper) : null });
  }

  async #cbor(path: string): Promise<Buffer> {
    const reply = await fetch(this.address + path);
    if (reply.status !== 200 || reply.headers.get("content-type") !== "application/cbor") {
      throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    }
    return Buffer.from(await reply.arrayBuffer());
  }

  #pinsOf(mode: Round["mode"]): Pins {
    return mode === "device" ? { ...this.pins, helper: null } : this.pins;
  }

  async round(task: string, mode: Round["mode"]): Promise<Round> {
    return readRound(await this.#cbor(`/v1/tasks/${task}/round`), this.#pinsOf(mode));
  }

  async head(hash: Buffer): Promise<Buffer> {
    const bytes = await this.#cbor(`/v1/heads/${hash.toString("hex")}`);
    if (!sha256(bytes).equals(hash)) throw new Error("another head");
    return bytes;
  }

  async manifest(hash: Buffer, mode: Round["mode"]): Promise<Manifest> {
    return readManifest(await this.#cbor(`/v1/heads/${hash.toString("hex")}/manifest`), this.#pinsOf(mode));
  }

  put(round: Round, id: Buffer, body: Buffer): Promise<Response> {
    const path = `/v1/tasks/${round.task}/rounds/${round.number}/uploads/${id.toString("hex")}`;
    const headers = { "content-type": "application/cbor" };
    return fetch(this.address + path, { method: "PUT", headers, body: new Uint8Array(body) });
  }

  async progress(task: string, round: number): Promise<unknown> {
    return (await fetch(`${this.address}/v1/tasks/${task}/rounds/${round}/aggregate`)).json();
  }
}
