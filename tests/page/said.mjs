// What Python says of the same things (test_in_node.py writes it).

import { readFileSync } from "node:fs";

export const said = JSON.parse(readFileSync(process.env.SAID, "utf8"));
