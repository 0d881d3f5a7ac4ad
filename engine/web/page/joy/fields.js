/** One field of an ImJoy form: what a person fills in, and which answer that gives. */

/**
 * @typedef {object} Option
 * @property {string} label
 * @property {unknown} value
 */

/**
 * @typedef {object} Field
 * @property {string} id the answer's name
 * @property {"number" | "range" | "choose" | "string" | "text" | "checkbox" | "color" | "button"} kind
 * @property {unknown} value what is answered when nobody touches it
 * @property {string} label of a button
 * @property {number | null} min
 * @property {number | null} max
 * @property {number | null} step
 * @property {Option[]} options
 */

/** @type {Map<string, Field["kind"]>} */
const KINDS = new Map([
  ["number", "number"],
  ["range", "range"],
  ["slider", "range"],
  ["choose", "choose"],
  ["select", "choose"],
  ["string", "string"],
  ["text", "text"],
  ["textarea", "text"],
  ["boolean", "checkbox"],
  ["bool", "checkbox"],
  ["checkbox", "checkbox"],
  ["color", "color"],
  ["button", "button"],
]);

/**
 * Return the field that `{id, type, placeholder, …}` describes. `placeholder` is the value that the
 * form starts with. A type that nobody knows is a line of text.
 * @param {Record<string, unknown>} spec
 * @returns {Field}
 */
export function fieldOf(spec) {
  const kind = KINDS.get(String(spec.type ?? "string")) ?? "string";
  const options = Array.isArray(spec.options) ? spec.options.map(optionOf) : [];
  const bounds = { min: numberOf(spec.min), max: numberOf(spec.max), step: numberOf(spec.step) };
  const given = spec.placeholder ?? spec.value ?? spec.default;
  return {
    id: String(spec.id ?? spec.name ?? ""),
    kind,
    label: String(spec.label ?? ""),
    value: startOf(kind, given, options, bounds),
    options,
    ...bounds,
  };
}

/**
 * Return the answers of a form: what was filled in, or what it starts with.
 * @param {Field[]} fields
 * @param {Record<string, unknown>} filled
 * @returns {Record<string, unknown>}
 */
export function answersOf(fields, filled) {
  /** @type {Record<string, unknown>} */
  const answers = {};
  for (const field of fields) {
    if (field.kind !== "button" && field.id) {
      answers[field.id] = field.id in filled ? filled[field.id] : field.value;
    }
  }
  return answers;
}

/**
 * Return what is wrong with an answer, or "".
 * @param {Field} field
 * @param {unknown} answer
 */
export function complaintOf(field, answer) {
  if (field.kind !== "number" && field.kind !== "range") return "";
  if (typeof answer !== "number" || !Number.isFinite(answer)) return "Enter a number.";
  if (field.min !== null && answer < field.min) return `At least ${field.min}.`;
  if (field.max !== null && answer > field.max) return `At most ${field.max}.`;
  return "";
}

/** @param {unknown} item @returns {Option} */
function optionOf(item) {
  if (typeof item === "object" && item !== null && "value" in item) {
    const { value, label } = /** @type {{value: unknown, label?: unknown}} */ (item);
    return { label: String(label ?? value), value };
  }
  return { label: String(item), value: item };
}

/**
 * @param {Field["kind"]} kind @param {unknown} given @param {Option[]} options
 * @param {{min: number | null}} bounds
 */
function startOf(kind, given, options, bounds) {
  if (kind === "number" || kind === "range") return numberOf(given) ?? bounds.min ?? 0;
  if (kind === "checkbox") return given === true || given === "true" || given === "True";
  if (kind === "choose") return options.some((option) => option.value === given) ? given : options[0]?.value;
  if (kind === "color") return typeof given === "string" ? given : "#3b7dd8";
  return given === undefined || given === null ? "" : String(given);
}

/** @param {unknown} value */
function numberOf(value) {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}
