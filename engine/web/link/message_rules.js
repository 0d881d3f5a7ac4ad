/**
 * What a message of a peer must look like before anything looks into it: imjoy-rpc's class takes
 * all of that on trust.
 */

import { isRecord } from "./errors.js";

/**
 * Return whether the message has the parts that its type needs, each of the right kind.
 * @param {any} message a record with a `type`
 * @returns {boolean}
 */
export function isWellFormed(message) {
  const { type, promise, progress, args, released } = message;
  if (!isAbsentOr(Array.isArray, released)) return false;
  if (type === "callback" && !isId(message.id)) return false;
  if (type === "disposeObject" && !isId(message.object_id)) return false;
  if (type !== "method" && type !== "callback") return true;
  return (
    isAbsentOr(isPromise, promise) && isAbsentOr(isReference, progress) && isAbsentOr(Array.isArray, args)
  );
}

/**
 * @param {(value: any) => boolean} rule
 * @param {unknown} value
 */
function isAbsentOr(rule, value) {
  return value === undefined || value === null || rule(value);
}

/** @param {any} value */
function isPromise(value) {
  return Array.isArray(value) && value.length === 2 && value.every(isReference);
}

/** @param {any} value how a function is told to call another */
function isReference(value) {
  return isRecord(value) && value._rtype === "callback" && isId(value._rvalue);
}

/** @param {unknown} value */
function isId(value) {
  return typeof value === "string" || typeof value === "number";
}
