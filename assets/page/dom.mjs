// The one maker of elements: those that the browser makes by itself, in places that Dash leaves empty for it.
// Attributes by name, `text` for plain text, `onclick` and the like for listeners; children are elements, texts or lists of them.
const SVG = "http://www.w3.org/2000/svg";

const put = (element, props, children) => {
  Object.entries(props || {}).forEach(([name, value]) => {
    if (value === null || value === undefined || value === false) return;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "open") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  });
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
};
const make = (tag, props, ...children) => put(document.createElement(tag), props, children);
const svg = (tag, props, ...children) => put(document.createElementNS(SVG, tag), props, children);

// Replace what an element holds; focus and open details of elements with an id stay where they are.
const fill = (place, ...children) => {
  const element = typeof place === "string" ? document.getElementById(place) : place;
  if (!element) return;
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const open = new Map([...element.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  element.replaceChildren(...children.flat().filter(Boolean));
  element.querySelectorAll("details[id]").forEach((one) => {
    if (open.has(one.id)) one.open = open.get(one.id);
  });
  const again = focused && document.getElementById(focused);
  if (again) again.focus();
};

// Have an element hold these children in this order; those that it holds already are not taken out, and keep their focus.
const arrange = (element, children) => {
  [...element.children].filter((child) => !children.includes(child)).forEach((child) => child.remove());
  children.forEach((child, i) => {
    if (element.children[i] !== child) element.insertBefore(child, element.children[i] || null);
  });
};

// A choice of one: [[value, text], ...].
const select = (props, options, value) => {
  const element = make(
    "select",
    { ...props, class: "fs-select" },
    options.map(([key, text]) => make("option", { value: key }, text)),
  );
  element.value = value;
  return element;
};

// A list of terms: [[term, meaning], ...].
const terms = (rows) =>
  make(
    "dl",
    {},
    rows.flatMap(([term, meaning]) => [make("dt", {}, term), make("dd", {}, meaning)]),
  );

// Do something once an element is on the page, with it: Dash draws the page in its own time.
const whenThere = (id, then) => {
  const element = document.getElementById(id);
  if (element) {
    then(element);
    return;
  }
  const watch = new MutationObserver(() => {
    const made = document.getElementById(id);
    if (!made) return;
    watch.disconnect();
    then(made);
  });
  watch.observe(document, { childList: true, subtree: true });
};

export { arrange, fill, make, select, svg, terms, whenThere };
