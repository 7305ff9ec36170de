// What moves in the report of a sweep: rows that sort and filter, lines across parameters, curves.
// Without it the page shows all rows and pictures of the same figures.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("sweep-data").textContent);
  const byId = (id) => document.getElementById(id);
  if (!byId("trial-table")) return;

  const MOST_CURVES = 12;
  const DASHES = ["", "6 3", "8 3 2 3", "2 3", "8 2 2 2 2 2", "12 4", "1 4"];
  const n = data.numbers.length;
  const state = {
    sort: null, // {column, descending}
    filters: [], // by column: a function of a row, or undefined
    brushes: data.axes ? data.axes.map(() => null) : [], // by axis: [from, to] or null
    chosen: data.chosen.slice(),
    curve: Object.keys(data.curves.names)[0],
    over: null, // the row under the pointer
    visible: new Array(n).fill(true),
  };

  // ------------------------------------------------------------------ small helpers

  const html = (name, attributes = {}, children = []) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...[].concat(children));
    return made;
  };

  const svg = (name, attributes = {}, parent = null, text = null) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== null) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };

  const short = (value) => (value === null ? "–" : String(Number(value.toPrecision(4))));

  const quantile = (values, share) => {
    const ordered = values.slice().sort((a, b) => a - b);
    const place = share * (ordered.length - 1);
    const low = Math.floor(place);
    const high = Math.min(low + 1, ordered.length - 1);
    return ordered[low] + (place - low) * (ordered[high] - ordered[low]);
  };

  // Round numbers between two, about so many.
  const ticksBetween = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough);
    const ticks = [];
    for (let k = Math.ceil(low / step); k * step <= high; k += 1) ticks.push(k * step);
    return ticks;
  };

  const shortened = (text, limit) => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`);

  // ------------------------------------------------------------------ the table

  const table = byId("trial-table");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows); // by row number, however they are sorted
  const boxes = [];

  const buildTable = () => {
    const heads = Array.from(table.tHead.rows[0].cells);
    const filters = html("tr", { class: "filters" });
    heads.forEach((head, column) => {
      const button = html("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => sortBy(column, head));
      filters.append(html("th", {}, column ? filterOf(column, button.textContent) : []));
    });
    table.tHead.append(filters);
    if (!state.curve) return;
    table.tHead.rows[0].prepend(html("th", { scope: "col", class: "tick" }, "curve"));
    filters.prepend(html("th", { class: "tick" }));
    rows.forEach((row, i) => {
      const box = html("input", { type: "checkbox", "aria-label": `curve of trial ${data.numbers[i]}` });
      box.disabled = Object.keys(data.curves.trials[i]).length === 0;
      box.addEventListener("change", () => choose(i, box.checked));
      boxes[i] = box;
      row.prepend(html("td", { class: "tick" }, box));
    });
  };

  // The text of a cell, without the mark of those that are as good as the best.
  const told = (row, column) =>
    rows[row].cells[column + (state.curve ? 1 : 0)].textContent.replace(" ≈", "");

  const filterOf = (column, title) => {
    const name = { "aria-label": `filter ${title}` };
    const { number, choices } = data.columns[column];
    if (!choices.length) {
      const input = html("input", { ...name, placeholder: number ? "< >" : "part", size: 6 });
      input.addEventListener("input", () => setFilter(column, conditionOf(column, input.value, number)));
      return input;
    }
    const options = choices.map((text) => html("option", { value: text }, shortened(text, 30)));
    const select = html("select", name, [html("option", { value: "" }, "all"), ...options]);
    // A status is followed by its reason.
    const isStatus = column === data.columns.length - 1;
    const kind = (row) => (isStatus ? told(row, column).split(":")[0] : told(row, column));
    select.addEventListener("change", () => {
      const wanted = select.value;
      setFilter(column, wanted === "" ? undefined : (row) => kind(row) === wanted);
    });
    return select;
  };

  // A test of a row by what somebody wrote: 0.5, < 0.01, >= 0.9, 0.1 .. 0.5, or a part of a text.
  const conditionOf = (column, written, isNumber) => {
    const words = written.trim();
    if (words === "") return undefined;
    if (!isNumber) return (row) => told(row, column).toLowerCase().includes(words.toLowerCase());
    const value = (row) => data.columns[column].sort[row];
    const range = words.match(/^(\S+)\s*\.\.\s*(\S+)$/);
    if (range) {
      const [low, high] = [Number(range[1]), Number(range[2])];
      return (row) => value(row) !== null && value(row) >= low && value(row) <= high;
    }
    const [, sign, number] = words.match(/^(<=|>=|<|>|=)?\s*(.*)$/);
    const limit = Number(number);
    if (number === "" || Number.isNaN(limit)) return (row) => told(row, column).includes(words);
    const tests = {
      "<": (v) => v < limit,
      ">": (v) => v > limit,
      "<=": (v) => v <= limit,
      ">=": (v) => v >= limit,
    };
    const test = tests[sign];
    if (!test) return (row) => value(row) === limit || told(row, column) === number;
    return (row) => value(row) !== null && test(value(row));
  };

  const setFilter = (column, test) => {
    state.filters[column] = test;
    apply();
  };

  const sortBy = (column, head) => {
    const again = state.sort && state.sort.column === column;
    // Numbers begin with the greatest, ranks, trials and texts with the first.
    const first = column >= 2 && data.columns[column].number;
    const descending = again ? !state.sort.descending : first;
    state.sort = { column, descending };
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const values = data.columns[column].sort;
    const order = rows.map((_, i) => i).sort((a, b) => {
      if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null) || a - b;
      return (descending ? values[b] - values[a] : values[a] - values[b]) || a - b;
    });
    body.append(...order.map((i) => rows[i]));
    showRows();
  };

  const apply = () => {
    for (let i = 0; i < n; i += 1) {
      const passes = state.filters.every((test) => !test || test(i));
      state.visible[i] = passes && state.brushes.every((brush, axis) => inside(brush, axis, i));
    }
    showRows();
    drawLines();
  };

  const showRows = () => {
    const limit = Number(byId("row-limit").value) || n;
    let found = 0;
    for (const row of body.rows) {
      const passes = state.visible[Number(row.dataset.row)];
      row.hidden = !passes || found >= limit;
      found += passes;
    }
    const shown = Math.min(found, limit);
    byId("row-count").textContent =
      found === n ? `${shown} of ${n} trials` : `${shown} of ${found} trials that match, ${n} in all`;
  };

  const clearFilters = () => {
    for (const field of table.tHead.querySelectorAll(".filters input, .filters select")) field.value = "";
    state.filters = [];
    state.brushes = state.brushes.map(() => null);
    apply();
    drawBrushes();
  };

  const point = (row) => {
    if (row === state.over) return;
    if (state.over !== null) rows[state.over].classList.remove("over");
    state.over = row;
    if (row !== null) rows[row].classList.add("over");
    drawOver();
  };

  // ------------------------------------------------------------------ lines across parameters

  const parallel = { width: 0, height: 400, top: 46, bottom: 24, left: 24, right: 90 };

  const axisX = (axis) => {
    const span = parallel.width - parallel.left - parallel.right;
    return parallel.left + (span * axis) / (data.axes.length - 1);
  };
  const placeY = (place) => {
    const inner = parallel.height - parallel.top - parallel.bottom;
    return parallel.top + inner * (1 - (place + 0.06) / 1.12);
  };
  const yPlace = (y) => {
    const inner = parallel.height - parallel.top - parallel.bottom;
    return (1 - (y - parallel.top) / inner) * 1.12 - 0.06;
  };
  const inside = (brush, axis, row) => {
    if (!brush) return true;
    const place = data.axes[axis].places[row];
    return place !== null && place >= brush[0] && place <= brush[1];
  };
  const hasLine = (row) => data.axes.length > 0 && data.axes[0].places[row] !== null;
  const pathOf = (row) =>
    data.axes
      .map((axis, k) => `${k ? "L" : "M"}${axisX(k).toFixed(1)} ${placeY(axis.places[row]).toFixed(1)}`)
      .join("");

  const buildParallel = () => {
    const figure = byId("parallel-figure");
    if (!figure || data.axes.length < 2) return false;
    parallel.width = Math.max(640, 130 * data.axes.length + 40);
    const root = svg("svg", {
      viewBox: `0 0 ${parallel.width} ${parallel.height}`,
      role: "img",
      "aria-label": "All trials as lines across their parameters",
    });
    parallel.paths = ["#d9d9d9", ...data.shades].map((stroke, k) =>
      svg("path", { fill: "none", stroke, "stroke-width": n > 300 ? 0.8 : 1.4, opacity: k ? 0.8 : 0.5 }, root),
    );
    parallel.best = svg("path", { fill: "none", stroke: "#D55E00", "stroke-width": 3 }, root);
    parallel.over = svg("path", { fill: "none", stroke: "#000", "stroke-width": 2.5 }, root);
    parallel.brushes = svg("g", {}, root);
    data.axes.forEach((axis, k) => drawAxis(root, axis, k));
    root.addEventListener("pointermove", (event) => point(nearest(root, event)));
    root.addEventListener("pointerleave", () => point(null));
    root.addEventListener("click", (event) => {
      const row = nearest(root, event);
      if (row !== null && boxes[row] && !boxes[row].disabled) choose(row, !state.chosen.includes(row));
    });
    figure.append(root);
    parallel.root = root;
    return true;
  };

  const drawAxis = (root, axis, k) => {
    const x = axisX(k);
    const [top, bottom] = [parallel.top, parallel.height - parallel.bottom];
    svg("line", { x1: x, x2: x, y1: top, y2: bottom, stroke: "#1d2329" }, root);
    const anchor = k === 0 ? "start" : "middle";
    const title = svg(
      "text",
      { x: k === 0 ? 2 : x, y: k % 2 ? 16 : 34, "text-anchor": anchor, "font-size": 12, "font-weight": 600, fill: "#1d2329" },
      root,
      shortened(axis.name, 26),
    );
    svg("title", {}, title, axis.name);
    for (const [place, words] of axis.ticks) {
      const text = svg("text", { x: x + 5, y: placeY(place) + 4, "font-size": 11, fill: "#1d2329" }, root, shortened(words, 16));
      // A white edge keeps words legible on lines.
      for (const [key, value] of Object.entries({ stroke: "#fff", "stroke-width": 5, "paint-order": "stroke" }))
        text.setAttribute(key, value);
    }
    const grip = svg(
      "rect",
      { x: x - 14, y: top, width: 28, height: bottom - top, fill: "transparent", style: "cursor: ns-resize; touch-action: none" },
      root,
    );
    brushOn(grip, k);
  };

  // Where the pointer is, in units of the drawing.
  const where = (root, event) => {
    const box = root.getBoundingClientRect();
    const scale = root.viewBox.baseVal.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };

  const brushOn = (grip, axis) => {
    let start = null;
    grip.addEventListener("pointerdown", (event) => {
      start = yPlace(where(parallel.root, event)[1]);
      grip.setPointerCapture(event.pointerId);
    });
    grip.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const end = yPlace(where(parallel.root, event)[1]);
      const isDrag = Math.abs(end - start) > 0.015;
      state.brushes[axis] = isDrag ? [Math.min(start, end), Math.max(start, end)] : null;
      apply();
      drawBrushes();
    });
    grip.addEventListener("pointerup", () => {
      if (state.brushes[axis] === null) apply();
      start = null;
    });
    grip.addEventListener("click", (event) => {
      const place = yPlace(where(parallel.root, event)[1]);
      const brush = state.brushes[axis];
      event.stopPropagation();
      if (brush && (place < brush[0] || place > brush[1])) {
        state.brushes[axis] = null;
        apply();
        drawBrushes();
      }
    });
  };

  const drawBrushes = () => {
    if (!parallel.root) return;
    parallel.brushes.replaceChildren();
    state.brushes.forEach((brush, axis) => {
      if (!brush) return;
      const [y, end] = [placeY(brush[1]), placeY(brush[0])];
      svg(
        "rect",
        { x: axisX(axis) - 7, y, width: 14, height: end - y, fill: "#E69F00", opacity: 0.35, stroke: "#9a6a00" },
        parallel.brushes,
      );
    });
  };

  const drawLines = () => {
    if (!parallel.root) return;
    const parts = parallel.paths.map(() => []);
    const last = data.axes[data.axes.length - 1].places;
    let best = null;
    for (let i = n - 1; i >= 0; i -= 1) {
      if (!hasLine(i)) continue;
      const shade = Math.min(data.shades.length - 1, Math.floor(last[i] * data.shades.length));
      parts[state.visible[i] ? shade + 1 : 0].push(pathOf(i));
      if (state.visible[i] && (best === null || data.means[i] >= data.means[best])) best = i;
    }
    parallel.paths.forEach((path, k) => path.setAttribute("d", parts[k].join("")));
    parallel.best.setAttribute("d", best === null ? "" : pathOf(best));
    drawOver();
  };

  const drawOver = () => {
    const row = state.over;
    if (parallel.root) parallel.over.setAttribute("d", row !== null && hasLine(row) ? pathOf(row) : "");
    const line = byId("parallel-told");
    if (!line) return;
    line.textContent =
      row === null ? "" : `Trial ${data.numbers[row]}: ${data.score} ${short(data.means[row])}; ${data.words[row]}`;
  };

  // The visible line nearest to the pointer, if one is near.
  const nearest = (root, event) => {
    const [x, y] = where(root, event);
    const steps = data.axes.length - 1;
    const along = ((x - axisX(0)) / (axisX(steps) - axisX(0))) * steps;
    const left = Math.min(steps - 1, Math.max(0, Math.floor(along)));
    const share = Math.min(1, Math.max(0, along - left));
    if (along < -0.2 || along > steps + 0.2) return null;
    let [found, distance] = [null, 14];
    for (let i = 0; i < n; i += 1) {
      if (!state.visible[i] || !hasLine(i)) continue;
      const [a, b] = [data.axes[left].places[i], data.axes[left + 1].places[i]];
      const away = Math.abs(placeY(a + (b - a) * share) - y);
      if (away < distance) [found, distance] = [i, away];
    }
    return found;
  };

  // ------------------------------------------------------------------ learning curves

  const chart = { width: 860, height: 360, left: 64, right: 16, top: 14, bottom: 44 };

  const buildCurves = () => {
    const figure = byId("curve-figure");
    if (!figure || !state.curve) return false;
    const select = byId("curve-name");
    for (const [name, words] of Object.entries(data.curves.names)) select.append(html("option", { value: name }, words));
    select.addEventListener("change", () => {
      state.curve = select.value;
      drawCurves(null);
    });
    byId("curve-reset").addEventListener("click", () => chooseAll(data.chosen.slice()));
    byId("curve-clear").addEventListener("click", () => chooseAll([]));
    chart.root = svg("svg", {
      viewBox: `0 0 ${chart.width} ${chart.height}`,
      role: "img",
      "aria-label": "Learning curves of the chosen trials",
    });
    chart.root.addEventListener("pointermove", (event) => drawRule(where(chart.root, event)[0]));
    chart.root.addEventListener("pointerleave", () => drawRule(null));
    figure.append(chart.root);
    return true;
  };

  const choose = (row, wanted) => {
    const others = state.chosen.filter((one) => one !== row);
    chooseAll(wanted ? [...others, row].slice(-MOST_CURVES) : others);
  };

  const chooseAll = (chosen) => {
    state.chosen = chosen;
    boxes.forEach((box, i) => {
      box.checked = chosen.includes(i);
    });
    drawCurves();
  };

  // Epochs and values of a row; epochs lie at even distances, as far as whole numbers can.
  const curveOf = (row) => {
    const found = data.curves.trials[row][state.curve];
    if (!found) return null;
    const [first, last, values] = found;
    const step = values.length > 1 ? (last - first) / (values.length - 1) : 0;
    return { epochs: values.map((_, k) => Math.round(first + k * step)), values };
  };

  // The heights between which the curves lie, but for first epochs and curves far away.
  const limitsOf = (curves) => {
    const all = curves.map((curve) => curve.values.filter((v) => v !== null)).filter((v) => v.length);
    if (!all.length) return [0, 1];
    const each = all.map((values) => [0.05, 0.5, 0.95].map((share) => quantile(values, share)));
    const middles = each.map((q) => q[1]);
    const [first, third] = [quantile(middles, 0.25), quantile(middles, 0.75)];
    const reach = 10 * Math.max(third - first, quantile(each.map((q) => q[2] - q[0]), 0.5)) || Infinity;
    const isNear = middles.map((middle) => middle >= first - reach && middle <= third + reach);
    const low = Math.min(...each.filter((_, k) => isNear[k]).map((q) => q[0]));
    const high = Math.max(...each.filter((_, k) => isNear[k]).map((q) => q[2]));
    const edge = 0.15 * (high - low) || 0.5;
    const near = all.filter((_, k) => isNear[k]).flat();
    const least = near.reduce((a, b) => Math.min(a, b));
    const most = near.reduce((a, b) => Math.max(a, b));
    return [Math.max(low - edge, least - edge / 3), Math.min(high + edge, most + edge / 3)];
  };

  const drawCurves = () => {
    if (!chart.root) return;
    chart.root.replaceChildren();
    chart.lines = state.chosen
      .map((row, k) => ({ row, curve: curveOf(row), colour: data.palette[k % data.palette.length], dash: DASHES[k % DASHES.length] }))
      .filter((line) => line.curve !== null);
    const words = data.curves.names[state.curve];
    const { width, height, left, right, top, bottom } = chart;
    if (!chart.lines.length) {
      drawLegend(() => true);
      svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle", fill: "#59636e" }, chart.root, "No trial with this curve is chosen.");
      return;
    }
    const [low, high] = limitsOf(chart.lines.map((line) => line.curve));
    drawLegend((line) => line.curve.values.some((value) => value !== null && value >= low && value <= high));
    const most = Math.max(...chart.lines.map((line) => line.curve.epochs[line.curve.epochs.length - 1]));
    const least = Math.min(...chart.lines.map((line) => line.curve.epochs[0]));
    chart.x = (epoch) => left + ((width - left - right) * (epoch - least)) / Math.max(1, most - least);
    chart.y = (value) => top + (height - top - bottom) * (1 - (value - low) / (high - low));
    chart.span = [least, most];
    const grey = { "font-size": 12, fill: "#1d2329" };
    for (const tick of ticksBetween(low, high, 5)) {
      svg("line", { x1: left, x2: width - right, y1: chart.y(tick), y2: chart.y(tick), stroke: "#e3e3e3" }, chart.root);
      svg("text", { x: left - 6, y: chart.y(tick) + 4, "text-anchor": "end", ...grey }, chart.root, short(tick));
    }
    const whole = ticksBetween(least, Math.max(most, least + 1), 8).filter((tick) => Number.isInteger(tick));
    for (const tick of whole.length ? whole : [least])
      svg("text", { x: chart.x(tick), y: height - bottom + 18, "text-anchor": "middle", ...grey }, chart.root, String(tick));
    svg("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle", ...grey }, chart.root, "epoch");
    svg("text", { x: 14, y: (top + height - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(top + height - bottom) / 2})`, ...grey }, chart.root, words);
    const clip = svg("clipPath", { id: "curve-clip" }, chart.root);
    svg("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom }, clip);
    for (const line of chart.lines) {
      const points = line.curve.epochs
        .map((epoch, k) => [epoch, line.curve.values[k]])
        .filter(([, value]) => value !== null)
        // Far beyond the edge is as good as anywhere there, and no number is too great to draw.
        .map(([epoch, value]) => [chart.x(epoch), Math.max(-9999, Math.min(9999, chart.y(value)))]);
      const d = points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
      svg("path", { d, fill: "none", stroke: line.colour, "stroke-width": 2, "stroke-dasharray": line.dash, "clip-path": "url(#curve-clip)" }, chart.root);
      if (points.length === 1) svg("circle", { cx: points[0][0], cy: points[0][1], r: 4, fill: line.colour }, chart.root);
    }
    svg("path", { d: `M${left} ${top}V${height - bottom}H${width - right}`, fill: "none", stroke: "#1d2329" }, chart.root);
    chart.rule = svg("line", { y1: top, y2: height - bottom, stroke: "#59636e", visibility: "hidden" }, chart.root);
  };

  const drawLegend = (isVisible) => {
    const legend = byId("curve-legend");
    legend.replaceChildren();
    for (const line of chart.lines) {
      const swatch = svg("svg", { width: 34, height: 12, "aria-hidden": "true" });
      svg("line", { x1: 1, x2: 33, y1: 6, y2: 6, stroke: line.colour, "stroke-width": 2.5, "stroke-dasharray": line.dash }, swatch);
      line.value = html("span", { class: "value" });
      const far = isVisible(line) ? "" : " (too far away for the picture)";
      const words = `trial ${data.numbers[line.row]}, ${data.score} ${short(data.means[line.row])}: ${data.words[line.row]}${far}`;
      const away = html("button", { type: "button", "aria-label": `take trial ${data.numbers[line.row]} away` }, "×");
      away.addEventListener("click", () => choose(line.row, false));
      legend.append(html("li", {}, [swatch, html("span", {}, words), line.value, away]));
    }
  };

  // A rule at an epoch, and beside the names what each curve has there.
  const drawRule = (x) => {
    if (!chart.lines || !chart.lines.length) return;
    const [least, most] = chart.span;
    const inner = chart.width - chart.left - chart.right;
    const epoch = x === null ? null : Math.round(least + ((x - chart.left) / inner) * (most - least));
    const isInside = epoch !== null && epoch >= least && epoch <= most;
    chart.rule.setAttribute("visibility", isInside ? "visible" : "hidden");
    if (isInside) for (const end of ["x1", "x2"]) chart.rule.setAttribute(end, chart.x(epoch));
    for (const line of chart.lines) {
      line.value.textContent = "";
      if (!isInside) continue;
      const { epochs, values } = line.curve;
      let place = 0;
      epochs.forEach((one, k) => {
        if (Math.abs(one - epoch) < Math.abs(epochs[place] - epoch)) place = k;
      });
      line.value.textContent = `${short(values[place])} in epoch ${epochs[place]}`;
    }
  };

  // ------------------------------------------------------------------ all together

  buildTable();
  buildParallel();
  buildCurves();
  byId("row-limit").addEventListener("change", showRows);
  byId("filter-clear").addEventListener("click", clearFilters);
  body.addEventListener("pointerover", (event) => {
    const row = event.target.closest("tr");
    point(row ? Number(row.dataset.row) : null);
  });
  body.addEventListener("pointerleave", () => point(null));
  document.documentElement.classList.add("moves");
  apply();
  chooseAll(state.chosen);
})();
