// Dialogs and requests that more than one module needs: elements, the browser's own <dialog>, JSON answers with their errors.
window.floodscope = window.floodscope || {};

floodscope.dialogs = (() => {
  // Make an element: attributes by name, `on` for listeners, `text` for plain text; children are elements or texts.
  const el = (tag, { on = {}, text, ...attributes } = {}, ...children) => {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    });
    Object.entries(on).forEach(([name, listener]) => element.addEventListener(name, listener));
    if (text !== undefined) element.textContent = text;
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  };

  // A modal dialog with a heading and a button that closes it; Escape and the focus are the browser's affair.
  const dialog = (id, title, ...children) => {
    const heading = el("h2", { id: `${id}-title`, text: title });
    const close = el("button", { type: "button", class: "fs-button fs-dialog-close", "aria-label": "Close", text: "×", on: { click: () => box.close() } });
    const box = el("dialog", { id, class: "fs-dialog", "aria-labelledby": `${id}-title` }, el("div", { class: "fs-dialog-head" }, heading, close), ...children);
    document.body.append(box);
    return box;
  };

  // Ask the server; an answer that is an error, or none at all, becomes an Error with the sentence to show.
  const ask = async (url, { method = "GET", json } = {}) => {
    let response;
    try {
      response = await fetch(url, {
        method, headers: { "X-Floodscope": "page", ...(json && { "Content-Type": "application/json" }) }, body: json && JSON.stringify(json),
      });
    } catch {
      throw new Error("The server does not answer: see whether it still runs, and try again.");
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.message || `The server answered ${response.status}: try again.`);
    return answer;
  };

  const say = (place, kind, ...parts) => {
    place.replaceChildren(...parts);
    place.className = kind ? `fs-notice fs-notice-${kind}` : "";
    if (kind === "error") place.setAttribute("role", "alert");
    else place.setAttribute("role", "status");
  };

  // A bar of progress with its words; null hides it.
  const progress = () => {
    const text = el("span");
    const done = el("div", { class: "fs-job-done" });
    const bar = el("div", { class: "fs-job fs-job-now", role: "status", hidden: true }, text, el("div", { class: "fs-job-bar" }, done));
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

  // What the screen shows now, as its address says: chip, model, threshold.
  const screen = () => floodscope.view.parse(window.location.search);

  return { el, dialog, ask, say, progress, megabytes, screen };
})();
