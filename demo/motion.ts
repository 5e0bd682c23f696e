// FLIP animation: what has moved by a change glides from its old place to its new one.

const MS = 320;

export class Motion {
  readonly #before = new Map<string, DOMRect>();

  /** Notes the rectangle of everything with a key, before a change. */
  note(root: ParentNode): void {
    this.#before.clear();
    for (const thing of keyed(root)) this.#before.set(thing.dataset["key"] ?? "", thing.getBoundingClientRect());
  }

  /** Animates from there to here, and fades in what is new; not where reduced motion is preferred. */
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
