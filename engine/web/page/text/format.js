/** Numbers as people read them. */

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Return a size in decimal units: "18.2 MB". @param {number} bytes */
export function formatBytes(bytes) {
  let size = Math.max(0, bytes);
  let unit = 0;
  while (size >= 999.5 && unit < BYTE_UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 99.95 ? 0 : 1;
  return `${size.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** Return a duration: "0.4 s", "12 s", "1 min 05 s", "2 h 03 min". @param {number} seconds */
export function formatDuration(seconds) {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${pad(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** Return the time of day: "14:03:07". @param {number} milliseconds since the epoch */
export function formatClock(milliseconds) {
  const time = new Date(milliseconds);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(":");
}

/**
 * Return when a line of a log came, as short as it is clear: "14:03:07", "11-28 14:03:07" on another day.
 * @param {number} milliseconds since the epoch @param {number} now
 */
export function formatMoment(milliseconds, now) {
  const time = new Date(milliseconds);
  const clock = formatClock(milliseconds);
  if (time.toDateString() === new Date(now).toDateString()) return clock;
  return `${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${clock}`;
}

/**
 * Return what the engine says of when something came in milliseconds; now when it does not know.
 * @param {unknown} seconds since the epoch
 */
export function timeOf(seconds) {
  return typeof seconds === "number" ? seconds * 1000 : Date.now();
}

/**
 * Return a count of things: "1 window", "3 windows".
 * @param {number} number @param {string} one @param {string} [many]
 */
export function formatCount(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

/**
 * Return what part of a whole is done, 0 to 100, or null when nobody knows. Plugins give 0.4 as
 * well as 40: below 1 it is a fraction, as everywhere in ImJoy.
 * @param {unknown} value
 */
export function percentOf(value) {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) return null;
  return Math.min(100, Math.max(0, number < 1 ? number * 100 : number));
}

/** @param {number} number */
function pad(number) {
  return String(number).padStart(2, "0");
}
