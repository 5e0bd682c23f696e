// Serialisation of plain values with typed arrays in them, for the store: JSON, then the arrays' bytes.

const KINDS = [Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array] as const;
type Numbers = InstanceType<(typeof KINDS)[number]>;

/** A value of plain objects, strings, numbers and typed arrays. `undefined` is left out. */
export function pack(value: unknown): Uint8Array {
  const arrays: Numbers[] = [];
  let length = 0;
  const text = JSON.stringify(value, (_, part: unknown) => {
    const kind = KINDS.findIndex((kind) => part instanceof kind);
    if (kind < 0) return part;
    const numbers = part as Numbers;
    arrays.push(numbers);
    length += numbers.byteLength;
    return { $: [kind, length - numbers.byteLength, numbers.byteLength] };
  });
  const plain = new TextEncoder().encode(text);
  const bytes = new Uint8Array(4 + plain.length + length);
  new DataView(bytes.buffer).setUint32(0, plain.length, true);
  bytes.set(plain, 4);
  let at = 4 + plain.length;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/** What {@link pack} was given. */
export function unpack<T>(bytes: Uint8Array): T {
  const plain = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const after = 4 + plain;
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, after)), (_, part) => {
    if (!Array.isArray(part?.$)) return part;
    const [kind, from, length] = part.$ as [number, number, number];
    // A copy, because a typed array has to begin at a multiple of its numbers' size.
    return new (KINDS[kind] ?? Uint8Array)(bytes.slice(after + from, after + from + length).buffer);
  }) as T;
}
