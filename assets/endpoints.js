// The endpoints among the models: how each answers, in the model picker and on its card. The server knows; this asks it.
window.floodscope = window.floodscope || {};

floodscope.endpoints = (() => {
  const PAUSE = 5000;
  const statuses = new Map(); // model spec -> what the server says of it
  let models = [];
  let timer = null;

  const said = (s) => {
    if (!s || s.state === "unchecked") return "asked when chosen";
    if (s.state === "error") return "not reachable";
    if (s.state === "busy") return "asking …";
    return floodscope.words.seconds(s.latency_s);
  };

  // What a card says of an endpoint, laid over what was known of it when the page was made.
  const of = (spec) => {
    const s = statuses.get(spec);
    if (!s) return {};
    const quick = s.state === "ready" && s.latency_s !== null ? `, which answers in ${floodscope.words.seconds(s.latency_s)}` : "";
    return {
      name: s.name, id: s.id === "endpoint" ? null : s.id, threshold: s.threshold, device: `${s.device}${quick}`,
      error: s.state === "error" ? s.message : null,
    };
  };

  const options = () => {
    const item = (m) => ({ value: m.spec, label: m.endpoint ? `${(statuses.get(m.spec) || m).label || m.name} · ${said(statuses.get(m.spec))}` : m.name });
    const group = (name, served) => ({ group: name, items: models.filter((m) => Boolean(m.endpoint) === served).map(item) });
    return [group("On this machine", false), group("Endpoints", true)];
  };

  const chosen = () => new URLSearchParams(window.location.search).get("model");

  const take = (news) => {
    const before = new Map(statuses);
    news.forEach((s) => statuses.set(s.endpoint, s));
    const changed = news.filter((s) => JSON.stringify(s) !== JSON.stringify(before.get(s.endpoint)));
    if (!changed.length) return;
    window.dash_clientside.set_props("model", { data: options() });
    window.dash_clientside.set_props("version", { data: floodscope.book.add(news[0].endpoint, []) }); // the cards
    // The endpoint in use answers again, or does not any more, or with another model: its predictions are others.
    const turned = changed.some((s) => {
      const old = before.get(s.endpoint);
      return s.endpoint === chosen() && old && s.state !== "busy" && (old.state !== s.state || old.id !== s.id);
    });
    if (turned) window.dash_clientside.set_props("endpoint-news", { data: Date.now() });
  };

  const ask = () => {
    if (document.hidden) return; // nobody looks
    fetch("endpoints", { cache: "no-store" }).then((answer) => (answer.ok ? answer.json() : [])).then(take, () => {});
  };

  // Begin to ask, where there is an endpoint to ask for.
  const watch = (offered) => {
    models = offered;
    if (timer || !offered.some((m) => m.endpoint)) return;
    ask();
    setTimeout(ask, 1500); // the first checks are done by then
    timer = setInterval(ask, PAUSE);
    document.addEventListener("visibilitychange", ask);
  };

  return { of, watch, take };
})();
