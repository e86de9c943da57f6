const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 });

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/** @param {number} value */
export function shortCount(value) {
  return value < 10_000 ? whole.format(value) : compact.format(value);
}

/** @param {number} value */
export function rate(value) {
  return value < 9.95 ? value.toFixed(1) : whole.format(value);
}

/** @param {number} part */
export function percent(part) {
  if (part === 0 || part === 1) return `${part * 100}%`;
  if (part < 0.001) return '<0.1%';
  if (part > 0.999) return '>99.9%';
  // Near the ends a tenth of a percent matters.
  return `${(part * 100).toFixed(part < 0.1 || part > 0.99 ? 1 : 0)}%`;
}

/** Minutes and seconds of play; a tick is a tenth of a second. @param {number} ticks */
export function playTime(ticks) {
  const seconds = Math.floor(ticks / 10);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const tail = String(seconds % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/** How long ago. @param {number} ms */
export function age(ms) {
  if (ms < 950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** `BUILD_MOBILE` as "Build mobile". @param {string} kind */
export function kindName(kind) {
  const words = kind.toLowerCase().replaceAll('_', ' ');
  return words[0]?.toUpperCase() + words.slice(1);
}
