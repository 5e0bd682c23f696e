// Where the modules lie, each in the build that this browser can run: for SIMD, or the same without.

/** The type of a function that takes a vector: who has no SIMD refuses it. */
const VECTOR = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 123, 0);

const hasSimd = () => WebAssembly.validate(VECTOR);

// Each address is written out, and by itself: so a bundler finds the file and copies it. Of two in one condition, a tool that
// makes scripts smaller makes one address of a condition, which no bundler finds.
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
