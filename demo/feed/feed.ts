// The demo's feed: what an item is, and how it and its embedding are read.

export const TOPICS = {
  science: "Science",
  technology: "Technology",
  nature: "Climate & nature",
  health: "Health",
  food: "Food & cooking",
  travel: "Travel",
  sport: "Sport",
  film: "Film & series",
  music: "Music",
  books: "Books",
  money: "Money & work",
  home: "Home & garden",
} as const;

export type Topic = keyof typeof TOPICS;

/** A line of `items.json`. */
export interface FeedItem {
  id: string;
  topic: Topic;
  kind: "article" | "video";
  /** A paper or a channel: invented, as all of the feed is. */
  source: string;
  title: string;
  summary: string;
  /** To read or to watch. */
  minutes: number;
  /** When the demo starts. */
  ageHours: number;
  readers: number;
  tags: string[];
  /** The plain server's, 0 to 1: half popularity, half recency, by the formula in `embed.py`. */
  score: number;
}

/** What the page is served of an item. */
export type ServedItem = Omit<FeedItem, "readers" | "tags">;

/** The served items, a column for each field: a third less than a line for each item. */
export type Columns = { [Name in keyof ServedItem]: ServedItem[Name][] };

/** `embeddings.json`: how `embeddings.bin` was made and is read. */
export interface Embeddings {
  model: { name: string; package: string; version: string };
  items: number;
  dimensions: number;
  /** One byte of a row, a signed integer, times this is its number. */
  scale: number;
  /** The share of the texts' variance that the dimensions hold. */
  varianceKept: number;
  /** Over the embedded texts, a line each. */
  textsSha256: string;
  binSha256: string;
}

/** A row for each item, in the order of the items. */
export function embeddingsFrom(
  bin: Uint8Array,
  { items, dimensions, scale }: Pick<Embeddings, "items" | "dimensions" | "scale">,
): Float32Array[] {
  const bytes = new Int8Array(bin.buffer, bin.byteOffset, items * dimensions);
  return Array.from({ length: items }, (_, n) =>
    Float32Array.from(bytes.subarray(n * dimensions, (n + 1) * dimensions), (byte) => byte * scale),
  );
}

/** Items out of their columns. */
export function itemsFrom(columns: Columns): ServedItem[] {
  const names = Object.keys(columns) as (keyof ServedItem)[];
  return columns.id.map((_, n) => Object.fromEntries(names.map((name) => [name, columns[name][n]])) as never);
}
