/* Find genes by symbol, older symbol, alias or id, in a combobox that mouse and keyboard use alike.
 *
 * decodePage.geneSearch(genes, onchoose) with genes {id, name, others}; others: names with blanks between.
 * Returns {resolve(text)}: {rows, how}, the genes that a text means exactly.
 */
decodePage.geneSearch = (() => {
  "use strict";
  const { element } = decodePage;
  const MOST = 12;

  return (genes, onchoose) => {
    const input = document.getElementById("gene"), list = document.getElementById("gene-list");
    const upper = genes.name.map((name) => name.toUpperCase());
    const others = genes.others.map((text) => (text ? text.toUpperCase().split(" ") : []));
    const ids = new Map(genes.id.map((id, row) => [id.toUpperCase(), row]));
    let rows = [], at = -1;

    function resolve(text) {
      const wanted = text.trim().toUpperCase();
      const stripped = wanted.replace(/^(ENS[A-Z]*\d+)\.\d+$/, "$1");
      if (ids.has(stripped)) return { rows: [ids.get(stripped)], how: "id" };
      const named = upper.flatMap((name, row) => (name === wanted ? [row] : []));
      if (named.length) return { rows: named, how: "symbol" };
      return { rows: others.flatMap((names, row) => (names.includes(wanted) ? [row] : [])), how: "other" };
    }

    /* Exact names first, then those that begin so, then ids that hold it. */
    function matches(text) {
      const wanted = text.trim().toUpperCase();
      if (!wanted) return [];
      const groups = [[], [], [], [], []];
      for (let row = 0; row < upper.length; row += 1) {
        if (upper[row] === wanted || genes.id[row].toUpperCase() === wanted) groups[0].push(row);
        else if (others[row].includes(wanted)) groups[1].push(row);
        else if (upper[row].startsWith(wanted)) groups[2].push(row);
        else if (others[row].some((name) => name.startsWith(wanted))) groups[3].push(row);
        else if (wanted.length > 5 && genes.id[row].toUpperCase().startsWith(wanted)) groups[4].push(row);
      }
      groups[2].sort((one, other) => upper[one].length - upper[other].length || upper[one].localeCompare(upper[other]));
      return groups.flat().slice(0, MOST);
    }

    function because(row) {
      const wanted = input.value.trim().toUpperCase();
      if (upper[row].startsWith(wanted)) return genes.id[row];
      const which = others[row].findIndex((name) => name === wanted);
      const found = which >= 0 ? which : others[row].findIndex((name) => name.startsWith(wanted));
      return found >= 0 ? `also ${genes.others[row].split(" ")[found]}` : genes.id[row];
    }

    function close() {
      list.hidden = true;
      at = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function mark(next) {
      at = next;
      [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
      const item = list.children[at];
      if (!item) return input.removeAttribute("aria-activedescendant");
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    }

    function choose(row) {
      input.value = genes.name[row];
      close();
      onchoose({ rows: [row], how: "symbol" }, genes.name[row]);
    }

    function open() {
      rows = matches(input.value);
      list.replaceChildren(...rows.map((row, i) => element("li", { role: "option", id: `gene-${i}`, "aria-selected": "false",
        onpointerdown: (event) => { event.preventDefault(); choose(row); } },
        genes.name[row], element("span", { class: "quiet" }, because(row)))));
      list.hidden = !rows.length;
      input.setAttribute("aria-expanded", String(Boolean(rows.length)));
      mark(-1);
    }

    input.addEventListener("input", open);
    input.addEventListener("focus", () => input.select());
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (list.hidden) open();
        else mark((at + (event.key === "ArrowDown" ? 1 : -1) + rows.length + (at < 0 && event.key === "ArrowUp" ? 1 : 0)) % Math.max(1, rows.length));
      } else if (event.key === "Enter") {
        if (at >= 0) choose(rows[at]);
        else {
          const found = resolve(input.value);
          close();
          onchoose(found, input.value.trim());
        }
      } else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    });
    return { resolve };
  };
})();
