// Whether the server answers, and does what it is asked. Where it does not answer, the page says so; once it is back, a page that
// has asked for something in vain is loaded anew: the URL holds what was shown, and the server what was predicted.
import { watchRequests } from "./page/bridge.mjs";

const PAUSE = 1500;
let lost = false;
let vain = false; // something was asked for that nobody asks for again
let trouble = null; // why the server cannot do all that it should
let old = false; // the server began anew as another version, or with other models or settings
const OLD = "The server was started anew, as another version or with other settings. Reload the page: it goes on where it is.";

const say = (text) => {
  let bar = document.getElementById("fs-connection");
  if (!bar) {
    bar = document.createElement("div");
    bar.id = "fs-connection";
    bar.setAttribute("role", "alert");
    document.body.append(bar);
  }
  bar.textContent = text;
};

const back = () => {
  if (vain) {
    window.location.reload();
    return;
  }
  lost = false;
  delete document.documentElement.dataset.server;
  troubled(trouble);
};
const knock = () =>
  fetch("healthz", { cache: "no-store" }).then(
    (answer) => (answer.ok ? back() : setTimeout(knock, PAUSE)),
    () => setTimeout(knock, PAUSE),
  );

const gone = () => {
  if (lost) return;
  lost = true;
  document.documentElement.dataset.server = "gone"; // the dot of the model says so too
  say("The floodscope server does not answer. Start it again if it has stopped; this page goes on by itself.");
  setTimeout(knock, PAUSE);
};

const onLost = () => {
  vain = true;
  gone();
};
window.addEventListener("error", ({ target }) => (vain ||= target instanceof HTMLImageElement), true); // a tile leaves a hole

// A question that the page asks by itself has had no answer, or a proxy's: one may be lost on its way, two are none.
export const doubt = () => {
  if (!lost) fetch("healthz", { cache: "no-store" }).then(({ ok }) => ok || gone(), gone);
};

// What Dash asks and may not have done, it tells nobody: the bar says the server's sentence, until Dash is answered again.
const onAnswer = async (answer) => {
  if (lost) return;
  const told =
    answer.status === 403
      ? await answer
          .clone()
          .json()
          .catch(() => ({}))
      : {};
  if (told.message) say(told.message);
  else if (answer.ok && !trouble && !old) document.getElementById("fs-connection")?.remove();
};

/** @param {string | null} sentence why the server cannot do all that it should, null once it can */
export const troubled = (sentence) => {
  trouble = sentence;
  if (lost) return;
  if (trouble) say(`${trouble} This page goes on by itself.`);
  else if (old) say(OLD);
  else document.getElementById("fs-connection")?.remove();
};

/** @param {boolean} other whether the server would give another page by now */
export const outlived = (other) => {
  if (old === other) return;
  old = other;
  troubled(trouble);
};

// A part of the page that a click wanted and that did not come: what asked for it cannot know, as browsers tell it each in its words.
// It is not asked for again, since some of them keep that it failed.
const PART = /dynamically imported module|importing a module script/i;
window.addEventListener("unhandledrejection", ({ reason }) => {
  if (lost || !PART.test(reason?.message)) return;
  say("A part of this page could not be fetched. Reload the page: it goes on where it is.");
});

window.addEventListener("beforeunload", () => {
  lost = true;
}); // requests that a leaving page drops tell nothing
watchRequests({ answered: onAnswer, lost: onLost });
