// Times and durations, as the API writes them and as people read them. All of it in UTC, as everywhere in Penstock.

/** `2026-11-26T12:37:55.855Z` in milliseconds. */
export const ms = (text: string | undefined) => (text ? Date.parse(text) : NaN);

const two = (n: number) => String(n).padStart(2, "0");

/** `26 Nov 2026 12:37:55`. */
export function moment(text: string | undefined, seconds = true): string {
  const at = new Date(ms(text));
  if (Number.isNaN(at.getTime())) return "–";
  return `${date(text)} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}${seconds ? `:${two(at.getUTCSeconds())}` : ""}`;
}

export function clock(at: number): string {
  const time = new Date(at);
  return `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function date(text: string | undefined): string {
  const at = new Date(ms(text));
  if (Number.isNaN(at.getTime())) return "–";
  return `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

export function month(at: number): string {
  const time = new Date(at);
  return `${months[time.getUTCMonth()]} ${time.getUTCFullYear()}`;
}

/** The longest two parts: `3 d 4 h`, `12 min 5 s`. */
export function span(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return "–";
  const s = Math.max(0, Math.round(milliseconds / 1000));
  const parts: [number, string][] = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(" ");
}

/** An ISO 8601 duration in milliseconds. */
export function duration(text: string | undefined): number {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text ?? "");
  if (!found) return NaN;
  const [, w = 0, d = 0, h = 0, m = 0, s = 0] = found.map((part) => Number(part ?? 0));
  return ((((w * 7 + d) * 24 + h) * 60 + m) * 60 + s) * 1000;
}
