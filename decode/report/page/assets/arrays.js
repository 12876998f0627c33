/* Large arrays that a page holds (decode/report/page/arrays.py): unpacked when they are asked for, as whole multiples of a step.
 *
 * decodePage.array(id, {shape, step, differences}) gives a promise of {whole, shape, step, at(i)}:
 *   whole  Int16Array in the order of rows; MISSING stands for an undefined number
 *   at(i)  the number of place i, null where undefined
 */
decodePage.array = (() => {
  "use strict";
  const MISSING = -32768;

  async function bytesOf(id) {
    const place = document.getElementById(id);
    const letters = atob(place.textContent.trim());
    place.remove(); // megabytes of text that nobody reads again
    const packed = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i += 1) packed[i] = letters.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  return async (id, { shape, step, differences }) => {
    const bytes = await bytesOf(id);
    const half = bytes.length / 2;
    const whole = new Int16Array(half);
    const width = shape[shape.length - 1] || 1;
    let before = 0;
    for (let i = 0; i < half; i += 1) {
      const zigzag = bytes[i] | (bytes[half + i] << 8);
      whole[i] = (zigzag >>> 1) ^ -(zigzag & 1);
      if (differences) {
        if (i % width === 0) before = 0;
        whole[i] += before;
        before = whole[i];
      }
    }
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return { whole, shape, step, at: (i) => (whole[i] === MISSING ? null : Number((whole[i] * step).toFixed(digits))) };
  };
})();
