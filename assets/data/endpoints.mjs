// The endpoints among the models: how each answers, in the model picker and on its card. The server knows; this asks it.
import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import * as format from "../page/format.mjs";
import * as state from "../page/state.mjs";
import * as catalog from "./catalog.mjs";

const PAUSE = 3500; // what is shown of one is true within five seconds
const statuses = new Map(); // model spec -> what the server says of it
let models = [];
let timer = null;

const said = (s) => {
  if (!s || s.state === "unchecked") return "asked when chosen";
  if (s.state === "error") return s.short;
  if (s.state === "busy") return "asking …";
  return format.seconds(s.latency_s);
};

// What a card says of an endpoint, laid over what was known of it when the page was made.
const of = (spec) => {
  const s = statuses.get(spec);
  if (!s) return {};
  const quick = s.state === "ready" && s.latency_s !== null ? `, which answers in ${format.seconds(s.latency_s)}` : "";
  return {
    name: s.name,
    id: s.id === "endpoint" ? null : s.id,
    threshold: s.threshold,
    device: `${s.device}${quick}`,
    error: s.state === "error" ? s.message : null,
  };
};

const options = () => {
  const item = (m) => ({
    value: m.spec,
    label: m.endpoint ? `${(statuses.get(m.spec) || m).label || m.name} · ${said(statuses.get(m.spec))}` : m.name,
  });
  const group = (name, served) => ({ group: name, items: models.filter((m) => Boolean(m.endpoint) === served).map(item) });
  return [group("On this machine", false), group("Endpoints", true)];
};

const take = (news) => {
  const before = new Map(statuses);
  news.forEach((s) => statuses.set(s.endpoint, s));
  const changed = news.filter((s) => JSON.stringify(s) !== JSON.stringify(before.get(s.endpoint)));
  if (!changed.length) return;
  tell("model", { data: options() });
  tell("version", { data: catalog.add(news[0].endpoint, []) }); // the cards
  // The endpoint in use answers again, or does not any more, or with another model: its predictions are others.
  const turned = changed.some((s) => {
    const old = before.get(s.endpoint);
    return s.endpoint === state.get().model && old && s.state !== "busy" && (old.state !== s.state || old.id !== s.id);
  });
  if (turned) tell("endpoint-news", { data: Date.now() });
};

const look = () => {
  if (document.hidden) return; // nobody looks
  ask("endpoints", { cache: "no-store" }).then(take, () => {}); // a page whose server is gone says so itself
};

// Begin to ask, where there is an endpoint to ask for.
const watch = (offered) => {
  models = offered;
  if (timer || !offered.some((m) => m.endpoint)) return;
  look();
  setTimeout(look, 1500); // the first checks are done by then
  timer = setInterval(look, PAUSE);
  document.addEventListener("visibilitychange", look);
};

export { of, watch };
