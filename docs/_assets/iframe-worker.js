// Pages that are opened from a disk may not start a worker, which the search needs: there an inner frame takes its place.
(() => {
  if (location.protocol !== "file:") return;
  class FrameWorker extends EventTarget {
    constructor(address) {
      super();
      this.queue = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = "<!doctype html><script>" +
        "window.importScripts = (...all) => Promise.all(all.map((src) => new Promise((done, failed) => {" +
        "const tag = document.createElement('script'); tag.src = src; tag.onload = done; tag.onerror = failed; document.head.append(tag) })));" +
        "window.postMessage = (data) => frameElement.receive(data)<" + "/script>" +
        `<script src="${address}" onload="frameElement.ready()"><` + "/script>";
      frame.receive = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      frame.ready = () => {
        this.frame = frame;
        for (const data of this.queue.splice(0)) this.postMessage(data);
      };
      document.body.append(frame);
    }
    postMessage(data) {
      if (!this.frame) { this.queue.push(data); return; }
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }
    terminate() { if (this.frame) this.frame.remove(); }
  }
  window.Worker = FrameWorker;
})();
