import { createPersonalizer, type Personalizer, type Score } from "privet";
import { clearTrouble, element, showBudget, showEvents, showFeed, showReceipt, showTrouble } from "./page.ts";
import { type Story, stories } from "./stories.ts";

const walk = element<HTMLButtonElement>("walk");
const contribute = element<HTMLButtonElement>("contribute");
const read = new Set<string>();
let top: Story | undefined;
/** The id of the slate on the page. */
let shown: number | undefined;

async function start(): Promise<void> {
  // An application has its aggregators' keys built in. This page trusts whoever serves it, and so asks.
  const keys = (await (await fetch("v1/identity")).json()) as { leader: string; helper?: string };
  const backend = new URLSearchParams(location.search).get("backend") === "scalar" ? "scalar" : "auto";
  // Made-up stories and nobody's data: a visitor need not wait a day to see a contribution, and each click shows what it
  // does, as no slate is interleaved with the server's order.
  const policy = { waitMs: 0, sessions: 1, intervalMs: 0, interleaveEvery: 0 };
  const helper = keys.helper ? { helper: { key: keys.helper } } : {};
  const aggregators = { leader: { url: ".", key: keys.leader }, ...helper };
  const personalizer = await createPersonalizer({ task: "demo", aggregators, policy, backend, schedule: "manual" });
  await personalizer.consent({ personalise: true, contribute: true });
  walk.addEventListener("click", () =>
    run(personalizer, async () => {
      if (top) await readStory(personalizer, top);
      await send(personalizer);
    }),
  );
  contribute.addEventListener("click", () => run(personalizer, () => send(personalizer)));
  await run(personalizer, async () => {
    const slate = await rerank(personalizer);
    await slate.shown();
  });
}

async function rerank(personalizer: Personalizer) {
  const slate = await personalizer.rerank(stories, { explain: true });
  top = slate.items.find((story) => !read.has(story.id)) ?? slate.items[0];
  shown = slate.id;
  const reasons = new Map(slate.items.map((story, place) => [story.id, reason(story, place, slate.scores[place])]));
  showFeed(slate.items, reasons, read, (story) => run(personalizer, () => readStory(personalizer, story)));
  return slate;
}

/** The title of the read story that is most like this one, where this one has risen and is not that story itself. */
function reason(story: Story, place: number, score?: Score): string | undefined {
  const risen = place < stories.indexOf(story) && score?.because !== story.id;
  return risen ? stories.find(({ id }) => id === score?.because)?.title : undefined;
}

async function readStory(personalizer: Personalizer, story: Story): Promise<void> {
  await personalizer.record({ kind: "click", item: story, ...(shown !== undefined && { slate: shown }) });
  read.add(story.id);
  await rerank(personalizer);
}

async function send(personalizer: Personalizer): Promise<void> {
  showReceipt(await personalizer.contribute());
}

/** One thing at a time; what it changed is shown, and what went wrong is said. */
async function run(personalizer: Personalizer, work: () => Promise<void>): Promise<void> {
  walk.disabled = contribute.disabled = true;
  clearTrouble();
  try {
    await work();
  } catch (error) {
    showTrouble(error);
  }
  const status = await personalizer.status();
  showEvents(status);
  showBudget(status);
  walk.disabled = contribute.disabled = false;
}

start().catch(showTrouble);
