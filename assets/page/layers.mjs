// The layers of the page: the table of tiles/drawing/layers.py (`SHOWN`, which says what its entries mean), with which the
// page is made.
const { layers, four, basemap, hosts } = JSON.parse(document.getElementById("layers-told").textContent);
const named = new Map(layers.map((layer) => [layer.name, layer]));
const names = (fits) => layers.filter(fits).map(({ name }) => name);

export const all = layers;
export const of = (name) => named.get(name);
export const images = names(({ kind }) => kind === "image");
export const overlays = names(({ kind, strip }) => kind === "overlay" && strip);
export const swiped = names(({ swipe }) => swipe);
export { basemap, four, hosts };
