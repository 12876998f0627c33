/* A figure drawn from its data, read by mouse, touch or keyboard, saved as SVG or PNG.
 *
 * decodePage.chart(place, spec); spec is
 *   name      of the file that is saved
 *   title     what it shows, one sentence; also its name for those who do not see it
 *   x, y      {label, log, categories, low, high, reverse}; categories: names of rows or columns, values are then 0, 1, ...
 *   series    [{name, colour, marker, x, y, low, high, text, more, labels, faint, line, bars}]
 *               colour  number in the palette or "grey"; marker  circle, square, triangle, diamond
 *               low, high  ends of an interval, along x where y has categories, else along y
 *               text    name of each point; more  {label: [value of each point]} for the tooltip
 *               labels  numbers of the points that bear their name; faint  background, not walked by keyboard
 *               line    joined by a line, the intervals a band; bars  bars from zero, of a width in units of x
 *               cells   values of a heat map, one for each x and y: blue below 0, red above, to the size `limit`
 *   lines     [{axis: "x"|"y", at, label}]; diagonal  a line where x = y
 *   height    in pixels
 * Returns {redraw()}.
 */
decodePage.chart = (() => {
  "use strict";
  const { element, svg, shown, save, scales } = decodePage;
  const PALETTE = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000"];
  const GREY = "#6E6E6E";
  const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif";
  const MOST_AVOIDED = 600; // points that names keep clear of
  const PAPER = 567; // pixels of a figure on paper: 150 mm
  const NEAR = 20; // pixels from the pointer to a point that it means
  let count = 0;

  const SHAPES = {
    circle: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
    square: (x, y, r) => `M${x - r * 0.9} ${y - r * 0.9}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
    triangle: (x, y, r) => `M${x} ${y - 1.2 * r}l${1.15 * r} ${2 * r}h${-2.3 * r}z`,
    diamond: (x, y, r) => `M${x} ${y - 1.3 * r}l${1.2 * r} ${1.3 * r}l${-1.2 * r} ${1.3 * r}l${-1.2 * r} ${-1.3 * r}z`,
  };
  const round = (value) => Math.round(value * 10) / 10;
  const colourOf = (series) => (series.colour === "grey" ? GREY : PALETTE[(series.colour ?? 0) % PALETTE.length]);
  const ENDS = [[33, 102, 172], [247, 247, 247], [178, 24, 43]]; // RdBu of ColorBrewer

  /* Colour of a value between -limit and limit. */
  function tint(value, limit) {
    const share = Math.max(-1, Math.min(1, value / limit));
    const end = ENDS[share < 0 ? 0 : 2];
    return `rgb(${ENDS[1].map((middle, i) => Math.round(middle + (end[i] - middle) * Math.abs(share))).join(",")})`;
  }

  const shape = (series, x, y, r) => SHAPES[series.marker || "circle"](round(x), round(y), r);
  const pen = document.createElement("canvas").getContext("2d");

  /* Pixels that a text takes. */
  function wide(text, size = 12) {
    pen.font = `${size}px ${FONT}`;
    return pen.measureText(text).width;
  }

  function fits(text, width, size = 12) {
    if (wide(text, size) <= width) return text;
    let length = text.length;
    while (length > 3 && wide(`${text.slice(0, length)}\u2026`, size) > width) length -= 1;
    return `${text.slice(0, length)}\u2026`;
  }

  const words = (text, attributes) => svg("text", { "font-family": FONT, "font-size": 12, fill: "#1a1a1a", ...attributes }, text);

  function limits(spec, series) {
    const isAlongX = Boolean(spec.y.categories);
    const xs = [], ys = [];
    const add = (list, values) => { for (const value of values || []) if (value !== null) list.push(value); };
    for (const one of series) {
      add(xs, one.x); add(ys, one.y);
      add(isAlongX ? xs : ys, one.low); add(isAlongX ? xs : ys, one.high);
      if (one.bars) (isAlongX ? xs : ys).push(0);
    }
    for (const line of spec.lines || []) (line.axis === "x" ? xs : ys).push(line.at);
    if (spec.diagonal) { xs.push(...extent(ys)); ys.push(...extent(xs)); }
    return { xs, ys, isAlongX };
  }

  function extent(values) {
    if (!values.length) return [];
    return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  }

  /* Everything that depends on the width: scales, margins and where each point lies. */
  function layout(spec, series, width) {
    const { xs, ys, isAlongX } = limits(spec, series);
    const rows = spec.y.categories;
    const height = spec.height || (rows ? 70 + Math.max(3, rows.length) * 20 : Math.min(440, Math.max(300, width * 0.62)));
    const y = scales.scale(spec.y, ys, height / 55);
    const left = Math.min(width * 0.4, Math.max(...y.ticks.map((tick) => wide(tick.text)), 1) + 14) + (spec.y.label ? 20 : 0);
    const slanted = Boolean(spec.x.categories) && spec.x.categories.some((text) => wide(text) > (width - left) / spec.x.categories.length);
    const box = { left, top: 12, right: width - 14, bottom: height - (slanted ? 110 : 46) };
    const x = scales.scale(spec.x, xs, (box.right - left) / 80);
    const toX = (value) => left + x.map(value) * (box.right - left);
    const share = (value) => (spec.y.reverse || rows ? y.map(value) : 1 - y.map(value));
    const toY = (value) => box.top + share(value) * (box.bottom - box.top);
    const isDrawn = (a, b) => a !== null && b !== null && (!spec.x.log || a > 0) && (!spec.y.log || b > 0);
    const places = series.map((one) => one.x.map((value, i) => (isDrawn(value, one.y[i]) ? [toX(value), toY(one.y[i])] : null)));
    return { width, height, box, x, y, toX, toY, places, isAlongX, slanted };
  }

  function axes(spec, map) {
    const { box, x, y, toX, toY, slanted } = map;
    const made = svg("g");
    for (const tick of y.ticks) {
      const at = round(toY(tick.value));
      made.append(svg("line", { x1: box.left, x2: box.right, y1: at, y2: at, stroke: "#e4e4e4" }),
        words(fits(tick.text, box.left - (spec.y.label ? 26 : 8)), { x: box.left - 7, y: at + 4, "text-anchor": "end" }));
    }
    for (const tick of x.ticks) {
      const at = round(toX(tick.value));
      if (!spec.x.categories) made.append(svg("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, stroke: "#f0f0f0" }));
      made.append(slanted
        ? words(fits(tick.text, 110), { x: at + 4, y: box.bottom + 14, "text-anchor": "end", transform: `rotate(-50 ${at + 4} ${box.bottom + 14})` })
        : words(tick.text, { x: at, y: box.bottom + 17, "text-anchor": "middle" }));
    }
    made.append(svg("path", { d: `M${round(box.left)} ${box.top}V${box.bottom}H${box.right}`, fill: "none", stroke: "#6e6e6e" }));
    const middle = (box.top + box.bottom) / 2;
    const centre = (box.left + box.right) / 2;
    if (spec.x.label) made.append(words(fits(spec.x.label, 2 * Math.min(centre, map.width - centre), 13), { x: centre, y: map.height - 6, "text-anchor": "middle", "font-size": 13 }));
    if (spec.y.label) made.append(words(fits(spec.y.label, box.bottom, 13), { x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})`, "font-size": 13 }));
    return made;
  }

  function references(spec, map) {
    const { box, toX, toY } = map;
    const made = svg("g");
    for (const line of spec.lines || []) {
      const at = round(line.axis === "x" ? toX(line.at) : toY(line.at));
      const ends = line.axis === "x" ? { x1: at, x2: at, y1: box.top, y2: box.bottom } : { x1: box.left, x2: box.right, y1: at, y2: at };
      made.append(svg("line", { ...ends, stroke: GREY, "stroke-dasharray": "4 3" }));
      if (line.label) {
        const isNear = line.axis === "x" && at + 4 + wide(line.label, 11) > map.width;
        made.append(words(line.label, { x: line.axis === "x" ? at + (isNear ? -4 : 4) : box.right - 2, y: line.axis === "x" ? box.top + 10 : at - 4,
          "text-anchor": line.axis === "x" && !isNear ? "start" : "end", fill: "#4d4d4d", "font-size": 11 }));
      }
    }
    if (spec.diagonal) {
      const low = Math.max(map.x.low, map.y.low), high = Math.min(map.x.high, map.y.high);
      if (high > low) made.append(svg("line", { x1: toX(low), y1: toY(low), x2: toX(high), y2: toY(high), stroke: GREY, "stroke-dasharray": "4 3" }));
    }
    return made;
  }

  function marks(one, places, map) {
    const { toX, toY, isAlongX } = map;
    const colour = colourOf(one);
    const made = svg("g");
    const at = places.map((place, i) => i).filter((i) => places[i]);
    const radius = one.faint ? 1.8 : one.line ? 3 : at.length > 300 ? 2.6 : 4;
    if (one.cells) {
      const [width, height] = [(map.box.right - map.box.left) / map.x.ticks.length, (map.box.bottom - map.box.top) / map.y.ticks.length];
      for (const i of at) {
        made.append(svg("rect", { x: round(places[i][0] - width / 2), y: round(places[i][1] - height / 2), width: round(width + 0.1), height: round(height + 0.1), fill: tint(one.cells[i], one.limit) }));
      }
      return made;
    }
    const has = (i) => one.low && one.low[i] !== null && one.high[i] !== null;
    if (one.bars) {
      const zero = isAlongX ? toX(0) : toY(0);
      const wide = isAlongX ? Math.min(14, (map.box.bottom - map.box.top) / map.y.ticks.length * 0.7)
        : one.width ? Math.max(1, toX(one.width) - toX(0) - 1) : Math.min(30, (map.box.right - map.box.left) / map.x.ticks.length * 0.7);
      made.append(svg("path", { fill: colour, "fill-opacity": 0.75, d: at.map((i) => (isAlongX
        ? `M${round(zero)} ${round(places[i][1] - wide / 2)}H${round(places[i][0])}v${round(wide)}H${round(zero)}z`
        : `M${round(places[i][0] - wide / 2)} ${round(zero)}V${round(places[i][1])}h${round(wide)}V${round(zero)}z`)).join("") }));
    }
    if (one.line && one.low) {
      const inside = at.filter(has);
      const edge = (values) => inside.map((i) => `${round(places[i][0])} ${round(toY(values[i]))}`);
      if (inside.length) made.append(svg("path", { fill: colour, "fill-opacity": 0.16, d: `M${[...edge(one.high), ...edge(one.low).reverse()].join("L")}z` }));
    } else if (one.low) {
      const reach = at.filter(has).map((i) => (isAlongX ? `M${round(toX(one.low[i]))} ${round(places[i][1])}H${round(toX(one.high[i]))}`
        : `M${round(places[i][0])} ${round(toY(one.low[i]))}V${round(toY(one.high[i]))}`)).join("");
      made.append(svg("path", { d: reach, fill: "none", stroke: one.bars ? "#1a1a1a" : colour, "stroke-width": one.bars ? 1 : 1.6 }));
    }
    if (one.line) made.append(svg("path", { d: `M${at.map((i) => `${round(places[i][0])} ${round(places[i][1])}`).join("L")}`, fill: "none", stroke: colour, "stroke-width": 2 }));
    if (!one.bars && at.length) {
      made.append(svg("path", { d: at.map((i) => shape(one, ...places[i], radius)).join(""), fill: colour, "fill-opacity": one.faint ? 0.45 : 0.9 }));
    }
    return made;
  }

  /* Names at points; those that would lie over another are left out unless they were asked for. */
  function labels(spec, wanted, map, points) {
    const taken = points.map(([x, y]) => ({ left: x - 4, right: x + 4, top: y - 4, bottom: y + 4 }));
    for (const line of (spec.lines || []).filter((one) => one.axis === "y" && one.label)) {
      const at = map.toY(line.at);
      taken.push({ left: map.box.right - wide(line.label, 11) - 2, right: map.width, top: at - 14, bottom: at });
    }
    const made = svg("g");
    const around = [[7, 4, "start"], [-7, 4, "end"], [0, -8, "middle"], [0, 16, "middle"], [7, -6, "start"], [-7, -6, "end"], [7, 14, "start"], [-7, 14, "end"]];
    for (const { place, text, asked } of wanted) {
      const room = wide(text, 11.5);
      const boxes = around.map(([dx, dy, anchor]) => {
        const start = place[0] + dx - (anchor === "end" ? room : anchor === "middle" ? room / 2 : 0);
        return { x: place[0] + dx, y: place[1] + dy, anchor, left: start, right: start + room, top: place[1] + dy - 10, bottom: place[1] + dy + 3 };
      });
      const isFree = (box) => box.left > map.box.left && box.right < map.width && box.top > 0 && box.bottom < map.box.bottom
        && taken.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
      const best = boxes.find(isFree) || (asked ? boxes[0] : null); // of its own point it stands clear
      if (!best) continue;
      taken.push(best);
      made.append(words(text, { x: round(best.x), y: round(best.y), "text-anchor": best.anchor, "font-size": 11.5, stroke: "#fff", "stroke-width": 3, "paint-order": "stroke", "stroke-linejoin": "round" }));
    }
    return made;
  }

  function tip(spec, one, i) {
    const lines = [];
    const isGrid = spec.x.categories && spec.y.categories;
    if (isGrid) lines.push(`${spec.y.categories[one.y[i]]}, ${spec.y.label}`, `${spec.x.categories[one.x[i]]}, ${spec.x.label}`);
    const name = isGrid ? "" : one.text?.[i] ?? spec.y.categories?.[one.y[i]] ?? spec.x.categories?.[one.x[i]];
    if (name) lines.push(name);
    if (spec.series.length > 1 && one.name) lines.push(one.name);
    const interval = one.low && one.low[i] !== null ? ` (${shown(one.low[i])} to ${shown(one.high[i])})` : "";
    if (!spec.x.categories) lines.push(`${spec.x.label}: ${shown(one.x[i])}${spec.y.categories ? interval : ""}`);
    if (!spec.y.categories) lines.push(`${spec.y.label}: ${shown(one.y[i])}${interval}`);
    for (const [label, values] of Object.entries(one.more || {})) if (values[i] !== null && values[i] !== "") lines.push(`${label}: ${shown(values[i])}`);
    return lines;
  }

  function savePng(drawn, name) {
    const picture = new Image();
    const { width, height } = drawn.viewBox.baseVal;
    picture.onload = () => {
      const canvas = element("canvas", { width: width * 3, height: height * 3 });
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(`${name}.png`, blob), "image/png");
    };
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(alone(drawn))}`;
  }

  /* The figure as a file of its own. */
  function alone(drawn) {
    const copy = drawn.cloneNode(true);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    const { width, height } = drawn.viewBox.baseVal;
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    copy.querySelectorAll(".pointer").forEach((found) => found.remove());
    return new XMLSerializer().serializeToString(copy);
  }

  return (place, spec) => {
    const id = `figure-${(count += 1)}`;
    const off = new Set();
    const pinned = new Set(); // "series:point"
    let map = null, at = null, sought = "";
    const stage = element("div", { class: "chart-stage", tabindex: "0", role: "application", "aria-label": `${spec.title} Arrow keys go from point to point, Enter keeps a name.`, "aria-describedby": `${id}-tip` });
    const bubble = element("div", { class: "chart-tip", id: `${id}-tip`, role: "status", hidden: true });
    const key = element("div", { class: "chart-key" });
    let drawn = svg("svg");

    const visible = () => spec.series.map((_, i) => i).filter((i) => !off.has(i));
    const nameOf = ([s, i]) => String(spec.series[s].text?.[i] ?? "");

    function wantedLabels() {
      const found = [];
      const add = (s, i, asked) => { if (map.places[s][i] && nameOf([s, i])) found.push({ place: map.places[s][i], text: nameOf([s, i]), asked }); };
      for (const pin of pinned) { const [s, i] = pin.split(":").map(Number); if (!off.has(s)) add(s, i, true); }
      if (sought) {
        const parts = sought.toLowerCase().split(/[\s,;]+/).filter(Boolean);
        for (const s of visible()) (spec.series[s].text || []).forEach((text, i) => { if (found.length < 60 && parts.includes(String(text).toLowerCase())) add(s, i, true); });
      } else {
        for (const s of visible()) for (const i of spec.series[s].labels || []) if (!pinned.has(`${s}:${i}`)) add(s, i, false);
      }
      return found;
    }

    const strong = () => visible().filter((s) => !spec.series[s].faint);

    function redraw(paper) {
      const width = paper || Math.round(Math.min(960, Math.max(300, stage.clientWidth || 720)));
      map = layout(spec, spec.series, width);
      const { height } = map;
      const made = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": spec.title, "data-name": spec.name });
      made.append(svg("title", {}, spec.title), svg("rect", { width, height, fill: "#fff" }), axes(spec, map), references(spec, map));
      for (const s of visible()) made.append(marks(spec.series[s], map.places[s], map));
      const wanted = wantedLabels();
      if (sought) made.append(...wanted.map(({ place: [x, y] }) => svg("circle", { cx: round(x), cy: round(y), r: 6.5, fill: "none", stroke: "#1a1a1a", "stroke-width": 1.6 })));
      const others = [...wanted.map(({ place: point }) => point), ...strong().flatMap((s) => map.places[s].filter(Boolean)).slice(0, MOST_AVOIDED)];
      made.append(labels(spec, wanted, map, others), svg("circle", { class: "pointer", r: 7, fill: "none", stroke: "#1a1a1a", "stroke-width": 2, visibility: "hidden" }));
      drawn.replaceWith(made);
      drawn = made;
      if (at) show(at);
    }

    function show(next) {
      at = next;
      const ring = drawn.querySelector(".pointer");
      bubble.hidden = !at;
      ring.setAttribute("visibility", at ? "visible" : "hidden");
      if (!at) return;
      const [x, y] = map.places[at[0]][at[1]];
      ring.setAttribute("cx", x);
      ring.setAttribute("cy", y);
      const [first, ...rest] = tip(spec, spec.series[at[0]], at[1]);
      bubble.replaceChildren(element("strong", {}, first), ...rest.map((line) => element("div", {}, line)));
      const ratio = (stage.clientWidth || map.width) / map.width;
      const isRight = x > map.width * 0.55;
      bubble.style.left = isRight ? "" : `${x * ratio + 14}px`;
      bubble.style.right = isRight ? `${(map.width - x) * ratio + 14}px` : "";
      bubble.style.top = `${Math.max(0, y * ratio - 12)}px`;
    }

    function nearest(event) {
      const box = drawn.getBoundingClientRect();
      const ratio = map.width / box.width;
      const [px, py] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
      const rows = Boolean(spec.y.categories) || spec.series.every((one) => one.bars);
      let best = null, least = NEAR * NEAR;
      for (const s of visible()) {
        map.places[s].forEach((point, i) => {
          if (!point) return;
          let [dx, dy] = [point[0] - px, point[1] - py];
          if (spec.series[s].cells) {
            if (Math.abs(dx) * map.x.ticks.length * 2 <= map.box.right - map.box.left) dx = 0; // anywhere in its cell
            if (Math.abs(dy) * map.y.ticks.length * 2 <= map.box.bottom - map.box.top) dy = 0;
          } else if (rows && spec.y.categories && Math.abs(dy) < 10) dx *= 0.02; // anywhere in its row
          else if (rows && Math.abs(dx) < 12) dy *= 0.02;
          const far = dx * dx + dy * dy + (spec.series[s].faint ? 30 : 0);
          if (far < least) { least = far; best = [s, i]; }
        });
      }
      return best;
    }

    /* Points that arrow keys walk through, from left to right or from the first row down. */
    function walk() {
      const chosen = strong().some((s) => map.places[s].some(Boolean)) ? strong() : visible();
      const order = chosen.flatMap((s) => map.places[s].map((point, i) => (point ? [s, i, point] : null))).filter(Boolean);
      const rows = Boolean(spec.y.categories);
      order.sort((one, other) => (rows ? one[2][1] - other[2][1] || one[2][0] - other[2][0] : one[2][0] - other[2][0] || one[2][1] - other[2][1]));
      return order.map(([s, i]) => [s, i]);
    }

    function pin(point) {
      if (!point || !nameOf(point)) return;
      const name = point.join(":");
      if (!pinned.delete(name)) pinned.add(name);
      redraw();
    }

    stage.addEventListener("pointermove", (event) => show(nearest(event)));
    stage.addEventListener("pointerleave", () => show(null));
    stage.addEventListener("click", (event) => { show(nearest(event)); pin(at); });
    stage.addEventListener("blur", () => show(null));
    stage.addEventListener("keydown", (event) => {
      const order = walk();
      const now = at ? order.findIndex(([s, i]) => s === at[0] && i === at[1]) : -1;
      const steps = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: order.length - 1 };
      if (event.key === "Escape") show(null);
      else if (event.key === "Enter") pin(at);
      else if (event.key in steps && order.length) show(order[Math.max(0, Math.min(order.length - 1, steps[event.key]))]);
      else return;
      event.preventDefault();
    });

    if (spec.series.length > 1) {
      key.append(...spec.series.map((one, s) => {
        const sign = svg("svg", { viewBox: "0 0 14 14", width: 14, height: 14, "aria-hidden": "true" },
          svg("path", { d: shape(one, 7, 7, 4.5), fill: colourOf(one) }));
        const button = element("button", { type: "button", "aria-pressed": "true", onclick: () => {
          if (!off.delete(s)) off.add(s);
          button.setAttribute("aria-pressed", String(!off.has(s)));
          at = null;
          redraw();
          show(null);
        } }, sign, ` ${one.name}`);
        return button;
      }));
    }
    const tools = element("div", { class: "chart-tools" }, key, element("span", { class: "spacer" }));
    const n = spec.series.reduce((sum, one) => sum + (one.text ? one.text.length : 0), 0);
    if (n > 12 && !spec.y.categories) {
      const input = element("input", { type: "search", id: `${id}-find`, autocomplete: "off", spellcheck: "false", title: "Names, with commas between",
        oninput: () => { sought = input.value.trim(); redraw(); } });
      tools.append(element("span", { class: "together" }, element("label", { for: `${id}-find` }, "Find "), input));
    }
    tools.append(
      element("button", { type: "button", "aria-label": `Save as SVG: ${spec.title}`, onclick: () => save(`${spec.name}.svg`, alone(drawn), "image/svg+xml") }, "SVG"),
      element("button", { type: "button", "aria-label": `Save as PNG: ${spec.title}`, onclick: () => savePng(drawn, spec.name) }, "PNG"));
    stage.append(drawn, bubble);
    place.replaceChildren(stage, tools);
    place.classList.add("chart");
    redraw();
    window.addEventListener("beforeprint", () => redraw(PAPER));
    window.addEventListener("afterprint", () => redraw());
    let last = stage.clientWidth;
    new ResizeObserver(() => {
      if (!stage.clientWidth || stage.clientWidth === last) return;
      last = stage.clientWidth;
      redraw();
    }).observe(stage);
    return { redraw };
  };
})();
