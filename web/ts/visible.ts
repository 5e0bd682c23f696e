import { gaveUp } from "./error.ts";

/** How much of an element has to be on the screen, and for how long, before it counts as shown. */
const PART = 0.5;
const FOR_MS = 1000;

/** Whose turn it is to be seen in an element: a later slate that is shown there took the place of the one before. */
const turns = new WeakMap<Element, object>();

/**
 * Whether half of the element, or half of the screen by it, was visible for a second without a break: in the page and on a
 * page that is looked at, with something of what it held at first. Not, where another slate takes its place before.
 */
export function visible(element: Element, signal?: AbortSignal): Promise<boolean> {
  const [turn, held] = [{}, [...element.children]];
  turns.set(element, turn);
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
      turns.get(element) !== turn || (held.length > 0 && !held.some((it) => element.contains(it)));
    const seen = () => {
      if (isReplaced()) end(() => resolve(false));
      else if (isThere(element)) end(() => resolve(true));
      else {
        timer = undefined;
        again();
      }
    };
    /** From the beginning wherever there was a break. */
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
      // Half of nothing is nothing: what has no place, or none any more, is not seen.
      const hasPlace = isIntersecting && intersectionRect.height * intersectionRect.width > 0;
      const fills = intersectionRect.height >= PART * (rootBounds?.height ?? Number.POSITIVE_INFINITY);
      enough = hasPlace && (intersectionRatio >= PART || fills);
      again();
    };
    // Of what is taller than the screen a half is never visible: many steps, so that the screen's half is noticed.
    const observer = new IntersectionObserver(look, { threshold: Array.from({ length: 21 }, (_, n) => n / 20) });
    if (signal?.aborted) return end(() => reject(gaveUp(signal)));
    observer.observe(element);
    document.addEventListener("visibilitychange", again, { signal: over.signal });
    signal?.addEventListener("abort", () => end(() => reject(gaveUp(signal))), { signal: over.signal });
  });
}

/** Whether it can be seen where it stands: an observer looks at places alone. */
function isThere(element: Element): boolean {
  const look = { opacityProperty: true, visibilityProperty: true };
  return element.isConnected && (element.checkVisibility?.(look) ?? true);
}
