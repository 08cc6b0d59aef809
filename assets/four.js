// Four maps of one chip side by side: false colour, truth, prediction, errors. They move together, and take the main
// map along, which lies below and keeps the view that the address of the page holds.
window.floodscope = window.floodscope || {};

floodscope.four = (() => {
  const NEARER = 1; // a cell is half as wide as the map, so it shows the same at one zoom less
  let maps = [];
  let moving = false;

  const cells = () => [...document.querySelectorAll("#four-up .fs-four-cell")];
  const shown = () => maps.length > 0;
  const main = () => floodscope.map.leaflet;

  const follow = (from) => {
    if (moving) return;
    moving = true;
    const [centre, zoom] = [from.getCenter(), from.getZoom() + (from === main() ? -NEARER : 0)];
    maps.forEach((map) => { if (map !== from) map.setView(centre, zoom, { animate: false }); });
    if (from !== main()) main().setView(centre, zoom + NEARER, { animate: false });
    moving = false;
  };

  const followMain = () => follow(main());

  // A cross in every cell, where the pointer is in one of them.
  const point = (latlng) => maps.forEach((map) => {
    if (!latlng) { map.cross.remove(); return; }
    map.cross.setLatLng(latlng).addTo(map);
  });

  const make = (cell) => {
    const name = cell.querySelector(".fs-four-name").textContent;
    const map = window.L.map(cell.querySelector(".fs-four-map"), {
      zoomControl: false, attributionControl: false, fadeAnimation: false, zoomAnimation: false, minZoom: 1, maxZoom: 19, inertia: false,
    });
    ["imagery", "scores", "marks"].forEach((pane, n) => { map.createPane(pane).style.zIndex = 310 + 10 * n; });
    const container = map.getContainer();
    container.setAttribute("role", "application");
    container.setAttribute("aria-label", `${name}; moves with the other three maps`);
    map.cross = window.L.marker([0, 0], { interactive: false, keyboard: false, icon: window.L.divIcon({ className: "fs-cross", iconSize: [15, 15] }) });
    map.setView(main().getCenter(), Math.max(1, main().getZoom() - NEARER), { animate: false });
    map.on("move", () => follow(map));
    map.on("mousemove", (event) => point(event.latlng));
    map.on("mouseout", () => point(null));
    floodscope.inspect.watch(map);
    return map;
  };

  // Put the tiles of the open chip on all four: the ones that the main map has asked for already.
  const fill = (wanted) => maps.forEach((map, n) => {
    const layer = cells()[n].dataset.layer;
    ["imagery", "scores"].forEach((pane) => {
      const want = pane === "scores" && layer === "composite" ? null : wanted[pane];
      map.held = map.held || {};
      if (map.held[pane] && want && map.held[pane].url === want.url) return;
      if (map.held[pane]) map.held[pane].layer.remove();
      delete map.held[pane];
      if (want) map.held[pane] = { url: want.url, layer: floodscope.tiles.layerOf(pane, want.chip, want.url).addTo(map) };
    });
  });

  const open = () => {
    if (shown() || !main()) return;
    document.getElementById("four-up").hidden = false;
    maps = cells().map(make);
    main().on("move", followMain);
    floodscope.tiles.again();
    floodscope.inspect.mark();
  };
  const close = () => {
    if (!shown()) return;
    main().off("move", followMain);
    maps.forEach((map) => map.remove());
    maps = [];
    document.getElementById("four-up").hidden = true;
  };
  const update = () => (floodscope.look.now.mode === "four" ? open() : close());

  // The cells end above the strip, whose height depends on what stands in it.
  const install = () => new ResizeObserver(([entry]) => {
    document.documentElement.style.setProperty("--fs-strip-height", `${Math.ceil(entry.borderBoxSize[0].blockSize)}px`);
    maps.forEach((map) => map.invalidateSize({ pan: false }));
  }).observe(document.getElementById("layer-strip"));

  return { install, update, fill, shown, get maps() { return maps; }, invalidate: () => maps.forEach((map) => map.invalidateSize({ pan: false })) };
})();
