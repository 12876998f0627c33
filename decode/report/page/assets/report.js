/* Fill the places of tables and figures with what the page holds for them, and say where in the page one is. */
(async () => {
  "use strict";
  const data = await decodePage.unpack("page-data");
  for (const place of document.querySelectorAll("[data-table]")) decodePage.table(place, data.tables[place.dataset.table]);
  for (const place of document.querySelectorAll("[data-chart]")) decodePage.chart(place, data.charts[place.dataset.chart]);
  for (const link of document.querySelectorAll("a[data-shown]")) link.href = link.closest("figure").querySelector("img").src;

  const entries = new Map([...document.querySelectorAll("nav.contents a")].map((link) => [link.hash.slice(1), link]));
  const sections = [...document.querySelectorAll("section[id]")].filter((section) => entries.has(section.id));
  const mark = () => {
    const passed = sections.filter((section) => section.getBoundingClientRect().top < 120);
    const now = passed[passed.length - 1] || sections[0];
    entries.forEach((link, id) => (now && id === now.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  };
  window.addEventListener("scroll", mark, { passive: true });
  mark();
  if (window.innerWidth < 1000) document.querySelector("nav.contents details").open = false;
  document.documentElement.dataset.ready = "yes";
})();
