import type { Item } from "./types.ts";

/** How many slates an event can name: the latest. */
const SLATES = 16;
/** How many items an event carries beside its own: the core takes no more. */
const BESIDE = 15;

/** What was shown of late, and where. */
export class Slates {
  readonly #slates = new Map<string, readonly Item[]>();
  #count = 0;

  /** Keeps what is shown; its id. */
  add(items: readonly Item[]): string {
    const id = String(++this.#count);
    this.#slates.set(id, items);
    this.#slates.delete(String(this.#count - SLATES));
    return id;
  }

  /** The place of an item on a slate, and what stood beside it; place 0 and nothing where that is not known any more. */
  beside(item: Item, slate: string | undefined): { position: number; others: Item[] } {
    const shown = this.#slates.get(slate ?? "") ?? [];
    const place = shown.findIndex(({ id }) => id === item.id);
    if (place < 0) return { position: 0, others: [] };
    // The nearest, and of two as near the upper one: what lies far away was hardly looked at.
    const others = [...shown.keys()].filter((other) => other !== place);
    others.sort((a, b) => Math.abs(a - place) - Math.abs(b - place));
    return { position: place + 1, others: others.slice(0, BESIDE).map((other) => shown[other] as Item) };
  }

  clear(): void {
    this.#slates.clear();
  }
}
