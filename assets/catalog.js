// The catalog of an open page follows the server's, which others change too: they send images, and remove them.
window.floodscope = window.floodscope || {};

floodscope.catalog = (() => {
  const PAUSE_MS = 3000;
  const pages = new BroadcastChannel("floodscope-catalog"); // those of this browser need not wait
  let asking = null; // the question on its way

  // Take the server's catalog where it is another than the page has. Who asks meanwhile waits for the next answer: what is
  // on its way may be from before that.
  const once = async () => {
    const { version } = floodscope.book.info;
    const answer = await fetch(`uploads/catalog?since=${encodeURIComponent(version || "")}`, { cache: "no-store" });
    if (answer.status !== 200) return; // the same, or a server in trouble: asked again soon
    window.dash_clientside.set_props("catalog-in", { data: await answer.json() });
  };
  const renew = async ({ tell = false } = {}) => {
    while (asking) await asking.catch(() => {});
    asking = once().finally(() => { asking = null; });
    await asking;
    if (tell) pages.postMessage("changed");
  };
  const quietly = () => renew().catch(() => { /* a page whose server is gone says so itself */ });

  // Nobody looks at a hidden page; it asks when it is seen again.
  const look = () => { if (!document.hidden && !asking && floodscope.book.version) quietly(); };
  pages.onmessage = quietly;
  setInterval(look, PAUSE_MS);
  document.addEventListener("visibilitychange", look);

  return { renew, look };
})();
