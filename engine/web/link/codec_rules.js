/** What `codec.js` allows, and what it says when something is beyond. */

export const MAX_BODY_BYTES = 64 * 1024 * 1024;
export const MAX_CONTAINERS = 8 * 1024 * 1024;
export const MAX_DEPTH = 100;
export const MAX_INT_DIGITS = 4300;
/** A body with more buffers than this has its small ones share one. */
export const MAX_LOOSE_BUFFERS = 256;
/** The largest of those that share. */
export const MAX_SHARED_BYTES = 16 * 1024;


/** Says why a message has no body, or a body is no message. */
export class CodecError extends Error {
  /** @override */
  name = "CodecError";
}
