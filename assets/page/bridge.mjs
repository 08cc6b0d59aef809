// The one way to Dash and to the libraries that it brings: nothing else here knows a global name.

/**
 * @typedef {object} Brought what Dash and its libraries put into the window
 * @property {any} dash_clientside
 * @property {any} dash_ag_grid
 * @property {any} dashAgGridFunctions
 * @property {any} dashAgGridComponentFunctions
 * @property {any} DashRenderer
 * @property {any} L
 * @property {any} React
 * @property {any} ReactDOM
 */
const page = /** @type {Window & Brought} */ (/** @type {unknown} */ (window));

/** Set properties of a component, as a callback would. @type {(id: string, props: Record<string, unknown>) => void} */
export const tell = (id, props) => page.dash_clientside.set_props(id, props);

/** What a callback returns to leave an output as it is. */
export const same = () => page.dash_clientside.no_update;

/** What the running callback was called with: inputs_list, states_list, outputs_list, triggered. */
export const context = () => page.dash_clientside.callback_context;

/**
 * Hand functions over by the name under which the server's side has them (dashboard/page/wiring.py): "floodscope" are callbacks,
 * "leaflet" what dash-leaflet calls.
 * @param {"floodscope" | "leaflet"} name
 * @param {Record<string, Function>} functions
 */
export const offer = (name, functions) => {
  page.dash_clientside = page.dash_clientside || {};
  page.dash_clientside[name] = { ...page.dash_clientside[name], ...functions };
};

/** Functions and components that columns of the tables name (dashboard/page/layout/tables.py). */
/** @param {Record<string, Function>} functions @param {Record<string, Function>} components */
export const offerToTables = (functions, components) => {
  page.dashAgGridFunctions = Object.assign(page.dashAgGridFunctions || {}, functions);
  page.dashAgGridComponentFunctions = Object.assign(page.dashAgGridComponentFunctions || {}, components);
};

/** @type {Promise<void> | null} */
let tables = null;
/** Have the script of the tables: it is fetched when they are first wanted. @throws {Error} with what to do where it is lost */
export const bringTables = () => {
  tables ||= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = /** @type {HTMLElement} */ (document.getElementById("tables-script")).dataset.src || "";
    script.onload = () => done();
    script.onerror = () => {
      tables = null;
      script.remove();
      failed(new Error("The table's script could not be loaded: open the tab again, or reload the page."));
    };
    document.head.append(script);
  });
  return tables;
};

/** A table, or null as long as its tab was not opened and its script has not come. */
/** @param {string} id */
export const table = (id) => {
  try {
    return page.dash_ag_grid.getApi(id) || null;
  } catch {
    return null;
  }
};

/** Leaflet and React, which dash-leaflet and Dash bring; there once the page is drawn. */
export const libraries = {
  get L() {
    return page.L;
  },
  get React() {
    return page.React;
  },
  /** @param {Element} element */
  createRoot: (element) => page.ReactDOM.createRoot(element),
};

/** Have React draw in this very frame: it would wait for the next. */
/** @param {() => unknown} then */
export const atOnce = (then) => (page.ReactDOM && page.ReactDOM.flushSync ? page.ReactDOM.flushSync(then) : then());

/**
 * Hear of Dash's own requests: their answers, and that nobody listens (a network error; an HTTP error is an answer).
 * @param {{answered: (answer: Response) => unknown, lost: () => unknown}} hear
 */
export const watchRequests = ({ answered, lost }) => {
  const ask = window.fetch.bind(window);
  const ofDash = (/** @type {any[]} */ [what]) => String(what.url || what).includes("_dash-update-component");
  window.fetch = (...request) =>
    ask(...request).then(
      (answer) => {
        if (ofDash(request)) answered(answer);
        return answer;
      },
      (error) => {
        if (error.name !== "AbortError" && ofDash(request)) lost();
        throw error;
      },
    );
};

/** Have Dash begin: its scripts are there, and what it calls by name is offered. */
export const begin = () => {
  new page.DashRenderer();
};
