// The feed: stories in their order, what can be done with each, and why each stands where it does.

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { TOPICS } from "./feed/feed.ts";
import { model, type Place, type Story } from "./model.ts";
import { Motion } from "./motion.ts";
import { cross, heart, play, View } from "./view.ts";

export class Feed extends View {
  readonly #motion = new Motion();
  #compares = false;
  #scores = false;

  override willUpdate(): void {
    this.#motion.note(this);
  }

  override updated(): void {
    this.#motion.play(this);
  }

  override render() {
    if (!model.order.length) return model.trouble ? nothing : html`<p class="quiet">The stories are on their way.</p>`;
    return html`
      <div class="tools">
        ${this.#toggle("Side by side", this.#compares, () => (this.#compares = !this.#compares))}
        ${this.#compares ? nothing : this.#toggle("Scores", this.#scores, () => (this.#scores = !this.#scores))}
        <p class="standing">${standing()}</p>
      </div>
      <p class="said" role="status">
        ${model.said} ${model.hidden ? html`<button class="link" @click=${() => model.show()}>Undo</button>` : nothing}
      </p>
      ${this.#compares ? both() : this.#one()}
      ${model.whole ? nothing : html`<button class="more" @click=${() => model.more()}>Show more stories</button>`}`;
  }

  #toggle(label: string, on: boolean, flip: () => unknown) {
    const click = () => {
      flip();
      this.requestUpdate();
    };
    return html`<button aria-pressed=${on} @click=${click}>${label}</button>`;
  }

  #one() {
    const entry = (place: Place, n: number) => this.#entry(place, n);
    return html`<ol id="stories">${repeat(model.order, ({ story }) => story.id, entry)}</ol>`;
  }

  #entry(place: Place, n: number) {
    const { story } = place;
    const open = model.open === story.id;
    const scores = this.#scores && place.score;
    return html`<li class="story" data-key=${story.id} data-topic=${story.topic}>
      <p class="meta">
        <span class="topic">${TOPICS[story.topic]}</span><span>${story.source}</span><span>${length(story)}</span
        ><span>${age(story)}</span>
      </p>
      <h2>
        <button class="title" aria-expanded=${open} @click=${() => model.read(story)}>${story.title}</button>
      </h2>
      ${open ? html`<p class="summary">${story.summary}</p>` : nothing}
      ${model.learns ? html`<p class="why">${move(place.server - n)}${why(place, n)}</p>${acts(story)}` : nothing}
      ${scores ? parts(scores) : nothing}
    </li>`;
  }
}

/** Both orders beside each other. */
function both() {
  const column = (name: string, side: string, stories: Story[]) => {
    const line = (story: Story) =>
      html`<li data-key=${`${side}/${story.id}`} data-topic=${story.topic}>
        <span class="dot" aria-hidden="true"></span>${story.title}
      </li>`;
    return html`<section class=${side} aria-label=${name}>
      <h2>${name}</h2>
      <ol>${repeat(stories, ({ id }) => id, line)}</ol>
    </section>`;
  };
  const ours = model.order.map(({ story }) => story);
  return html`<div id="stories" class="both">
    ${column("The server’s order", "server", model.server)}${column("Your order", "ours", ours)}
  </div>`;
}

function standing(): string {
  const { status, profile, kind } = model;
  if (!status?.consent.personalise) return "The server’s order, the same for everybody.";
  if (status.paused) return "Learning is paused; the order stays as it is.";
  if (profile.evidence === 0) return "The server’s order. Open a story, and it becomes yours.";
  if (kind === "server") return "The server’s order, while that does better or yours is learnt anew.";
  if (kind === "interleaved") return "The server’s order and yours in turn, to see from which you choose.";
  const things = profile.evidence === 1 ? "one thing" : `${profile.evidence} things`;
  return `Your order, from ${things} you chose. It was made here.`;
}

const length = ({ kind, minutes }: Story) =>
  kind === "video" ? html`${play()}<span class="unseen">video, </span>${minutes} min` : `${minutes} min`;

function age({ ageHours }: Story): string {
  if (ageHours < 1) return "new";
  return ageHours < 48 ? `${ageHours} h ago` : `${Math.round(ageHours / 24)} days ago`;
}

/** How far a story stands from the server's place. */
function move(rise: number) {
  if (rise === 0) return nothing;
  const [way, arrow] = rise > 0 ? ["up", "↑"] : ["down", "↓"];
  const places = Math.abs(rise);
  const said = `${places} ${places === 1 ? "place" : "places"} ${way},`;
  return html`<span class="move ${way}" role="img" aria-label=${said}>${arrow} ${places}</span>`;
}

/** Why a story stands where it does, in words, from the parts of its score. */
function why({ story, score, server }: Place, place: number): TemplateResult | string {
  if (model.open === story.id) return "You are reading this: it stays where it is.";
  if (model.kind === "server" || !score) return "Where the server put it.";
  if (model.did(story.id, "like")) return "You liked this.";
  const because = model.story(score.because);
  const risen = server > place && score.shared + score.personal > 0;
  if (risen && because) {
    return html`Because you ${model.did(because.id, "like") ? "liked" : "read"} <q>${because.title}</q>`;
  }
  if (risen) return "Closer to your choices than the rest.";
  if (server < place) return "Others are closer to your choices.";
  return "Where the server put it.";
}

function acts(story: Story) {
  const like = () => model.like(story);
  const hide = () => model.hide(story);
  return html`<p class="acts">
    ${
      model.did(story.id, "like")
        ? html`<span class="liked">${heart(true)} Liked</span>`
        : html`<button class="small" aria-label="Like: ${story.title}" @click=${like}>${heart()} Like</button>`
    }
    <button class="small" aria-label="Hide: ${story.title}" @click=${hide}>${cross()} Hide</button>
  </p>`;
}

/** The parts of the score, as they add up. */
function parts({ server, shared, personal }: NonNullable<Place["score"]>) {
  const signed = (part: number) => `${part < 0 ? "−" : "+"}${Math.abs(part).toFixed(2)}`;
  return html`<dl class="parts">
    <div class="from-server"><dt>server</dt><dd>${server.toFixed(2)}</dd></div>
    <div><dt>shared head</dt><dd>${signed(shared)}</dd></div>
    <div class="of-ours"><dt>yours alone</dt><dd>${signed(personal)}</dd></div>
  </dl>`;
}

customElements.define("demo-feed", Feed);
