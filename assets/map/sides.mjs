// What each side of the picture shows: an image, and an overlay of it.
import * as layers from "../page/layers.mjs";
import * as state from "../page/state.mjs";

/** A layer as a side: an image alone, or an overlay over the image. */
export const side = (layer, base) =>
  layers.of(layer).kind === "image" ? { image: layer, overlay: "none" } : { image: base, overlay: layer };

/** What is shown: `main`, or right of the swipe's handle, and `left` of it. */
export const shown = () => {
  const { mode, base, overlay, left, right } = state.get();
  if (mode !== "swipe") return { main: { image: base, overlay }, left: null };
  return { main: side(right, base), left: side(left, base) };
};

/** Whether the image of a side is a grey ground: under errors and differences always, under other overlays by choice. */
export const grounded = ({ overlay }) => layers.of(overlay).grey || (overlay !== "none" && state.get().grey);

/** Whether there is a side whose ground may be chosen. */
export const choosesGround = (some) => some.some(({ overlay }) => overlay !== "none" && !layers.of(overlay).grey);

/** Whether a side's colour is drawn as its outline, and whether there is one that may be. */
export const outlined = ({ overlay }) => layers.of(overlay).outline && state.get().outline;
export const choosesOutline = (some) => some.some(({ overlay }) => layers.of(overlay).outline);

/** Whether model B is part of what is shown. */
export const needsOther = () => Object.values(shown()).some((one) => one && layers.of(one.overlay).models.includes("b"));
