/** The Socket.IO client, bundled once. */
export { io } from "socket.io-client";
