// Styles that come with what needs them, in place of the first visit.
import { make } from "./dom.mjs";

const [, version] = import.meta.url.match(/modules\/([^/]+)\//);

/** Have a sheet of assets/ on the page; done when it holds. @param {string} name */
export const styled = async (name) => {
  const href = new URL(`../../../assets/${name}?m=${version}`, import.meta.url).href;
  const sheet = make("link", { rel: "stylesheet", href });
  const there = new Promise((done) => ["load", "error"].forEach((end) => sheet.addEventListener(end, done, { once: true })));
  document.head.append(sheet);
  await there;
};
