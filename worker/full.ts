// `dist/full.js`, which is loaded late: what it takes to release something, and to audit.

export { default, epsilon, inspect } from "../web/pkg/full/full.js";
export { Contributions } from "./contribution.ts";
