// Cells that follow the threshold. The grid makes their places; what stands in them is written here, straight into the page:
// React takes five times as long to draw a few hundred cells anew, and the slider waits for them.

import { libraries } from "./bridge.mjs";
import { columns } from "./columns.mjs";
import * as marks from "./marks.mjs";

const cells = new Set(); // of all tables: functions that write one from its row

// A component of ag-grid. make(place, column) fills an empty element and returns what writes a row's figures into it.
const cell =
  (make) =>
  ({ node, colDef }) => {
    const { createElement, useLayoutEffect, useRef } = libraries.React;
    const place = useRef(null);
    useLayoutEffect(() => {
      const write = make(place.current, colDef);
      const one = () => {
        if (node.data) write(node.data);
      };
      cells.add(one);
      one();
      return () => cells.delete(one);
    }, [node, colDef]);
    return createElement("span", { ref: place, className: "fs-live" });
  };

// A text, which the function of that name makes of the row: the one of the column's parameters.
const text = cell((place, { field, cellRendererParams }) => {
  const said = place.appendChild(document.createTextNode(""));
  const format = columns[cellRendererParams.format];
  return (data) => {
    const now = format({ data, value: data[field] });
    if (said.data !== now) said.data = now;
    if (cellRendererParams.marked) marks.markCell(place, data.seen);
  };
});

const write = () => cells.forEach((one) => one());

export { cell, text, write };
