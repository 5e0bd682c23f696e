// Whether a slate was on the screen, by an IntersectionObserver.

import { gaveUp } from "./error.ts";

/** How much of an element has to be on the screen, and for how long, before it counts as shown. */
const PART = 0.5;
const FOR_MS = 1000;

/** The latest wait for each element: a later slate that is shown there has taken the place of the one before. */
const latest = new WeakMap<Element, object>();

/**
 * Whether half of the element was visible for a second without a break, or half of the screen was filled by it. It counts only
 * while the tab is visible, and while the element holds something of what it held at first; not where another slate has
 * taken its place.
 */
export function visible(element: Element, signal?: AbortSignal): Promise<boolean> {
  const [own, held] = [{}, [...element.children]];
  latest.set(element, own);
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let enough = false;
    const over = new AbortController();
    const end = (settle: () => void) => {
      clearTimeout(timer);
      observer.disconnect();
      over.abort();
      settle();
    };
    const isReplaced = () =>
      latest.get(element) !== own || (held.length > 0 && !held.some((it) => element.contains(it)));
    const seen = () => {
      if (isReplaced()) end(() => resolve(false));
      else if (isThere(element)) end(() => resolve(true));
      else {
        timer = undefined;
        again();
      }
    };
    /** Begins the second anew after each break. */
    const again = () => {
      if (isReplaced()) return end(() => resolve(false));
      const goesOn = enough && document.visibilityState === "visible";
      if (!goesOn) clearTimeout(timer);
      timer = goesOn ? (timer ?? setTimeout(seen, FOR_MS)) : undefined;
    };
    const look = (entries: IntersectionObserverEntry[]) => {
      const { isIntersecting, intersectionRatio, intersectionRect, rootBounds } = entries.at(
        -1,
      ) as IntersectionObserverEntry;
      // Without a size, or detached, an element can still be reported as intersecting.
      const hasPlace = isIntersecting && intersectionRect.height * intersectionRect.width > 0;
      const fills = intersectionRect.height >= PART * (rootBounds?.height ?? Number.POSITIVE_INFINITY);
      enough = hasPlace && (intersectionRatio >= PART || fills);
      again();
    };
    // Of an element taller than the screen half is never visible: many thresholds, so that half of the screen is noticed.
    const observer = new IntersectionObserver(look, { threshold: Array.from({ length: 21 }, (_, n) => n / 20) });
    if (signal?.aborted) return end(() => reject(gaveUp(signal)));
    observer.observe(element);
    document.addEventListener("visibilitychange", again, { signal: over.signal });
    signal?.addEventListener("abort", () => end(() => reject(gaveUp(signal))), { signal: over.signal });
  });
}

/** Whether it is attached and not hidden: an observer only knows its rectangle. */
function isThere(element: Element): boolean {
  const look = { opacityProperty: true, visibilityProperty: true };
  return element.isConnected && (element.checkVisibility?.(look) ?? true);
}
