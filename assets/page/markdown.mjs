// Model cards, which are Markdown: headings, paragraphs, lists, tables, bold and code. Text stays text: no HTML, no links.
import { make } from "./dom.mjs";

const inline = (text) =>
  text
    .split(/(\*\*[^*]+\*\*|`[^`]+`)/)
    .filter(Boolean)
    .map((part) => {
      if (part.startsWith("**")) return make("strong", {}, part.slice(2, -2));
      if (part.startsWith("`")) return make("code", {}, part.slice(1, -1));
      return part.replace(/!\[[^\]]*\]\([^)]*\)/g, "");
    });
const cells = (line) =>
  line
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

// Elements of a text; `top` is the level of its first heading.
const render = (text, top = 3) =>
  text
    .trim()
    .split(/\n{2,}/)
    .map((block) => {
      const lines = block.split("\n");
      const heading = /^(#+) (.*)/.exec(lines[0]);
      if (heading) return make(`h${Math.min(6, top + heading[1].length - 1)}`, {}, inline(heading[2]));
      if (lines.every((line) => line.startsWith("- ")))
        return make(
          "ul",
          {},
          lines.map((line) => make("li", {}, inline(line.slice(2)))),
        );
      if (lines.length > 1 && /^\|[-|: ]+\|$/.test(lines[1])) {
        return make(
          "div",
          { class: "fs-scroll", tabindex: 0, role: "region", "aria-label": "Scores" },
          make(
            "table",
            { class: "fs-table" },
            make(
              "thead",
              {},
              make(
                "tr",
                {},
                cells(lines[0]).map((cell) => make("th", { scope: "col" }, cell || "Region")),
              ),
            ),
            make(
              "tbody",
              {},
              lines.slice(2).map((line) =>
                make(
                  "tr",
                  {},
                  cells(line).map((cell) => make("td", {}, inline(cell))),
                ),
              ),
            ),
          ),
        );
      }
      return make("p", {}, inline(lines.join(" ")));
    });

export { render };
