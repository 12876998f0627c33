/* What tables and figures share: elements, numbers as text, packed data, files to save. */
const decodePage = (() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";

  function element(name, attributes = {}, ...children) {
    return fill(document.createElement(name), attributes, children);
  }

  function svg(name, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
  }

  function fill(made, attributes, children) {
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : String(value));
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  /* Three significant digits for reading; files keep the number as it was. */
  function shown(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value !== "number") return String(value);
    const size = Math.abs(value);
    let text;
    if (Number.isInteger(value) && size < 1e15) text = value.toLocaleString("en");
    else if (size >= 1e6 || size < 1e-3) text = value.toExponential(1).replace("e+", "e");
    else if (size >= 1000) text = Math.round(value).toLocaleString("en");
    else text = value.toPrecision(3);
    return text.replace(/-/g, "\u2212");
  }

  /* A block of the page that holds gzipped JSON in base64. */
  async function unpack(id) {
    const text = document.getElementById(id).textContent.trim();
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  function save(name, content, type) {
    const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  /* Details are opened for paper, and closed again afterwards those that were closed. */
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));

  return { element, svg, shown, unpack, save };
})();
