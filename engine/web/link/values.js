/**
 * Values that imjoy-rpc encodes wrongly or not at all, as its own codecs (`registerCodec`'s form).
 *
 * A view of a buffer sends its own bytes (upstream sends the whole buffer), 64-bit arrays have a
 * dtype, files keep name and type, dates stay dates, and an error keeps its class and traceback.
 * Results of type ndarray stay upstream's plain objects: that is what window plugins expect.
 */

import { isRecord } from "./errors.js";
import { RemoteStream } from "./streams.js";

/**
 * @typedef {object} ValueCodec
 * @property {string} name the `_rtype`
 * @property {Function} [type] whose instances are encoded
 * @property {(value: any) => any} [encoder]
 * @property {(value: any) => any} [decoder]
 */

const MAX_CAUSES = 8;
const TypedArray = Object.getPrototypeOf(Uint8Array);

/** @type {Record<string, string>} */
const DTYPES = {
  Int8Array: "int8",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Int16Array: "int16",
  Uint16Array: "uint16",
  Int32Array: "int32",
  Uint32Array: "uint32",
  BigInt64Array: "int64",
  BigUint64Array: "uint64",
  Float16Array: "float16",
  Float32Array: "float32",
  Float64Array: "float64",
};

/**
 * Return the codecs by name, as the constructor of `RPC` takes them.
 * @returns {Record<string, ValueCodec>}
 */
export function valueCodecs() {
  /** @type {ValueCodec[]} */
  const codecs = [
    { name: "error", type: Error, encoder: (error) => encodeError(error), decoder: decodeError },
    { name: "typedarray", type: TypedArray, encoder: encodeTyped, decoder: decodeTyped },
    { name: "memoryview", type: DataView, encoder: encodeDataView },
    { name: "datetime", type: Date, encoder: encodeDate, decoder: decodeDate },
    { name: "file", type: globalThis.File, encoder: encodeFile },
    { name: "blob", type: globalThis.Blob, encoder: encodeBlob },
    { name: "generator", decoder: (steps) => new RemoteStream(steps) },
    { name: "imagedata", type: globalThis.ImageData, encoder: encodeImageData },
  ];
  const known = codecs.filter(({ type, decoder }) => type !== undefined || decoder !== undefined);
  // Without a prototype: they are looked up by what the other end calls a value.
  return Object.assign(
    Object.create(null),
    Object.fromEntries(known.map((codec) => [codec.name, codec])),
  );
}

/**
 * Return the bytes that the view shows, without a copy where it shows the whole buffer.
 * @param {ArrayBufferView} view
 * @returns {ArrayBuffer}
 */
function ownBytes({ buffer, byteOffset, byteLength }) {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) return buffer;
  return new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
}

/**
 * @param {Error & {trace?: string}} error
 * @param {number} [causes] how many more causes are told
 * @returns {Record<string, any>}
 */
function encodeError(error, causes = MAX_CAUSES) {
  const { name, message, cause } = error;
  const encoded = {
    _rtype: "error",
    _rvalue: message || name,
    _rname: name,
    _rtrace: error.trace ?? error.stack,
  };
  const told = cause instanceof Error && causes > 0;
  return told ? { ...encoded, _rcause: encodeError(cause, causes - 1) } : encoded;
}

/**
 * @param {Record<string, any>} encoded
 * @returns {Error & {trace?: string}}
 */
function decodeError({ _rvalue, _rname, _rtrace, _rcause }) {
  const cause = isRecord(_rcause) ? { cause: decodeError(_rcause) } : {};
  const error = /** @type {Error & {trace?: string}} */ (new Error(String(_rvalue), cause));
  if (typeof _rname === "string") error.name = _rname;
  if (typeof _rtrace === "string") {
    error.trace = _rtrace;
    error.stack = _rtrace;
  }
  return error;
}

/** @param {ArrayBufferView & {[Symbol.toStringTag]: string}} array */
function encodeTyped(array) {
  const dtype = DTYPES[array[Symbol.toStringTag]];
  return { _rtype: "typedarray", _rvalue: ownBytes(array), _rdtype: dtype };
}

/** @param {{_rvalue: ArrayBuffer, _rdtype: string}} encoded */
function decodeTyped({ _rvalue, _rdtype }) {
  const [name] = Object.entries(DTYPES).find(([, dtype]) => dtype === _rdtype) ?? [""];
  const type = /** @type {Record<string, any>} */ (globalThis)[name];
  if (type === undefined) throw new Error(`This browser has no arrays of type ${_rdtype}.`);
  return new type(_rvalue);
}

/** @param {DataView} view */
function encodeDataView(view) {
  return { _rtype: "memoryview", _rvalue: ownBytes(view) };
}

/** @param {Date} date */
function encodeDate(date) {
  return { _rtype: "datetime", _rvalue: date.toISOString() };
}

/** @param {{_rvalue: string}} encoded */
function decodeDate({ _rvalue }) {
  return new Date(_rvalue);
}

/** @param {File & {_path?: string}} file */
async function encodeFile(file) {
  return {
    ...(await encodeBlob(file)),
    _rtype: "file",
    _rname: file.name,
    _rpath: file._path ?? file.webkitRelativePath,
  };
}

/** @param {Blob} blob */
async function encodeBlob(blob) {
  return { _rtype: "blob", _rvalue: await blob.arrayBuffer(), _rmime: blob.type };
}

/** @param {ImageData} image */
function encodeImageData({ data, width, height }) {
  const shape = [height, width, 4];
  return { _rtype: "ndarray", _rvalue: ownBytes(data), _rshape: shape, _rdtype: "uint8" };
}

/**
 * Return the value if it may be sent as it is: a promise is not, for nobody would wait for it.
 * @param {any} value
 * @returns {any}
 */
export function awaited(value) {
  if (typeof value === "object" && typeof value?.then === "function") {
    throw new Error("a Promise must be awaited, and its result sent");
  }
  return value;
}

/**
 * Return the tree without a function named `then`: what it stands for would be taken for a promise,
 * and be waited for by everything that comes after it.
 * @param {any} tree
 * @returns {any}
 */
export function withoutThen(tree) {
  if (!isRecord(tree) || !isRecord(tree.then)) return tree;
  if (!["callback", "interface"].includes(String(tree.then._rtype))) return tree;
  const { then, ...rest } = tree;
  return rest;
}

/**
 * Return the arguments without imjoy-rpc's mark for keyword arguments, and whether it was there.
 * @param {any[]} args
 * @returns {{args: any[], withKwargs: boolean}}
 */
export function takeKwargs(args) {
  const last = args.at(-1);
  if (!isRecord(last) || !last._rkwargs) return { args, withKwargs: false };
  const { _rkwargs, ...kwargs } = last;
  return { args: [...args.slice(0, -1), kwargs], withKwargs: true };
}
