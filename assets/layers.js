// The layers of the page: the table of tiles/drawing/layers.py (`SHOWN`, which says what its entries mean), with which the
// page is made.
window.floodscope = window.floodscope || {};

floodscope.layers = (() => {
  const { layers, four } = JSON.parse(document.getElementById("layers-told").textContent);
  const named = new Map(layers.map((layer) => [layer.name, layer]));
  const names = (fits) => layers.filter(fits).map(({ name }) => name);

  return {
    all: layers, of: (name) => named.get(name),
    images: names(({ kind }) => kind === "image"),
    overlays: names(({ kind, strip }) => kind === "overlay" && strip),
    swiped: names(({ swipe }) => swipe),
    four,
  };
})();
