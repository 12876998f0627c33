/* Axes of figures: from values to places, and the ticks between. */
decodePage.scales = (() => {
  "use strict";
  const { shown } = decodePage;

  function niceStep(span, wanted) {
    const raw = span / Math.max(1, wanted);
    const size = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((step) => step >= raw * 0.999);
  }

  function linear(low, high, wanted) {
    if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
    const step = niceStep(high - low, wanted);
    const ticks = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) ticks.push(at * step);
    if (ticks.length < 2 && wanted < 16) return linear(low, high, 2 * wanted); // narrow figures: one tick is no scale
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9) + (/^2\.5/.test((step / 10 ** Math.floor(Math.log10(step))).toFixed(2)) ? 1 : 0));
    const text = (value) => (Math.abs(high) >= 1e6 || Math.abs(low) >= 1e6 ? shown(value)
      : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace(/^-/, "\u2212").replace(/^\u2212(0(\.0*)?)$/, "$1"));
    return { low, high, ticks: ticks.map((value) => ({ value, text: text(value) })), map: (value) => (value - low) / (high - low) };
  }

  function logarithmic(low, high) {
    const [from, to] = [Math.log10(low), Math.log10(high)];
    const span = to - from || 1;
    const ticks = [];
    for (let power = Math.floor(from); power <= Math.ceil(to); power += 1) {
      for (const factor of span < 1.5 ? [1, 2, 5] : span < 3 ? [1, 3] : [1]) {
        const value = factor * 10 ** power;
        if (value >= low * 0.999 && value <= high * 1.001) ticks.push({ value, text: shown(value) });
      }
    }
    return { low, high, ticks, map: (value) => (Math.log10(value) - from) / span };
  }

  function categories(names) {
    return { low: -0.5, high: names.length - 0.5, ticks: names.map((text, value) => ({ value, text })),
      map: (value) => (value + 0.5) / names.length };
  }

  /* axis: {label, log, categories, low, high}; values: all numbers that must be in sight */
  function scale(axis, values, wanted) {
    if (axis.categories) return categories(axis.categories);
    const usable = values.filter((value) => Number.isFinite(value) && (!axis.log || value > 0));
    let low = axis.low ?? usable.reduce((best, value) => Math.min(best, value), Infinity);
    let high = axis.high ?? usable.reduce((best, value) => Math.max(best, value), -Infinity);
    if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = axis.log ? [0.1, 1] : [0, 1];
    if (axis.log) {
      const room = (high / low) ** 0.04 || 1.1;
      return logarithmic(axis.low === undefined ? low / room : low, axis.high === undefined ? high * room : high);
    }
    const room = (high - low) * 0.04 || Math.abs(high) * 0.1 || 0.5;
    return linear(axis.low === undefined ? low - room : low, axis.high === undefined ? high + room : high, wanted);
  }

  return { scale };
})();
