/**
 * Connects a plugin's frame to the core that made it.
 *
 * The core passes the address of imjoy-rpc as `base_url`. The core's own frame also registers a
 * service worker, which would outlive the engine and cache its pages: this one does not.
 */
window
  .loadImJoyRPCByQueryString()
  .then((rpc) => rpc.waitForInitialization({ target_origin: "*", enable_service_worker: false }))
  .catch((error) => {
    document.body.textContent = `The plugin's frame could not start: ${error}`;
  });
