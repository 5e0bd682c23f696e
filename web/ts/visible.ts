/** How much of an element has to be on the screen, and for how long, before it counts as shown. */
const PART = 0.5;
const FOR_MS = 1000;

/** Resolves when half of the element, or half of the screen by it, was visible for a second without a break. */
export function visible(element: Element, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = () => {
      clearTimeout(timer);
      observer.disconnect();
    };
    const seen = () => {
      end();
      resolve();
    };
    const look = (entries: IntersectionObserverEntry[]) => {
      const { intersectionRatio, intersectionRect, rootBounds } = entries.at(-1) as IntersectionObserverEntry;
      const fills = intersectionRect.height >= PART * (rootBounds?.height ?? Number.POSITIVE_INFINITY);
      const enough = intersectionRatio >= PART || fills;
      if (!enough) clearTimeout(timer);
      timer = enough ? (timer ?? setTimeout(seen, FOR_MS)) : undefined;
    };
    // Of what is taller than the screen a half is never visible: many steps, so that the screen's half is noticed.
    const observer = new IntersectionObserver(look, { threshold: Array.from({ length: 21 }, (_, n) => n / 20) });
    observer.observe(element);
    signal?.addEventListener("abort", end, { once: true });
  });
}
