// What the first picture does not wait for: ways to use the page, what is folded or behind a tab or a button.

import "./keys.mjs";
import "./panel/inspector.mjs";
import "./panel/takeaway.mjs";
import "./panel/transforms.mjs";
import "./panel/news.mjs";
import "./panel/uploads.mjs";
import * as explore from "./review/explore.mjs";
import * as models from "./review/models.mjs";
import * as workbench from "./review/workbench.mjs";

workbench.add({ explore: explore.show, models: models.show });
