import * as ort from "onnxruntime-web/wasm";
import { INPUTS, type Net, type Peer, UNITS } from "./net.ts";

export async function onnx(net: Net): Promise<Peer> {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = "/peers/";
  const session = await ort.InferenceSession.create(model(net), { executionProviders: ["wasm"] });
  return {
    name: "ONNX Runtime Web wasm",
    async score(x, rows) {
      const { s } = await session.run({ x: new ort.Tensor("float32", x, [rows, INPUTS]) });
      return s?.data as Float32Array;
    },
  };
}

/** The net as an ONNX model: protobuf, written field by field. */
function model({ w1, b1, w2 }: Net): Uint8Array {
  const tensor = (name: string, shape: number[], data: Float32Array) =>
    bytes([
      ...shape.map((size) => number(1, size)),
      number(2, 1),
      text(8, name),
      field(9, new Uint8Array(data.buffer)),
    ]);
  const node = (kind: string, inputs: string[], output: string) =>
    bytes([...inputs.map((input) => text(1, input)), text(2, output), text(4, kind)]);
  const value = (name: string, columns: number) => {
    const rows = field(1, text(2, "n"));
    const shape = bytes([rows, field(1, number(1, columns))]);
    const type = bytes([number(1, 1), field(2, shape)]);
    return bytes([text(1, name), field(2, field(1, type))]);
  };
  const graph = bytes([
    field(1, node("Gemm", ["x", "w1", "b1"], "u")),
    field(1, node("Relu", ["u"], "z")),
    field(1, node("MatMul", ["z", "w2"], "s")),
    text(2, "net"),
    field(5, tensor("w1", [INPUTS, UNITS], w1)),
    field(5, tensor("b1", [UNITS], b1)),
    field(5, tensor("w2", [UNITS, 1], w2)),
    field(11, value("x", INPUTS)),
    field(12, value("s", 1)),
  ]);
  return bytes([number(1, 8), field(7, graph), field(8, number(2, 17))]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

function bytes(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => {
    all.set(part, at);
    return at + part.length;
  }, 0);
  return all;
}

function number(place: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(place << 3), ...varint(value)]);
}

function field(place: number, value: Uint8Array): Uint8Array {
  return bytes([Uint8Array.from([...varint((place << 3) | 2), ...varint(value.length)]), value]);
}

function text(place: number, value: string): Uint8Array {
  return field(place, new TextEncoder().encode(value));
}
