// `dist/release.js`, loaded only when needed: what it takes to release something, and to audit.

export { default, epsilon, inspect } from "../web/pkg/release/release.js";
export { Contributions } from "./contribution.ts";
