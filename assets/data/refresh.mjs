// The catalog of an open page follows the server's, which others change too: they send images, and remove them.
import { ask } from "../page/ask.mjs";
import { tell } from "../page/bridge.mjs";
import * as catalog from "./catalog.mjs";

const PAUSE_MS = 3000;
const pages = new BroadcastChannel("floodscope-catalog"); // those of this browser need not wait
let asking = null; // the question on its way

// Take the server's catalog where it is another than the page has. Who asks meanwhile waits for the next answer: what is
// on its way may be from before that.
const once = async () => {
  const { version } = catalog.info;
  const answer = await ask(`uploads/catalog?since=${encodeURIComponent(version || "")}`, { cache: "no-store" });
  if (answer) tell("catalog-in", { data: answer }); // else it is the same
};
const renew = async ({ others = false } = {}) => {
  while (asking) await asking.catch(() => {});
  asking = once().finally(() => {
    asking = null;
  });
  await asking;
  if (others) pages.postMessage("changed");
};
const quietly = () =>
  renew().catch(() => {
    /* a page whose server is gone says so itself */
  });

// Nobody looks at a hidden page; it asks when it is seen again.
const look = () => {
  if (!document.hidden && !asking && catalog.version) quietly();
};
pages.onmessage = quietly;
setInterval(look, PAUSE_MS);
document.addEventListener("visibilitychange", look);

export { look, renew };
