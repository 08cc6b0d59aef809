// Places in the search box, once something is typed there: towns by name (dashboard/workspace/ground.py), and coordinates.
import { ask } from "../page/ask.mjs";
import * as finding from "./finding.mjs";

const LEAST = 3; // letters
const REST_MS = 180;
let timer = 0;
let asked = "";

/** Latitude and longitude that a text gives, or null. @param {string} text */
export const coordinates = (text) => {
  const found = text.trim().match(/^([-−]?\d+(?:\.\d+)?)°?\s*([NS]?)[\s,;]+([-−]?\d+(?:\.\d+)?)°?\s*([EW]?)$/i);
  if (!found) return null;
  const value = (number, letter) => Number(number.replace("−", "-")) * (/[SW]/i.test(letter) ? -1 : 1);
  const [lat, lon] = [value(found[1], found[2]), value(found[3], found[4])];
  return Math.abs(lat) <= 85 && Math.abs(lon) <= 180 ? [lat, lon] : null;
};

// Mantine shows what holds the typed letters: a name in letters of its own has the plain ones beside it.
const option = ({ name, plain, country, lat, lon }) => ({
  value: `place:${lat},${lon}`,
  label: [plain.toLowerCase() === name.toLowerCase() ? name : `${name} (${plain})`, country].filter(Boolean).join(", "),
});
const look = async (text) => {
  asked = text;
  const place = coordinates(text);
  if (place) {
    finding.offer([{ value: `place:${place}`, label: `${text} (latitude, longitude)` }]);
    return;
  }
  if (text.trim().length < LEAST) {
    finding.offer([]);
    return;
  }
  const { towns } = await ask(`ground/towns?like=${encodeURIComponent(text)}`).catch(() => ({ towns: [] }));
  if (asked === text) finding.offer(towns.map(option));
};

/** The search box has another text. @param {string} text */
export const typed = (text) => {
  clearTimeout(timer);
  timer = setTimeout(look, REST_MS, text);
};
