// Where two models agree and differ: a tile layer of canvases, made in the browser of the score tiles of both, so that it
// follows the threshold with no request. A canvas is exact: alpha of a score tile is 0 or 255, so no value is rounded.
import { libraries } from "../page/bridge.mjs";
import * as palette from "./palette.mjs";

const SIZE = 512;
const CLASSES = ["dry", "onlyA", "onlyB", "wet"]; // index: A is water + 2 * B is water
const live = new Set(); // layers on the map
let level = 127;

const loaded = (url) =>
  new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(url));
    image.src = url;
  });

// RGBA of an image, as it is in the file.
const pixels = (image) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [SIZE, SIZE];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, SIZE, SIZE).data;
};

// Four colours as the 32 bits that a canvas holds, whatever the byte order.
const colours = () => {
  const bytes = new Uint8ClampedArray(16);
  CLASSES.forEach((name, n) => bytes.set([...palette.COLOURS[name], 255], 4 * n));
  return new Uint32Array(bytes.buffer);
};

const paint = (canvas) => {
  if (!canvas.scores) return;
  const [a, b] = canvas.scores;
  const four = colours();
  const image = new ImageData(SIZE, SIZE);
  const out = new Uint32Array(image.data.buffer);
  for (let i = 0, j = 0; i < out.length; i += 1, j += 4) {
    if (a[j + 3] && b[j + 3]) out[i] = four[(a[j] >= level ? 1 : 0) + (b[j] >= level ? 2 : 0)];
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
};

// The layer of a chip: the addresses of the score tiles of both models.
const layer = (urls, options) => {
  const Grid = libraries.L.GridLayer.extend({
    createTile(coords, done) {
      /** @type {HTMLCanvasElement & {scores?: Uint8ClampedArray[]}} */
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [SIZE, SIZE];
      const at = (url) =>
        url
          .replace("{z}", coords.z - 1)
          .replace("{x}", coords.x)
          .replace("{y}", coords.y);
      Promise.all(urls.map((url) => loaded(at(url)))).then(
        (images) => {
          canvas.scores = images.map(pixels);
          paint(canvas);
          done(null, canvas);
        },
        (error) => done(error, canvas),
      );
      return canvas;
    },
  });
  const made = new Grid({ ...options, className: "fs-difference-layer" });
  return made.on("add", () => live.add(made)).on("remove", () => live.delete(made));
};

const setLevel = (value) => {
  if (value === level) return;
  level = value;
  live.forEach((made) => Object.values(made._tiles).forEach(({ el }) => paint(el)));
};

export { layer, setLevel };
