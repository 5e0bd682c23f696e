// Vite before its version 8 bundles a dependency beforehand, unless it ends otherwise than `.js`, and then does not find the
// worker beside it: its development server takes this entry.
export * from "./index.js";
