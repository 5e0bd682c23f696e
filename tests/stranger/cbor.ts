// Deterministic CBOR (RFC 8949, 4.2.1), as far as docs/wire-format.md has use for it: floats stand in eight bytes, those of
// a head in four, whatever shorter form there would be.

/** A float of a head. */
export class Float32 {
  constructor(readonly value: number) {}
}

/** A float of a round. */
export class Float64 {
  constructor(readonly value: number) {}
}

export type Value = number | string | null | Buffer | Float32 | Float64 | Value[] | Map<string, Value>;

function start(major: number, length: number): Buffer {
  const first = major << 5;
  if (length < 24) return Buffer.from([first | length]);
  if (length < 2 ** 8) return Buffer.from([first | 24, length]);
  const bytes = Buffer.alloc(length < 2 ** 16 ? 3 : length < 2 ** 32 ? 5 : 9);
  bytes[0] = first | (bytes.length === 3 ? 25 : bytes.length === 5 ? 26 : 27);
  if (bytes.length === 9) bytes.writeBigUInt64BE(BigInt(length), 1);
  else bytes.writeUIntBE(length, 1, bytes.length - 1);
  return bytes;
}

export function encode(value: Value): Buffer {
  if (value === null) return Buffer.from([0xf6]);
  if (typeof value === "number") return start(0, value);
  if (typeof value === "string") return Buffer.concat([start(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([start(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([start(4, value.length), ...value.map(encode)]);
  if (value instanceof Map) {
    const pairs = [...value].flatMap(([name, item]) => [encode(name), encode(item)]);
    return Buffer.concat([start(5, value.size), ...pairs]);
  }
  const bytes = Buffer.alloc(value instanceof Float32 ? 5 : 9);
  bytes[0] = value instanceof Float32 ? 0xfa : 0xfb;
  if (value instanceof Float32) bytes.writeFloatBE(value.value, 1);
  else bytes.writeDoubleBE(value.value, 1);
  return bytes;
}

/** Reads what is encoded so, and nothing else: the same value has to encode to the same bytes. */
export function decode(bytes: Buffer): Value {
  let at = 0;
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error("cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (short: number) => {
    if (short < 24) return short;
    if (short > 27) throw new Error("no number");
    const big = take(2 ** (short - 24));
    return big.length === 8 ? Number(big.readBigUInt64BE()) : big.readUIntBE(0, big.length);
  };
  const item = (): Value => {
    const first = take(1)[0] ?? 0;
    if (first === 0xf6) return null;
    if (first === 0xfa) return new Float32(take(4).readFloatBE());
    if (first === 0xfb) return new Float64(take(8).readDoubleBE());
    const length = number(first & 31);
    switch (first >> 5) {
      case 0:
        return length;
      case 2:
        return Buffer.from(take(length));
      case 3:
        return take(length).toString();
      case 4:
        return Array.from({ length }, item);
      case 5:
        return new Map(Array.from({ length }, () => [text(item()), item()]));
      default:
        throw new Error(`nothing of the format begins with ${first}`);
    }
  };
  const value = item();
  if (!encode(value).equals(bytes)) throw new Error("another encoding, or more than one value");
  return value;
}

export function text(value: Value | undefined): string {
  if (typeof value !== "string") throw new Error("no text");
  return value;
}

export function count(value: Value | undefined): number {
  if (typeof value !== "number") throw new Error("no number");
  return value;
}

export function real(value: Value | undefined): number {
  if (!(value instanceof Float64)) throw new Error("no float64");
  return value.value;
}

export function buffer(value: Value | undefined, length?: number): Buffer {
  if (!Buffer.isBuffer(value) || (length !== undefined && value.length !== length)) throw new Error("no such bytes");
  return value;
}

export function list(value: Value | undefined, length?: number): Value[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) throw new Error("no such list");
  return value;
}
