// Elements that are drawn anew again and again: React, which Dash brings, keeps of a place what stays as it is, and its focus.
// A Dash component there would be told of every change anywhere: each new one costs as much as all that are on the page.
import { atOnce, libraries } from "./bridge.mjs";
import { whenThere } from "./dom.mjs";

/** Elements by their names, `html.Div(props, ...children)`. @type {Record<string, (props: object, ...children: unknown[]) => object>} */
export const html = new Proxy(
  {},
  {
    get:
      (_, /** @type {string} */ type) =>
      (/** @type {object} */ props, /** @type {unknown[]} */ ...children) =>
        libraries.React.createElement(type.toLowerCase(), props, ...children),
  },
);

/** @type {Map<string, {children: unknown[], root: any}>} by the place's id */
const places = new Map();

/** Draw into a place that Dash leaves empty; at once, or as soon as the place is there. */
/** @param {string} id @param {unknown[]} children texts, and elements of `html` */
export const draw = (id, ...children) => {
  const known = places.get(id);
  if (known) known.children = children;
  else places.set(id, { children, root: null });
  whenThere(id, (element) => {
    const place = /** @type {{children: unknown[], root: any}} */ (places.get(id));
    place.root ||= libraries.createRoot(element);
    atOnce(() => place.root.render(libraries.React.createElement(libraries.React.Fragment, null, ...place.children)));
  });
};
