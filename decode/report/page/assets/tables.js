/* A table that is sorted, searched and paged by mouse or keyboard.
 *
 * decodePage.table(place, {name, caption, columns, rows, total, file})
 *   place    element that takes the table
 *   name     of the file that is saved, without .tsv
 *   caption  what the rows are
 *   columns  [{name, label, help, hidden}], one for each item of a row; hidden ones show on demand
 *   rows     [[value, ...]]: text, number, boolean or null
 *   total    rows of the whole table where `rows` are only its first, and `file` where all of them are
 *   onrow    optional, called with a row that is chosen
 * Returns {search(text)}.
 */
decodePage.table = (() => {
  "use strict";
  const { element, shown, save } = decodePage;
  const SIZES = [10, 25, 100];
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const isMissing = (value) => value === null || value === undefined || value === "";
  let count = 0;

  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return collator.compare(String(one), String(other));
  }

  /* Rows in the order of a column; empty cells last, whichever way. */
  function inOrder(rows, column, direction) {
    if (!direction) return rows;
    const filled = rows.filter((row) => !isMissing(row[column]));
    const empty = rows.filter((row) => isMissing(row[column]));
    filled.sort((one, other) => direction * compare(one[column], other[column]));
    return [...filled, ...empty];
  }

  function holds(value, word) {
    if (isMissing(value)) return false;
    return typeof value === "string" ? value.toLowerCase().includes(word) : shown(value) === word || String(value) === word;
  }

  /* Every word must stand in a row; NAME<NUMBER (also <=, >, >=, =) asks a column. */
  function matcher(text, columns) {
    const names = columns.map((column) => column.name.toLowerCase());
    const tests = text.toLowerCase().replace(/\s*([<>]=?|=)\s*/g, "$1").split(/\s+/).filter(Boolean).map((word) => {
      const parts = /^(.+?)([<>]=?|=)(.+)$/.exec(word);
      const at = parts ? names.indexOf(parts[1]) : -1;
      if (at < 0) return (row) => row.some((value) => holds(value, word));
      const wanted = Number(parts[3]);
      return (row) => {
        const value = row[at];
        if (isMissing(value)) return false;
        if (parts[2] === "=") return String(value).toLowerCase() === parts[3] || value === wanted;
        if (parts[2] === "<") return value < wanted;
        if (parts[2] === "<=") return value <= wanted;
        return parts[2] === ">" ? value > wanted : value >= wanted;
      };
    });
    return (row) => tests.every((test) => test(row));
  }

  function asText(columns, rows) {
    const cell = (value) => (isMissing(value) ? "" : String(value).replace(/[\t\r\n]+/g, " "));
    return [columns.map((column) => column.name), ...rows].map((row) => row.map(cell).join("\t")).join("\n") + "\n";
  }

  return (place, { name, caption, columns, rows, total, file, onrow }) => {
    const id = `table-${(count += 1)}`;
    const isNumber = columns.map((_, at) => rows.some((row) => typeof row[at] === "number"));
    const isLong = columns.map((_, at) => rows.some((row) => typeof row[at] === "string" && row[at].length > 32));
    const state = { words: "", column: -1, direction: 0, page: 0, size: SIZES[0], all: false };
    const hasHidden = columns.some((column) => column.hidden);
    const status = element("span", { class: "table-status", role: "status" });
    const head = element("tr");
    const body = element("tbody");
    const pager = element("div", { class: "table-pager" });

    const input = element("input", { type: "search", id: `${id}-search`, autocomplete: "off", spellcheck: "false",
      oninput: () => { state.words = input.value; state.page = 0; draw(); } });
    const example = columns.find((column, at) => isNumber[at] && /fdr|^p$|p_value|q_value/.test(column.name));
    const hint = `Words, or a column and a limit${example ? `, such as ${example.name}<0.05` : ""}`;
    input.title = hint;
    const tools = element("div", { class: "table-tools" },
      element("span", { class: "together" }, element("label", { for: `${id}-search` }, "Search "), input), status,
      element("span", { class: "spacer" }),
      hasHidden ? element("button", { type: "button", "aria-pressed": "false", onclick: (event) => {
        state.all = !state.all;
        event.currentTarget.setAttribute("aria-pressed", String(state.all));
        drawHead(); draw();
      } }, `All ${columns.length} columns`) : null,
      element("button", { type: "button", "aria-label": `Save ${caption} as TSV`,
        onclick: () => save(`${name}.tsv`, asText(columns, found()), "text/tab-separated-values") }, "TSV"));
    const scroller = element("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": caption },
      element("table", { id }, element("caption", { class: "unseen" }, caption), element("thead", {}, head), body));

    const visible = () => columns.map((_, at) => at).filter((at) => state.all || !columns[at].hidden);
    const found = () => inOrder(rows.filter(matcher(state.words, columns)), state.column, state.direction);

    function drawHead() {
      head.replaceChildren(...visible().map((at) => {
        const { label, name: column, help } = columns[at];
        const sorted = state.column === at && state.direction;
        const button = element("button", { type: "button", title: help, onclick: () => {
          const first = isNumber[at] && !/fdr|^p$|p_value|q_value|rank/.test(column) ? -1 : 1;
          const steps = [0, first, -first];
          const now = state.column === at ? state.direction : 0;
          state.direction = steps[(steps.indexOf(now) + 1) % 3];
          state.column = at;
          state.page = 0;
          drawHead(); draw();
          head.querySelectorAll("button")[visible().indexOf(at)].focus();
        } }, label || column, element("span", { class: "arrow", "aria-hidden": "true" },
          sorted ? (state.direction > 0 ? "\u25b2" : "\u25bc") : "\u2195"));
        return element("th", { scope: "col", class: isNumber[at] ? "number" : null,
          "aria-sort": sorted ? (state.direction > 0 ? "ascending" : "descending") : "none" }, button);
      }));
    }

    function cell(row, at) {
      const value = row[at];
      const text = shown(value);
      const attributes = { class: isNumber[at] ? "number" : isLong[at] ? "long" : null };
      if (typeof value === "number" && !Number.isInteger(value)) attributes.title = String(value);
      const long = typeof value === "string" && value.length > 80;
      if (long) attributes.title = value;
      return element("td", attributes, long ? `${text.slice(0, 77)}\u2026` : text);
    }

    function draw() {
      const all = found();
      const last = Math.max(0, Math.ceil(all.length / state.size) - 1);
      state.page = Math.min(state.page, last);
      const start = state.page * state.size;
      const part = all.slice(start, start + state.size);
      const shownColumns = visible();
      body.replaceChildren(...part.map((row) => {
        const made = element("tr", {}, ...shownColumns.map((at) => cell(row, at)));
        if (onrow) {
          made.tabIndex = 0;
          made.classList.add("choice");
          made.addEventListener("click", () => onrow(row));
          made.addEventListener("keydown", (event) => { if (event.key === "Enter") onrow(row); });
        }
        return made;
      }));
      if (!part.length) {
        body.append(element("tr", {}, element("td", { colspan: shownColumns.length, class: "nothing" },
          rows.length ? "No row has all these words." : "The table has no rows.")));
      }
      const range = part.length ? `${shown(start + 1)}\u2013${shown(start + part.length)} of ` : "";
      status.textContent = `${range}${shown(all.length)} row${all.length === 1 ? "" : "s"}`
        + (all.length < rows.length ? ` (searched ${shown(rows.length)})` : "")
        + (total > rows.length ? `; the whole table of ${shown(total)} rows is ${file}` : "");
      drawPager(all.length, last);
    }

    function turn(to) {
      state.page = to;
      draw();
    }

    function drawPager(n, last) {
      pager.hidden = n <= SIZES[0];
      const active = document.activeElement && pager.contains(document.activeElement)
        ? document.activeElement.dataset.what : null;
      const button = (what, text, to, off) => element("button", { type: "button", "data-what": what, disabled: off,
        "aria-label": `${what} page of ${caption}`, onclick: () => turn(to) }, text);
      const choice = element("select", { id: `${id}-size`, "data-what": "size", onchange: () => {
        state.size = Number(choice.value) || Math.max(1, rows.length);
        state.page = 0;
        draw();
      } }, ...[...SIZES, "all"].map((size) => element("option", { value: size === "all" ? 0 : size,
        selected: (size === "all" ? Math.max(1, rows.length) : size) === state.size }, String(size))));
      pager.replaceChildren(
        button("First", "\u00ab", 0, state.page === 0), button("Previous", "\u2039", state.page - 1, state.page === 0),
        element("span", {}, `Page ${shown(state.page + 1)} of ${shown(last + 1)}`),
        button("Next", "\u203a", state.page + 1, state.page === last),
        button("Last", "\u00bb", last, state.page === last),
        element("label", { for: `${id}-size` }, "Rows "), choice);
      if (active) {
        const again = pager.querySelector(`[data-what="${active}"]:not([disabled])`) || pager.querySelector("button:not([disabled])");
        if (again) again.focus();
      }
    }

    place.replaceChildren(tools, scroller, pager);
    place.classList.add("data-table");
    drawHead();
    draw();
    return { search: (text) => { input.value = text; state.words = text; state.page = 0; draw(); } };
  };
})();
