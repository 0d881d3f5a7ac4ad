/**
 * Connects a plugin's frame to the core that made it.
 *
 * The core passes the address of imjoy-rpc as `base_url`. The core's own frame also registers a
 * service worker, which would outlive the engine and cache its pages: this one does not.
 */
(() => {
  const { src } = /** @type {HTMLScriptElement} */ (document.currentScript);
  const before = ["rpc_repair.js", "call_options.js"].map((name) => new URL(name, src).href);

  /** imjoy-rpc makes a worker from a text inside itself: let what changes its class run first. */
  function repairNextWorker() {
    const { Worker } = window;
    window.Worker = class extends Worker {
      /** @param {string | URL} url @param {WorkerOptions} [options] */
      constructor(url, options) {
        window.Worker = Worker;
        const scripts = [...before, String(url)].map((script) => JSON.stringify(script));
        const text = `importScripts(${scripts.join(", ")});`;
        super(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), options);
      }
    };
  }

  addEventListener("message", ({ data, source }) => {
    if (source === parent && data?.type === "initialize" && data.config?.type === "web-worker") repairNextWorker();
  });

  window
    .loadImJoyRPCByQueryString()
    .then((rpc) => rpc.waitForInitialization({ target_origin: "*", enable_service_worker: false }))
    .catch((error) => {
      document.body.textContent = `The plugin's frame could not start: ${error}`;
    });
})();
