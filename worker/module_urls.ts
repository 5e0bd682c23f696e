// The addresses of the modules, in the build that this browser can run: with SIMD or without.

/** A module with one function type that takes a vector: browsers without SIMD do not validate it. */
const VECTOR = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 123, 0);

const hasSimd = () => WebAssembly.validate(VECTOR);

// Each address is a `new URL` of its own, so that bundlers find and copy the file. Two in one conditional expression are merged
// into one by minifiers, and no bundler finds that.
const RANK = [
  () => new URL("./rank_scalar_bg.wasm", import.meta.url),
  () => new URL("./rank_bg.wasm", import.meta.url),
] as const;
const RELEASE = [
  () => new URL("./release_scalar_bg.wasm", import.meta.url),
  () => new URL("./release_bg.wasm", import.meta.url),
] as const;

export const rankAddress = (): URL => RANK[hasSimd() ? 1 : 0]();
export const releaseAddress = (): URL => RELEASE[hasSimd() ? 1 : 0]();
/** The script of the module that releases. */
export const releaseScript = (): URL => new URL("./release.js", import.meta.url);
