/** The Socket.IO connection itself, as socket.io-client's `io` makes it. */

/**
 * What `io` returns, as far as it is used here.
 * @typedef {object} Socket
 * @property {boolean} connected
 * @property {boolean} [active] whether it goes on trying by itself
 * @property {(event: string, listener: (...data: any[]) => void) => unknown} on
 * @property {(event: string, ...data: any[]) => unknown} emit
 * @property {() => unknown} connect
 * @property {() => unknown} disconnect
 */

/** @typedef {(url: string, options: object) => Socket} SocketMaker */

/**
 * Return a socket that is not connected yet. Behind a proxy the engine may have a path of its own.
 * @param {SocketMaker} io
 * @param {string} url the engine's
 * @returns {Socket}
 */
export function openSocket(io, url) {
  const { origin, pathname } = new URL(url);
  return io(origin, {
    path: `${pathname.replace(/\/$/, "")}/socket.io`,
    transports: ["websocket", "polling"],
    tryAllTransports: true,
    autoConnect: false,
    forceNew: true,
    reconnectionDelayMax: 5000,
  });
}
