// Things glide to where they stand now: their places before and after a change, and the way between.

const MS = 320;

export class Motion {
  readonly #before = new Map<string, DOMRect>();

  /** Where everything with a key stands, before a change. */
  note(root: ParentNode): void {
    this.#before.clear();
    for (const thing of keyed(root)) this.#before.set(thing.dataset["key"] ?? "", thing.getBoundingClientRect());
  }

  /** From there to here; what was not there appears. Nothing moves for whoever wants that. */
  play(root: ParentNode): void {
    if (this.#before.size === 0 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const things = keyed(root).map((thing) => ({ thing, now: thing.getBoundingClientRect() }));
    for (const { thing, now } of things) {
      const before = this.#before.get(thing.dataset["key"] ?? "");
      const from = before
        ? { transform: `translate(${before.x - now.x}px, ${before.y - now.y}px)` }
        : { opacity: 0, transform: "translateY(0.5rem)" };
      if (before && before.x === now.x && before.y === now.y) continue;
      const to = before ? { transform: "none" } : { opacity: 1, transform: "none" };
      thing.animate([from, to], { duration: MS, easing: "cubic-bezier(0.2, 0.7, 0.2, 1)" });
    }
  }
}

function keyed(root: ParentNode): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>("[data-key]")];
}
