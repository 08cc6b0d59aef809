// The one asker of the server: answers as JSON or as bytes, and errors with the sentence to show.

/** @typedef {{method?: string, json?: unknown, cache?: RequestCache}} How `json` is sent as the body */

/** @param {string} url @param {How} how @returns {Promise<Response>} */
const send = async (url, { method, json, cache }) => {
  const headers = { "X-Floodscope": "page", ...(json !== undefined && { "Content-Type": "application/json" }) };
  const body = json === undefined ? undefined : JSON.stringify(json);
  try {
    return await fetch(url, { method: method || (json === undefined ? "GET" : "POST"), headers, body, cache });
  } catch {
    throw new Error("The server does not answer: see whether it still runs, and try again.");
  }
};
/** @param {Response} response @param {{message?: string} | null} answer */
const refused = ({ status }, answer) => new Error((answer && answer.message) || `The server answered ${status}: try again.`);

/**
 * @param {string} url
 * @param {How} [how]
 * @returns {Promise<any>} the answer, null where it holds none
 * @throws {Error} with the server's sentence, or what to do where it does not answer
 */
export const ask = async (url, how = {}) => {
  const response = await send(url, how);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw refused(response, answer);
  return response.status === 204 ? null : answer;
};

/** The bytes of an answer; throws as `ask`. @param {string} url @param {How} [how] */
export const bytes = async (url, how = {}) => {
  const response = await send(url, how);
  if (!response.ok) throw refused(response, await response.json().catch(() => ({})));
  return response.arrayBuffer();
};
