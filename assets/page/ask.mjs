// The one asker of the server: JSON answers, and errors with the sentence to show.

/**
 * @param {string} url
 * @param {{method?: string, json?: unknown, cache?: RequestCache}} [how] `json` is sent as the body
 * @returns {Promise<any>} the answer, null where it holds none
 * @throws {Error} with the server's sentence, or what to do where it does not answer
 */
export const ask = async (url, { method, json, cache } = {}) => {
  const headers = { "X-Floodscope": "page", ...(json !== undefined && { "Content-Type": "application/json" }) };
  const body = json === undefined ? undefined : JSON.stringify(json);
  let response;
  try {
    response = await fetch(url, { method: method || (json === undefined ? "GET" : "POST"), headers, body, cache });
  } catch {
    throw new Error("The server does not answer: see whether it still runs, and try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error((answer && answer.message) || `The server answered ${response.status}: try again.`);
  return response.status === 204 ? null : answer;
};
