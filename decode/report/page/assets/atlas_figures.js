/* Two figures that only the atlas has: effects of regulators over tasks, and the places where they act.
 *
 * decodePage.heatmap(place, {name, title, rows, columns, values, chosen, unit})   values[row][column], number or null
 * decodePage.tracks(place, {name, title, rows, panels, unit})
 *   panels  [{name, low, high, label, ticks}], side by side; their widths go by `share`
 *   rows    [{name, marks: [{panel, first, last, value, lines}]}]
 * Colour says sign and size; a tooltip follows the pointer, and a table beside each figure has the numbers.
 */
(() => {
  "use strict";
  const { element, svg, shown, save } = decodePage;
  const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif";
  const RAISES = [213, 94, 0], LOWERS = [0, 114, 178]; // vermilion and blue, told apart by all
  const words = (text, attributes) => svg("text", { "font-family": FONT, "font-size": 12, fill: "#1a1a1a", ...attributes }, text);

  /* White at 0, full colour at the largest size; the square root shows small effects, too. */
  function colourOf(value, largest) {
    if (value === null || !largest) return "#fff";
    const share = Math.sqrt(Math.min(1, Math.abs(value) / largest));
    const mixed = (value > 0 ? RAISES : LOWERS).map((part) => Math.round(255 + (part - 255) * share));
    return `rgb(${mixed.join(",")})`;
  }

  function largestOf(values) {
    return values.reduce((best, value) => (value === null ? best : Math.max(best, Math.abs(value))), 0);
  }

  function legend(largest, unit, x, y) {
    const made = svg("g");
    const steps = [-1, -0.5, -0.1, 0, 0.1, 0.5, 1];
    steps.forEach((share, i) => made.append(svg("rect", { x: x + i * 16, y, width: 16, height: 10, fill: colourOf(share * largest, largest), stroke: "#bbb", "stroke-width": 0.5 })));
    made.append(words(shown(-Number(largest.toPrecision(2))), { x: x - 5, y: y + 9, "text-anchor": "end", "font-size": 11 }),
      words(`${shown(Number(largest.toPrecision(2)))} ${unit}`, { x: x + steps.length * 16 + 5, y: y + 9, "font-size": 11 }));
    return made;
  }

  function stageOf(place, spec, drawn) {
    const bubble = element("div", { class: "chart-tip", role: "status", hidden: true });
    const stage = element("div", { class: "map-stage", tabindex: "0", role: "region", "aria-label": spec.title }, drawn);
    const around = element("div", { class: "chart-stage" }, stage, bubble);
    around.style.maxWidth = "none";
    const show = (mark, event) => {
      bubble.hidden = !mark;
      if (!mark) return;
      const [first, ...rest] = mark;
      bubble.replaceChildren(element("strong", {}, first), ...rest.map((line) => element("div", {}, line)));
      const box = around.getBoundingClientRect();
      const x = event.clientX - box.left;
      bubble.style.left = x > box.width * 0.5 ? "" : `${x + 14}px`;
      bubble.style.right = x > box.width * 0.5 ? `${box.width - x + 14}px` : "";
      bubble.style.top = `${event.clientY - box.top + 12}px`;
    };
    stage.addEventListener("pointermove", (event) => show(event.target.lines, event));
    stage.addEventListener("pointerleave", () => show(null));
    const tools = element("div", { class: "chart-tools" }, element("span", { class: "spacer" }),
      element("button", { type: "button", "aria-label": `Save as SVG: ${spec.title}`, onclick: () => {
        const copy = drawn.cloneNode(true);
        copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
        save(`${spec.name}.svg`, new XMLSerializer().serializeToString(copy), "image/svg+xml");
      } }, "SVG"));
    place.replaceChildren(around, tools);
  }

  function cut(text, width) {
    return text.length * 6.6 <= width ? text : `${text.slice(0, Math.max(3, Math.floor(width / 6.6) - 1))}\u2026`;
  }

  decodePage.heatmap = (place, spec) => {
    const { rows, columns, values, chosen, unit } = spec;
    const left = 118, top = 118, height = 17, right = 84;
    const wide = Math.max(13, Math.min(24, Math.floor(((place.clientWidth || 700) - left - right) / columns.length)));
    const width = Math.max(330, left + wide * columns.length + right), bottom = top + height * rows.length;
    const largest = largestOf(values.flat());
    const drawn = svg("svg", { viewBox: `0 0 ${width} ${bottom + 30}`, width, height: bottom + 30, role: "img", "aria-label": spec.title });
    drawn.append(svg("title", {}, spec.title), svg("rect", { width, height: bottom + 30, fill: "#fff" }));
    columns.forEach((name, at) => {
      const x = left + (at + 0.5) * wide + 4;
      drawn.append(words(cut(name, 118), { x, y: top - 5, transform: `rotate(-55 ${x} ${top - 5})`, "font-size": 11, "font-weight": name === chosen ? 700 : null }));
    });
    rows.forEach((name, row) => {
      drawn.append(words(cut(name, left - 8), { x: left - 6, y: top + (row + 0.5) * height + 4, "text-anchor": "end" }));
      columns.forEach((task, at) => {
        const value = values[row][at];
        const cell = svg("rect", { x: left + at * wide, y: top + row * height, width: wide, height, fill: colourOf(value, largest), stroke: "#e4e4e4", "stroke-width": 0.5 });
        cell.lines = [name, task, `${value === null ? "not known" : value.toFixed(2).replace("-", "\u2212")} ${unit}`];
        drawn.append(cell);
      });
    });
    const at = columns.indexOf(chosen);
    if (at >= 0) drawn.append(svg("rect", { x: left + at * wide, y: top, width: wide, height: height * rows.length, fill: "none", stroke: "#1a1a1a", "stroke-width": 1.5, "pointer-events": "none" }));
    drawn.append(legend(largest, unit, left + 26, bottom + 12));
    stageOf(place, spec, drawn);
  };

  decodePage.tracks = (place, spec) => {
    const { rows, panels, unit } = spec;
    const left = 118, top = 34, height = 17, gap = 22;
    const width = Math.max(640, Math.min(1280, place.clientWidth || 900));
    const room = width - left - 30 - gap * (panels.length - 1);
    const shares = panels.reduce((sum, panel) => sum + panel.share, 0);
    const bottom = top + height * rows.length;
    const largest = largestOf(rows.flatMap((row) => row.marks.map((mark) => mark.value)));
    const drawn = svg("svg", { viewBox: `0 0 ${width} ${bottom + 62}`, width, height: bottom + 62, role: "img", "aria-label": spec.title });
    drawn.append(svg("title", {}, spec.title), svg("rect", { width, height: bottom + 62, fill: "#fff" }));
    let start = left;
    const maps = panels.map((panel) => {
      const from = start, wide = (room * panel.share) / shares;
      start += wide + gap;
      const map = (bp) => from + ((bp - panel.low) / (panel.high - panel.low)) * wide;
      drawn.append(words(cut(panel.label, wide + gap), { x: from, y: 14, "font-weight": 600 }),
        svg("rect", { x: from, y: top, width: wide, height: height * rows.length, fill: "#f8f8f6", stroke: "#d4d4d0" }));
      let before = -Infinity;
      for (const tick of panel.ticks) {
        const x = map(tick);
        const text = shown(tick);
        drawn.append(svg("line", { x1: x, x2: x, y1: bottom, y2: bottom + 5, stroke: "#6e6e6e" }));
        if (x - before < text.length * 7 + 8) continue;
        before = x;
        drawn.append(words(text, { x, y: bottom + 18, "text-anchor": "middle", "font-size": 11 }));
      }
      if (panel.low < 0 && panel.high > 0) {
        drawn.append(svg("line", { x1: map(0), x2: map(0), y1: top - 6, y2: bottom, stroke: "#1a1a1a", "stroke-dasharray": "3 2" }),
          words("TSS", { x: map(0), y: top - 8, "text-anchor": "middle", "font-size": 11 }));
      }
      return map;
    });
    rows.forEach((row, number) => {
      const y = top + number * height;
      drawn.append(words(cut(row.name, left - 8), { x: left - 6, y: y + height / 2 + 4, "text-anchor": "end" }),
        svg("line", { x1: left, x2: width - 30, y1: y + height, y2: y + height, stroke: "#ececea" }));
      for (const mark of row.marks) {
        const x = maps[mark.panel](mark.first);
        const cell = svg("rect", { x, y: y + 2, width: Math.max(2.5, maps[mark.panel](mark.last + 1) - x), height: height - 4, fill: colourOf(mark.value, largest), stroke: "#777", "stroke-width": 0.4 });
        cell.lines = [row.name, ...mark.lines];
        drawn.append(cell);
      }
    });
    drawn.append(words("bases from the TSS; in rna from the 5\u2032 end", { x: left, y: bottom + 36, "font-size": 11.5 }));
    drawn.append(legend(largest, unit, left + 26, bottom + 46));
    stageOf(place, spec, drawn);
  };
})();
