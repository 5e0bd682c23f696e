// `<privet-audit>`: what left this device. Give it a personalizer, on any site.

import { DryRun } from "./dry-run.ts";
import { PrivetAudit } from "./element.ts";
import { Plot } from "./plot.ts";

export { PrivetAudit } from "./element.ts";
export type { Others } from "./network.ts";

customElements.define("privet-plot", Plot);
customElements.define("privet-dry-run", DryRun);
customElements.define("privet-audit", PrivetAudit);

declare global {
  interface HTMLElementTagNameMap {
    "privet-audit": PrivetAudit;
    "privet-dry-run": DryRun;
    "privet-plot": Plot;
  }
}
