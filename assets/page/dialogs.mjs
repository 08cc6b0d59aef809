// What dialogs have in common: the browser's own <dialog>, what is said in it, and how far a task is.
import { make } from "./dom.mjs";

// A modal dialog with a heading and a button that closes it; Escape and the focus are the browser's affair.
const dialog = (id, title, ...children) => {
  const heading = make("h2", { id: `${id}-title`, text: title });
  const close = make("button", {
    type: "button",
    class: "fs-button fs-dialog-close",
    "aria-label": "Close",
    text: "×",
    onclick: () => box.close(),
  });
  const box = make(
    "dialog",
    { id, class: "fs-dialog", "aria-labelledby": `${id}-title` },
    make("div", { class: "fs-dialog-head" }, heading, close),
    ...children,
  );
  document.body.append(box);
  return box;
};

const say = (place, kind, ...parts) => {
  place.replaceChildren(...parts);
  place.className = kind ? `fs-notice fs-notice-${kind}` : "";
  if (kind === "error") place.setAttribute("role", "alert");
  else place.setAttribute("role", "status");
};

// A bar of progress with its words; null hides it.
const progress = () => {
  const text = make("span");
  const done = make("div", { class: "fs-job-done" });
  const bar = make(
    "div",
    { class: "fs-job fs-job-now", role: "status", hidden: true },
    text,
    make("div", { class: "fs-job-bar" }, done),
  );
  const show = (words, share = 0) => {
    bar.hidden = words === null;
    if (words !== null && text.textContent !== words) text.textContent = words;
    done.style.width = `${Math.round(100 * share)}%`;
  };
  return { bar, show };
};

const megabytes = (bytes) => {
  const value = bytes < 1073741824 ? bytes / 1048576 : bytes / 1073741824;
  return `${value < 9.95 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value)}\u2009${bytes < 1073741824 ? "MiB" : "GiB"}`;
};

export { dialog, megabytes, progress, say };
