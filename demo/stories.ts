// The demo's feed: stories described by 16 aspects, so that a reader sees why two of them are alike.

import type { Candidate } from "privet";

const ASPECTS = [
  "space",
  "physics",
  "sea",
  "weather",
  "animals",
  "plants",
  "food",
  "health",
  "cities",
  "trains",
  "music",
  "books",
  "craft",
  "machines",
  "sport",
  "history",
] as const;

type Aspect = (typeof ASPECTS)[number];

export interface Story extends Candidate {
  title: string;
  aspects: Aspect[];
}

/** The first aspect weighs most. Scores fall from 1 by equal steps: the plain order of a server without profiles. */
const STORIES: [string, Aspect, ...Aspect[]][] = [
  ["The night train to the coast is running again", "trains", "cities", "sea"],
  ["A quiet star turns out to be two", "space", "physics"],
  ["What bakers learn from a cold spring", "food", "weather", "plants"],
  ["How a harbour taught itself to be quiet", "sea", "cities", "animals"],
  ["The last maker of brass horns takes an apprentice", "craft", "music", "history"],
  ["A lander wakes after the long lunar night", "space", "machines"],
  ["Why marathon runners slow down at the same bridge", "sport", "cities", "health"],
  ["Otters are back in the mill stream", "animals", "plants", "history"],
  ["A library lends tools beside novels", "books", "craft", "cities"],
  ["Measuring gravity with a cloud of atoms", "physics", "machines"],
  ["The signal box that became a concert hall", "music", "trains", "history"],
  ["Old apples, and the people who keep them", "plants", "food", "history"],
];

export const stories: Story[] = STORIES.map(([title, ...aspects], place) => ({
  id: `story-${place + 1}`,
  title,
  aspects,
  score: 1 - place / STORIES.length,
  embedding: ASPECTS.map((aspect) => {
    const rank = (aspects as Aspect[]).indexOf(aspect);
    return rank < 0 ? 0 : 1 / (rank + 1);
  }),
}));
