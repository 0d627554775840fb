// Browsers start no worker from a file, so in a site opened without a server the search runs in a hidden frame.
if (location.protocol === "file:") {
  const ofWorkers = `
    const run = (url) => new Promise((done, failed) => {
      const script = document.createElement("script");
      Object.assign(script, { src: url, onload: done, onerror: failed });
      document.body.append(script);
    });
    const postMessage = (data) => parent.postMessage(data, "*");
    const importScripts = (...urls) => urls.reduce((before, url) => before.then(() => run(url)), Promise.resolve());`;
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      window.addEventListener("message", (event) => {
        if (event.source === this.inside) this.dispatchEvent(new MessageEvent("message", { data: event.data }));
      });
      this.inside.document.open();
      this.inside.document.write(`<body><script>${ofWorkers} var ready = run("${url}")<\/script></body>`);
      this.inside.document.close();
    }
    postMessage(data) {
      this.inside.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
}
