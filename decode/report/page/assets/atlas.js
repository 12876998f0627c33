/* The atlas: one gene over all tasks, or one task over all regulators, as the address says (#gene=SPI1&task=liver). */
(async () => {
  "use strict";
  const { element, shown, unpack, array, table, chart, heatmap, tracks } = decodePage;
  const view = document.getElementById("view"), message = document.getElementById("message");
  const picker = document.getElementById("task"), field = document.getElementById("gene");
  const OVERALL = "overall";
  const ready = (word) => { document.documentElement.dataset.ready = word; };
  const minus = (text) => text.replace(/-/g, "\u2212");
  const two = (value) => (value === null || Number.isNaN(value) ? "not known" : minus(value.toFixed(2)).replace(/^\u2212(0\.00)$/, "$1"));
  const signed = (value) => (value > 0.005 ? "+" : "") + two(value);
  const rounded = (value, digits = 2) => (value === null ? null : Number(value.toFixed(digits)));
  const MODES = { change: "fold change", level: "level" };

  if (typeof DecompressionStream === "undefined") {
    view.append(element("p", { class: "caveat-box" }, "This browser cannot unpack the numbers of the page: it lacks DecompressionStream, which Chrome and Edge have from version 80, Safari from 16.4 and Firefox from 113."));
    ready("no");
    return;
  }
  message.textContent = "Unpacking the numbers\u2026";
  const facts = await unpack("page-data");
  const numbers = {};
  for (const [name, header] of Object.entries(facts.arrays)) numbers[name] = await array(`array-${name}`, header);
  message.textContent = "";

  const { genes, tasks, regulators, regions } = facts;
  const n = genes.id.length, columns = tasks.map((task) => task.name);
  const main = tasks.flatMap((task, at) => (task.is_main ? [at] : []));
  const median = tasks.findIndex((task) => task.kind === "median_level");
  const isChange = main.length > 0 && tasks[main[0]].kind === "fold_change";
  const firsts = (counts) => { const found = new Int32Array(counts.length + 1); counts.forEach((count, i) => { found[i + 1] = found[i] + count; }); return found; };
  const firstSlot = firsts(numbers.n_top.whole), firstPlace = firsts(numbers.n_places.whole);
  const rowOfName = new Map();
  genes.name.forEach((name, row) => rowOfName.set(name, rowOfName.has(name) ? -1 : row));
  const unit = "log2 units";
  const of = (which, row, at) => numbers[which].at(row * tasks.length + at);
  const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
  const nameOf = (at) => (at === null ? "all tissues, mean" : columns[at]);

  const SEEN = {
    test: ["held out", "The model never saw measured values of this gene."],
    train: ["training gene", "The model was fitted to its measured values: agreement is no evidence."],
    validation: ["validation gene", "It chose when training stopped: agreement is weak evidence."],
    none: ["not in the split", "No measured value of this gene was used."],
  };
  const splitOf = (row) => facts.splits[Number(genes.split[row])];

  /* What is shown. */
  const state = { gene: null, task: null, regulator: null, mode: "change" };

  function slotsOf(row) {
    const found = [];
    for (let slot = firstSlot[row]; slot < firstSlot[row + 1]; slot += 1) {
      found.push({ slot, name: regulators[numbers.top.whole[slot]], mean: numbers.mean.at(slot), sd: numbers.sd.at(slot),
        strongest: numbers.strongest.whole[slot], effects: columns.map((_, at) => numbers.effect.at(slot * tasks.length + at)) });
    }
    return found;
  }

  function place(row, first, last) {
    const [from, to] = genes.strand[row] === "-" ? [genes.tss[row] - last, genes.tss[row] - first] : [genes.tss[row] + first, genes.tss[row] + last];
    return `${genes.chrom[row]}:${from + 1}-${to + 1}`;
  }

  function figure(title, caption, draw) {
    const spot = element("div");
    const made = element("figure", {}, element("p", { class: "figure-head" }, title), spot, caption ? element("figcaption", {}, caption) : null);
    return { made, draw: () => draw(spot) };
  }

  function numbersList(items) {
    return element("dl", { class: "numbers" }, ...items.filter(Boolean).map(({ label, value, note, caveat }) => element("div", {},
      element("dt", {}, label), element("dd", {}, value), note ? element("dd", { class: "note" }, note) : null,
      caveat ? element("dd", { class: "caveat" }, caveat) : null)));
  }

  function folded(title, spec, later) {
    const spot = element("div");
    const details = element("details", { class: "fold" }, element("summary", {}, title, element("span", { class: "quiet" }, ` (${spec.rows.length.toLocaleString("en")} rows)`)), spot);
    later.push(() => table(spot, { total: spec.rows.length, ...spec }));
    return details;
  }

  /* One gene. */
  function geneHead(row) {
    const split = splitOf(row), r = numbers.correlation.at(row);
    const known = facts.gene_accuracy.test;
    const level = (which) => (median < 0 ? null : of(which, row, median));
    const others = genes.others[row];
    return [
      element("h2", { id: "shown" }, `${genes.name[row]} `, element("span", { class: "quiet" }, genes.id[row])),
      element("p", {}, element("span", { class: `split split-${split === "test" ? "test" : "other"}` }, SEEN[split][0]), ` ${SEEN[split][1]}`),
      others ? element("p", { class: "quiet" }, `Other names: ${others.split(" ").join(", ")}`) : null,
      numbersList([
        { label: "Transcription start", value: `${genes.chrom[row]}:${genes.tss[row] + 1}`, note: `strand ${minus(genes.strand[row])}, ${facts.build}; RNA of ${genes.length_bp[row].toLocaleString("en")} bases` },
        facts.has_measured ? { label: "Correlation over tissues", value: two(r), note: `Pearson, predicted against measured, ${main.length} tasks` + (known ? `; held-out genes: median ${two(known[1])}, middle half ${two(known[0])} to ${two(known[2])} (${known[3].toLocaleString("en")} genes)` : "") + (facts.same_profile === null ? "" : `; one mean profile for all of them: median ${two(facts.same_profile)}`),
          caveat: r !== null && split !== "test" ? "not out of sample" : "" } : null,
        median < 0 ? null : { label: "Median level, predicted", value: two(level("predicted")), note: facts.has_measured ? `measured ${two(level("measured"))}; log2(TPM + 0.25)` : "as the model was trained" },
        { label: "Regulators with sites", value: String(genes.n_regulators[row]), note: `of ${regulators.length}; the ${firstSlot[row + 1] - firstSlot[row]} that act most are kept here` },
      ]),
    ];
  }

  function valuesOf(row) {
    const shift = (which) => (state.mode === "level" ? of(which, row, median) : 0);
    const value = (which, at) => { const base = shift(which), own = of(which, row, at); return base === null || own === null ? null : rounded(base + own); };
    return main.map((at) => ({ at, predicted: value("predicted", at), measured: value("measured", at), own: [of("measured", row, at), of("predicted", row, at)] }));
  }

  function levels(row, later) {
    const values = valuesOf(row);
    values.sort((one, other) => (other.measured ?? other.predicted) - (one.measured ?? one.predicted) || other.predicted - one.predicted);
    const names = values.map(({ at }) => columns[at]);
    const hasMeasured = values.some(({ measured }) => measured !== null);
    const what = state.mode === "level" ? "log2(TPM + 0.25)" : isChange ? "log2 fold change against the median" : "log2 value";
    const y = values.map((_, i) => i);
    const series = [{ name: "predicted", colour: 1, marker: "diamond", x: values.map((value) => value.predicted), y, text: names }];
    if (hasMeasured) series.unshift({ name: "measured", colour: 0, marker: "circle", x: values.map((value) => value.measured), y, text: names });
    const shownFigure = figure(`${hasMeasured ? "Measured and predicted" : "Predicted"} ${MODES[state.mode]} of ${genes.name[row]}`,
      hasMeasured ? `Tissues by the measured value. ${splitOf(row) === "test" ? "The model never saw these measured values." : "The model was trained with this gene."}` : facts.has_measured ? "This gene has no measured values in the table: it was not expressed above its threshold, or is not in it." : null,
      (spot) => chart(spot, { name: `${genes.name[row]}_levels`, title: `${hasMeasured ? "Measured and predicted" : "Predicted"} ${MODES[state.mode]} of ${genes.name[row]} in ${names.length} tasks.`,
        x: { label: what }, y: { categories: names }, series, lines: state.mode === "change" && isChange ? [{ axis: "x", at: 0 }] : [] }));
    later.push(shownFigure.draw);
    const switches = median >= 0 && isChange ? element("div", { class: "views", role: "group", "aria-label": "Show as" }, ...Object.entries(MODES).map(([mode, label]) =>
      element("button", { type: "button", "aria-pressed": String(state.mode === mode), onclick: () => { state.mode = mode; draw(); view.querySelector(".views [aria-pressed=true]").focus(); } }, label))) : null;
    const rows = values.map(({ at, own: [measured, predicted] }) => [columns[at], measured, predicted, measured === null ? null : rounded(predicted - measured),
      median < 0 || !isChange ? null : sum(of("measured", row, median), measured), median < 0 || !isChange ? null : sum(of("predicted", row, median), predicted)]);
    return element("section", { "aria-labelledby": "levels-title" }, element("h3", { id: "levels-title" }, "Levels"), switches, shownFigure.made,
      folded("Levels as a table", { name: `${genes.name[row]}_levels`, caption: `Levels of ${genes.name[row]}`, rows,
        columns: [{ name: "task" }, { name: "measured" }, { name: "predicted" }, { name: "difference", help: "predicted - measured" },
          { name: "measured_level", help: "median level + fold change" }, { name: "predicted_level", help: "median level + fold change" }] }, later));
  }

  const sum = (one, other) => (one === null || other === null ? null : rounded(one + other));

  function regulatorsOf(row, later) {
    const at = state.task, slots = slotsOf(row);
    const own = ({ mean: overall, effects }) => (at === null ? overall : effects[at]);
    slots.sort((one, other) => Math.abs(own(other)) - Math.abs(own(one)));
    const total = (which) => (at === null ? mean(main.map((task) => of(which, row, task))) : of(which, row, at));
    const kept = slots.reduce((all, slot) => all + own(slot), 0);
    const rest = total("predicted") - total("without") - kept;
    const nRest = genes.n_regulators[row] - slots.length;
    const drawn = slots.filter((slot) => Math.abs(own(slot)) >= 0.005);
    const names = [...drawn.map(({ name }) => name), ...(nRest > 0 ? [`${nRest} others`] : [])];
    const values = [...drawn.map((slot) => rounded(own(slot), 3)), ...(nRest > 0 ? [rounded(rest)] : [])];
    const sds = at === null ? drawn.map(({ sd }) => sd) : [];
    const series = [{ name: "effect", colour: 0, bars: true, x: values, y: values.map((_, i) => i), text: names,
      low: at === null ? values.map((value, i) => (sds[i] === null || sds[i] === undefined ? null : rounded(value - sds[i], 3))) : undefined,
      high: at === null ? values.map((value, i) => (sds[i] === null || sds[i] === undefined ? null : rounded(value + sds[i], 3))) : undefined,
      more: { "largest in": [...drawn.map(({ strongest, effects }) => `${columns[strongest]} (${signed(effects[strongest])})`), ...(nRest > 0 ? [""] : [])] } }];
    const bars = figure(`Regulators of ${genes.name[row]}: ${nameOf(at)}`,
      `Without any sites the model predicts ${two(total("without"))}; these regulators add ${signed(kept)}${nRest > 0 ? `, ${nRest} others together ${signed(rest)}` : ""}: ${two(total("predicted"))} ${unit}.` + (at === null ? ` Lines: standard deviation over ${facts.n_members} members.` : ""),
      (spot) => chart(spot, { name: `${genes.name[row]}_regulators`, title: `Effects of regulators on the prediction for ${genes.name[row]}, ${nameOf(at)}.`, x: { label: `effect, ${unit}` }, y: { categories: names }, series }));
    const shownTasks = [...main, ...(median >= 0 ? [median] : [])].filter((task, i, all) => all.indexOf(task) === i);
    const map = figure(`In which tissues: effects on ${genes.name[row]}`, "Vermilion raises the prediction, blue lowers it. Similar tissues stand side by side.",
      (spot) => heatmap(spot, { name: `${genes.name[row]}_effects`, title: `Effects of ${slots.length} regulators on ${genes.name[row]} in ${shownTasks.length} tasks.`, rows: slots.map(({ name }) => name),
        columns: shownTasks.map((task) => columns[task]), values: slots.map(({ effects }) => shownTasks.map((task) => effects[task])), chosen: at === null ? null : columns[at], unit }));
    if (slots.length) later.push(bars.draw, map.draw);
    const tableColumns = [{ name: "regulator" }, { name: "effect", label: at === null ? "mean effect" : `effect in ${columns[at]}`, help: unit },
      { name: "sd", label: "SD", help: "standard deviation over members of the mean over tissues" }, { name: "largest_in", label: "largest in" }, { name: "largest_effect", label: "effect there" },
      ...columns.map((name) => ({ name, hidden: true }))];
    const rows = slots.map((slot) => [slot.name, rounded(own(slot), 3), slot.sd, columns[slot.strongest], slot.effects[slot.strongest], ...slot.effects]);
    return element("section", { "aria-labelledby": "regulators-title" }, element("h3", { id: "regulators-title" }, "Regulators"),
      slots.length ? element("div", { class: "two" }, bars.made, map.made) : element("p", {}, "No regulator has a site at this gene: the prediction follows from its structure alone."),
      folded("Regulators as a table", { name: `${genes.name[row]}_regulators`, caption: `Regulators of ${genes.name[row]}`, columns: tableColumns, rows }, later),
      at === null ? null : element("p", {}, element("a", { href: address({ gene: null, task: at }) }, `All regulators of ${columns[at]}, with intervals`)));
  }

  function placesOf(row, later) {
    const found = slotsOf(row).flatMap((slot) => {
      const marks = [];
      for (let i = firstPlace[slot.slot]; i < firstPlace[slot.slot + 1]; i += 1) {
        const panel = numbers.place_region.whole[i], region = regions[panel];
        const first = region.first_bp + numbers.place_bin.whole[i] * region.bin_bp;
        const last = first + region.bin_bp - 1;
        const end = region.n_bins ? last : Math.min(last, genes.length_bp[row] - 1);
        const value = numbers.place_effect.at(i), bases = numbers.place_bases.at(i);
        const genomic = region.n_bins ? place(row, first, end) : "";
        marks.push({ panel, first, last: end, value, bases, genomic, region,
          lines: [`${region.region} ${shown(first)} to ${shown(end)}`, ...(genomic ? [genomic] : []), `${shown(bases)} bases under sites`, `${signed(value)} ${unit} in ${columns[slot.strongest]}`] });
      }
      return marks.length ? [{ name: slot.name, strongest: slot.strongest, marks }] : [];
    });
    const isBlind = regions.some((region) => region.position_blind);
    const panels = regions.map((region) => {
      const high = region.n_bins ? region.first_bp + region.n_bins * region.bin_bp : genes.length_bp[row];
      const step = 10 ** Math.ceil(Math.log10((high - region.first_bp) / 6)) / 2 || 1;
      const ticks = [];
      for (let tick = Math.ceil(region.first_bp / step) * step; tick <= high; tick += step) ticks.push(tick);
      return { name: region.region, label: region.region, low: region.first_bp, high, ticks, share: region.n_bins ? 1 : 1.2 };
    });
    const drawn = figure(`Where the regulators of ${genes.name[row]} act`, "Each bin in the tissue where its regulator acts most." + (isBlind ? " Sites are measured; the share of a bin is not: the model sees the total of a region, and effects are shared by bases." : ""),
      (spot) => tracks(spot, { name: `${genes.name[row]}_places`, title: `Places where regulators of ${genes.name[row]} act: ${regions.map(({ region }) => region).join(", ")}.`, rows: found, panels, unit }));
    if (found.length) later.push(drawn.draw);
    const rows = found.flatMap(({ name, strongest, marks }) => marks.map((mark) => [name, mark.region.region, mark.first, mark.last, mark.genomic, mark.bases, mark.value, columns[strongest], mark.region.position_blind]));
    rows.sort((one, other) => Math.abs(other[6]) - Math.abs(one[6]));
    return element("section", { "aria-labelledby": "places-title" }, element("h3", { id: "places-title" }, "Where they act"),
      found.length ? drawn.made : element("p", {}, "No bin has an effect of 0.005 or more."),
      folded("Places as a table", { name: `${genes.name[row]}_places`, caption: `Places of ${genes.name[row]}`, rows,
        columns: [{ name: "regulator" }, { name: "region" }, { name: "first_bp", label: "from", help: "bases from the TSS, in rna from the 5' end" }, { name: "last_bp", label: "to" },
          { name: "genomic", label: facts.build, help: "1-based, both ends included" }, { name: "bases", help: "covered by the sites of the largest track" }, { name: "effect", help: unit }, { name: "task", label: "in" },
          { name: "position_blind", label: "shared by bases", help: "the model sees the total of the region, not the place" }] }, later));
  }

  function geneView(row, later) {
    return [...geneHead(row), levels(row, later), regulatorsOf(row, later), placesOf(row, later)];
  }

  /* One task. */
  const RANK = Object.fromEntries(facts.ranking_columns.map((name, at) => [name, at]));
  const fullName = (row) => `${row[RANK.kind]}:${row[RANK.regulator]}`;
  const cellsOf = new Map(regulators.map((name, at) => [name, facts.regulator_cells[at]]));
  const part = { test: "held-out", validation: "validation", all: "" }[facts.ranked_part];

  function lacking(name) {
    const found = facts.factors[name];
    if (!found) return null;
    const at = columns.indexOf(name);
    const item = (factor) => {
      const row = rowOfName.get(factor);
      const own = row === undefined || row < 0 ? null : of("measured", row, at);
      return own === null ? factor : `${factor} (${signed(own)})`;
    };
    return element("div", { class: "caveat-box", id: "lacking" }, element("strong", {}, "What the features lack. "),
      found.without.length ? `Of the factors that textbooks name for ${found.tissue}, these have no sites here: ${found.without.map(item).join(", ")}. No ranking from these features can name them; a regulator that binds beside them may stand in their place.`
        : `All ${found.with.length} factors that textbooks name for ${found.tissue} have sites here.`,
      found.with.length ? ` With sites: ${found.with.map(item).join(", ")}.` : " None of the others on that list has sites, either.",
      facts.has_measured ? " In brackets: their own measured change in this tissue." : "");
  }

  function rankingOf(name, later) {
    const rows = facts.ranking[name];
    const isOverall = name === OVERALL, column = isOverall ? RANK.mean_abs : RANK.mean;
    const top = rows.slice(0, 25);
    const interval = (row, side) => (row[RANK.sd_members] === null ? null : rounded(row[column] + side * row[RANK.sd_members], 4));
    const ranks = (row) => (row[RANK.rank_low] === null ? String(row[RANK.rank]) : `${row[RANK.rank]} (${row[RANK.rank_low]} to ${row[RANK.rank_high]})`);
    const drawn = figure(`The ${top.length} regulators that count most: ${isOverall ? "all tissues" : name}`,
      `Mean ${isOverall ? "absolute " : ""}effect over ${facts.n_ranked.toLocaleString("en")} ${part} genes; lines: standard deviation over ${facts.n_members} members. The table has the interval of each rank: the best and the worst rank over members taken singly.`,
      (spot) => chart(spot, { name: `${name}_regulators`, title: `Mean effects of the first ${top.length} regulators, ${isOverall ? "all tissues" : name}.`, x: { label: isOverall ? `mean absolute effect, ${unit}` : `mean effect, ${unit}` },
        y: { categories: top.map(fullName) }, lines: [{ axis: "x", at: 0 }],
        series: [{ name: "mean effect", colour: 0, x: top.map((row) => row[column]), y: top.map((_, i) => i), low: top.map((row) => interval(row, -1)), high: top.map((row) => interval(row, 1)), text: top.map(fullName),
          more: { "rank (over members)": top.map(ranks), "genes with sites": top.map((row) => row[RANK.n_bound_genes]) } }] }));
    later.push(drawn.draw);
    const spot = element("div", { id: "ranking" });
    later.push(() => table(spot, { name: `${name}_regulators`, caption: `Regulators: ${isOverall ? "all tissues" : name}`, total: rows.length,
      onrow: (row) => go({ ...state, regulator: `${row[4]}:${row[3]}` }),
      columns: [{ name: "rank" }, { name: "rank_low", label: "best", help: "best rank over members taken singly" }, { name: "rank_high", label: "worst", help: "worst rank over members taken singly" }, { name: "regulator" }, { name: "kind" },
        { name: "mean", help: `mean effect over genes, ${unit}` }, { name: "sd_members", label: "SD", help: "standard deviation over members of what is ranked" }, { name: "mean_abs", label: "mean size", help: "mean absolute effect over genes" },
        { name: "n_bound_genes", label: "genes with sites" }, { name: "n_tracks", label: "tracks", hidden: true }, { name: "cells", hidden: true }],
      rows: rows.map((row) => [row[RANK.rank], row[RANK.rank_low], row[RANK.rank_high], row[RANK.regulator], row[RANK.kind], row[RANK.mean], row[RANK.sd_members], row[RANK.mean_abs], row[RANK.n_bound_genes], row[RANK.n_tracks], cellsOf.get(fullName(row)) || null]) }));
    return element("section", { "aria-labelledby": "ranking-title" }, element("h3", { id: "ranking-title" }, "Regulators"),
      element("p", {}, isOverall ? "The model's effects, not a test: a large mean says that predictions rest on the regulator's sites." : "A positive mean says that the regulator's sites raise the prediction in this tissue. These are effects in the model, not a test; choose a row to see a regulator in all tissues."),
      lacking(name), drawn.made, spot);
  }

  function regulatorOf(name, later) {
    const found = facts.names_in_order.filter((task) => facts.ranking[task]).map((task) => ({ task, row: facts.ranking[task].find((row) => fullName(row) === name) })).filter(({ row }) => row);
    if (!found.length) return null;
    found.sort((one, other) => other.row[RANK.mean] - one.row[RANK.mean]);
    const drawn = figure(`${name} in all tasks`, cellsOf.get(name) ? `Sites from: ${cellsOf.get(name)}.` : null, (spot) => chart(spot, {
      name: `${name}_tasks`.replace(":", "_"), title: `Mean effect of ${name} in ${found.length} tasks.`, x: { label: `mean effect, ${unit}` }, y: { categories: found.map(({ task }) => task) }, lines: [{ axis: "x", at: 0 }],
      series: [{ name: "mean effect", colour: 0, x: found.map(({ row }) => row[RANK.mean]), y: found.map((_, i) => i), text: found.map(({ task }) => task),
        low: found.map(({ row }) => (row[RANK.sd_members] === null ? null : rounded(row[RANK.mean] - row[RANK.sd_members], 4))), high: found.map(({ row }) => (row[RANK.sd_members] === null ? null : rounded(row[RANK.mean] + row[RANK.sd_members], 4))),
        more: { "rank (over members)": found.map(({ row }) => `${row[RANK.rank]}${row[RANK.rank_low] === null ? "" : ` (${row[RANK.rank_low]} to ${row[RANK.rank_high]})`}`) } }] }));
    later.push(drawn.draw);
    return element("section", { id: "one-regulator" }, element("h3", {}, name), drawn.made);
  }

  function genesOf(at, later) {
    const rows = genes.name.map((name, row) => [name, genes.id[row], genes.chrom[row], splitOf(row) === "test" ? "held out" : splitOf(row), of("measured", row, at), of("predicted", row, at)]);
    rows.sort((one, other) => other[5] - one[5]);
    const spot = element("div", { id: "genes" });
    later.push(() => table(spot, { name: `${columns[at]}_genes`, caption: `Genes in ${columns[at]}`, rows, total: rows.length, onrow: (row) => go({ ...state, gene: genes.id.indexOf(row[1]), task: at, regulator: null }),
      columns: [{ name: "gene" }, { name: "gene_id", label: "Ensembl id" }, { name: "chrom" }, { name: "split", label: "in the model" }, { name: "measured" }, { name: "predicted" }] }));
    return element("section", { "aria-labelledby": "genes-title" }, element("h3", { id: "genes-title" }, "Genes, the highest prediction first"),
      element("p", {}, "Choose a row to see the gene. Search for held to see held-out genes only."), spot);
  }

  function taskView(at, later) {
    const name = at === null ? OVERALL : columns[at];
    const accuracy = at === null ? null : facts.task_accuracy[name];
    return [
      element("h2", { id: "shown" }, at === null ? "All tissues together" : name),
      accuracy === null || accuracy === undefined ? null : numbersList([{ label: "Predicted against measured", value: two(accuracy), note: "Spearman over the held-out genes", caveat: accuracy < 0.5 ? "most of the variation is not explained" : "" }]),
      facts.ranking[name] ? rankingOf(name, later) : null,
      state.regulator ? regulatorOf(state.regulator, later) : null,
      at === null ? null : genesOf(at, later),
    ];
  }

  /* The address, and what follows from it. */
  function address({ gene, task, regulator }) {
    const words = new URLSearchParams();
    if (gene !== null && gene !== undefined) words.set("gene", rowOfName.get(genes.name[gene]) === gene ? genes.name[gene] : genes.id[gene]);
    if (task !== null && task !== undefined) words.set("task", columns[task]);
    if (regulator) words.set("regulator", regulator);
    return `#${words}`;
  }

  function go(next) {
    const hash = address(next);
    if (hash === (location.hash || "#")) read();
    else location.hash = hash;
  }

  function say(text, ...candidates) {
    message.replaceChildren(text, ...candidates.map((row) => element("button", { type: "button", onclick: () => go({ ...state, gene: row, regulator: null }) }, `${genes.name[row]} ${genes.id[row]}`)));
  }

  /* A gene that a name means; says what is wrong where it means none or several. */
  function meant({ rows, how }, text) {
    if (rows.length === 1) {
      if (how === "other") say(`${text} is another name of ${genes.name[rows[0]]}.`);
      return rows[0];
    }
    if (rows.length) say(`${text} stands for several genes: `, ...rows);
    else say(`No gene ${text} is in this atlas of ${n.toLocaleString("en")} genes; give a symbol or an Ensembl id.`);
    return null;
  }

  function read() {
    const words = new URLSearchParams(location.hash.slice(1));
    message.replaceChildren();
    const text = words.get("gene"), task = words.get("task");
    let at = task === null ? -1 : columns.findIndex((name) => name.toLowerCase() === task.toLowerCase());
    if (task !== null && task !== OVERALL && at < 0) say(`No task ${task} is in this atlas.`);
    if (at < 0 && !main.length && !text) at = 0;
    state.task = at < 0 ? null : at;
    state.gene = text === null ? null : meant(search.resolve(text), text);
    state.regulator = words.get("regulator");
    if (text === null || state.gene !== null) draw();
    else view.replaceChildren();
  }

  function draw() {
    const later = [];
    const made = state.gene === null ? taskView(state.task, later) : geneView(state.gene, later);
    view.replaceChildren(...made.filter(Boolean));
    later.forEach((finish) => finish());
    picker.value = state.task === null ? "" : columns[state.task];
    field.value = state.gene === null ? "" : genes.name[state.gene];
    document.title = `${state.gene === null ? nameOf(state.task) : genes.name[state.gene]} \u2013 atlas of ${facts.model}`;
    document.getElementById("to-task").hidden = state.gene === null;
    if (state.regulator && state.gene === null) document.getElementById("one-regulator")?.scrollIntoView({ block: "nearest" });
  }

  const search = decodePage.geneSearch(genes, (found, text) => {
    const row = text ? meant(found, text) : null;
    if (row !== null) go({ gene: row, task: state.task });
  });
  picker.append(...(main.length ? [element("option", { value: "" }, "all tissues together")] : []),
    ...facts.names_in_order.map((name) => element("option", { value: name }, name)));
  picker.addEventListener("change", () => go({ ...state, task: picker.value ? columns.indexOf(picker.value) : null, regulator: null }));
  document.getElementById("to-task").addEventListener("click", () => go({ gene: null, task: state.task }));
  document.getElementById("atlas-form").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", read);
  read();
  ready("yes");
})();
