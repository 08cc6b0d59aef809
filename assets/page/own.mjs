// Layers of a person's own: what one is, how the link has it, what is asked for, and whether that may be. Knows no page.
// In the link and the state a layer is a text, "kind~opacity~place~name~attribution~address", and files stand there by their name.

/**
 * @typedef {"xyz" | "wms" | "geojson" | "file"} Kind
 * @typedef {object} Own
 * @property {Kind} kind
 * @property {number} opacity in per cent
 * @property {boolean} on whether it is shown
 * @property {boolean} under whether it lies under the image, or over what is over that
 * @property {string} name
 * @property {string} attribution whom to name on the map, as plain text
 * @property {string} address of its tiles, its service or its file; of a file from the person's disk ""
 */

/** @type {Record<Kind, string>} */
export const KINDS = {
  file: "GeoJSON from your disk",
  xyz: "Tiles (XYZ)",
  wms: "WMS",
  geojson: "GeoJSON at an address",
};
export const MOST = 12;
/** @type {Record<"name" | "attribution" | "address", number>} */
export const LETTERS = { name: 80, attribution: 200, address: 1000 };
const PLACES = ["over", "under"];
const OFF = "-off";

/** Text on one line, without what parts a layer's text, and no longer than it may be. */
const plain = (/** @type {string} */ text, /** @type {number} */ letters) =>
  text
    .replace(/[\s~]+/g, " ")
    .trim()
    .slice(0, letters);

/** @param {Own} own */
export const write = ({ kind, opacity, on, under, name, attribution, address }) =>
  [
    kind,
    Math.round(opacity),
    `${under ? "under" : "over"}${on ? "" : OFF}`,
    plain(name, LETTERS.name),
    plain(attribution, LETTERS.attribution),
    address,
  ].join("~");

/** @param {string} text @returns {Own | null} null where it is not understood */
export const read = (text) => {
  const [kind, opacity, place = "", name = "", attribution = "", ...rest] = text.split("~");
  const address = rest.join("~");
  const where = place.replace(OFF, "");
  const known = Object.hasOwn(KINDS, kind) && PLACES.includes(where) && /^\d{1,3}$/.test(opacity) && Number(opacity) <= 100;
  const long = name.length > LETTERS.name || attribution.length > LETTERS.attribution || address.length > LETTERS.address;
  if (!known || long || !name.trim() || (kind === "file") !== (address === "")) return null;
  return {
    kind: /** @type {Kind} */ (kind),
    opacity: Number(opacity),
    on: !place.endsWith(OFF),
    under: where === "under",
    name,
    attribution,
    address,
  };
};

/** What makes it the layer that it is, however it is shown. @param {Own} own */
export const keyOf = ({ kind, name, address }) => (kind === "file" ? `file ${name}` : `${kind} ${address}`);

/**
 * The layers that texts say, the uppermost first, each once; where a text is not understood, `own` is null.
 * @param {readonly string[]} texts
 * @returns {{key: string, text: string, own: Own | null}[]}
 */
export const entriesOf = (texts) => {
  const found = new Map();
  texts.slice(0, MOST).forEach((text) => {
    const own = read(text);
    const key = own ? keyOf(own) : `? ${text}`;
    if (!found.has(key)) found.set(key, { key, text, own });
  });
  return [...found.values()];
};

const HOLES = /\{[^}]*\}/g;
/** @param {string} address @returns {URL | null} */
const urlOf = (address) => {
  try {
    const url = new URL(address.replace(HOLES, "0"));
    return /^https?:$/.test(url.protocol) && url.hostname ? url : null;
  } catch {
    return null;
  }
};
/** The host of an address, as --layer-host takes it. @param {URL} url */
const optionOf = ({ protocol, host }) => (protocol === "https:" ? host : `${protocol}//${host}`);

/**
 * What keeps a layer from being asked for, as a sentence; "" where nothing does.
 * @param {Pick<Own, "kind" | "address">} own
 * @param {readonly string[]} origins that may be asked
 */
export const problemOf = ({ kind, address }, origins) => {
  if (kind === "file") return "";
  const url = urlOf(address);
  if (!url) return "This is no address: it begins with https://, as https://tiles.example.org/….";
  if (url.username || url.password)
    return "This address holds a name or a password, which would stand in the link: give one without.";
  if (/[{}]/.test(address.split("/").slice(0, 3).join("/"))) return "Name one host: a part of it in braces cannot be allowed.";
  const holes = (address.match(HOLES) || []).map((hole) => hole.slice(1, -1).replace("-y", "y")).sort();
  if (kind === "xyz" && holes.join() !== "x,y,z")
    return "The address of tiles has {z}, {x} and {y} in it (or {-y}, for rows from the south), once each, and nothing else in braces.";
  if (kind === "wms" && !wmsOf(address).params.layers)
    return "Say which layers of the WMS: their names are in its GetCapabilities.";
  if (!origins.includes(url.origin))
    return `This server does not let the page ask ${url.host}. Ask whoever runs it to start it with --layer-host ${optionOf(url)}.`;
  return "";
};

/** Which hosts may be asked, in words. @param {readonly string[]} origins those that the operator named */
export const allowed = (origins) => {
  if (!origins.length)
    return "This server lets the page ask nobody else, so layers are of your own files. For tiles, WMS or GeoJSON of a server, ask whoever runs it to start it with --layer-host HOST.";
  const hosts = origins.map((origin) => optionOf(new URL(origin)));
  return `Allowed hosts: ${hosts.join(", ")}. For another, ask whoever runs this server to start it with --layer-host HOST too.`;
};

const MADE_HERE = new Set(["service", "request", "bbox", "width", "height", "srs", "crs", "format", "transparent"]);
/**
 * A WMS by its address, which says layers, styles and version as its own requests do: what is asked of whom.
 * @param {string} address
 */
export const wmsOf = (address) => {
  const [base, search = ""] = address.split("?");
  const rest = new URLSearchParams();
  /** @type {Record<string, string>} */
  const said = {};
  new URLSearchParams(search).forEach((value, name) => {
    const low = name.toLowerCase();
    if (["layers", "styles", "version"].includes(low)) said[low] = value;
    else if (!MADE_HERE.has(low)) rest.append(name, value);
  });
  const params = {
    layers: said.layers || "",
    styles: said.styles || "",
    version: said.version === "1.1.1" ? "1.1.1" : "1.3.0",
    format: "image/png",
    transparent: true,
  };
  return { url: `${base}${rest.size ? `?${rest}` : ""}`, params };
};

/** The address of a WMS with its layers and version in it. @param {string} address @param {string} layers @param {string} version */
export const wmsWith = (address, layers, version) => {
  const { url, params } = wmsOf(address);
  const query = new URLSearchParams({
    LAYERS: layers.trim() || params.layers,
    ...(params.styles && { STYLES: params.styles }),
    VERSION: version,
  });
  return `${url}${url.includes("?") ? "&" : "?"}${query}`;
};
