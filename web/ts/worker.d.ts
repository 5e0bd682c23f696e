// `dist/worker.js`, which the page's own thread loads late.

export { serve } from "../../worker/worker.ts";
