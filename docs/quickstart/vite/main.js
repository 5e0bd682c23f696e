import { createPersonalizer } from "privet";

const feed = await (await fetch("feed.json")).json(); // [{ id, title, score, embedding }, …]
const { leader: key } = await (await fetch("/v1/identity")).json(); // to try it out: an application pins its key
const personalizer = await createPersonalizer({ task: "demo", aggregators: { leader: { url: "/", key } } });
await personalizer.consent({ personalise: true }); // after you have asked

// What is loaded in somebody's own order tells it: pictures are asked for before they are ranked, all of them, or none.
for (const { image } of feed) if (image) new Image().src = image;

const list = document.querySelector("#feed");
async function show() {
  const slate = await personalizer.rerank(feed);
  list.replaceChildren(
    ...slate.items.map((item) => Object.assign(document.createElement("li"), { textContent: item.title })),
  );
  slate.shown(list);
  list.onclick = async ({ target }) => {
    const item = slate.items[[...list.children].indexOf(target)];
    await personalizer.record({ kind: "click", item, slate: slate.id });
    await show();
  };
}
await show();
