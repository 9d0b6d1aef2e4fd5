// Quantities as the API writes them, read into plain numbers and written for people.

const scales: Record<string, number> = {
  W: 1, kW: 1e3, MW: 1e6, GW: 1e9,
  J: 1, kJ: 1e3, MJ: 1e6, GJ: 1e9, Wh: 3600, kWh: 3.6e6, MWh: 3.6e9, GWh: 3.6e12,
  mg: 1e-3, g: 1, kg: 1e3, t: 1e6,
  B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15,
  "GPU-s": 1 / 3600, "GPU-h": 1, "%": 0.01, "": 1,
};

/** `22.5MW` in watts, `3.6MJ` in joules, `420g` in grams, `12GPU-s` in GPU hours, `50%` as 0.5, `"8"` as 8. */
export function quantity(text: string | number | null | undefined): number {
  if (text === null || text === undefined || text === "") return 0;
  if (typeof text === "number") return text;
  const found = /^(-?\d+(?:\.\d+)?)\s*(\D.*)?$/.exec(text);
  return found ? Number(found[1]) * (scales[found[2] ?? ""] ?? NaN) : NaN;
}

export interface Amount {
  value: number;
  currency: string;
}

/** `2.49 USD`. */
export function money(text: string | undefined): Amount {
  const [value = "0", currency = ""] = (text ?? "").split(" ");
  return { value: Number(value), currency };
}

const plain = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });

/** Three figures or so: 41.7, 8.25, 520. */
function figures(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return new Intl.NumberFormat("en-GB", { maximumFractionDigits: digits }).format(value);
}

function scaled(value: number, unit: string, steps: [number, string][]): string {
  if (!Number.isFinite(value)) return "–";
  for (const [size, prefix] of steps) if (Math.abs(value) >= size) return `${figures(value / size)} ${prefix}${unit}`;
  return `${figures(value)} ${unit}`;
}

const si: [number, string][] = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
export const watts = (value: number) => scaled(value, "W", si);
export const wattHours = (joules: number) => scaled(joules / 3600, "Wh", si);
export const mass = (grams: number) => (Math.abs(grams) >= 1e6 ? `${figures(grams / 1e6)} t` : scaled(grams, "g", [[1e3, "k"]]));
export const bytes = (value: number) => scaled(value, "B", [[2 ** 40, "Ti"], [2 ** 30, "Gi"], [2 ** 20, "Mi"], [2 ** 10, "Ki"]]);
/** Whole numbers with separators; shares of one with a decimal. */
export const count = (value: number) => (Number.isInteger(value) ? plain : tenth).format(value);
export const percent = (part: number, digits = 0) => (Number.isFinite(part) ? `${(part * 100).toFixed(digits)} %` : "–");
export const gpus = (value: number) => `${count(value)} ${value === 1 ? "GPU" : "GPUs"}`;
export const gpuHours = (value: number) => `${value >= 100 ? plain.format(value) : figures(value)} GPU-h`;

export function cash(amount: Amount, digits = 2): string {
  if (!amount.currency) return tenth.format(amount.value);
  return `${new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(amount.value)} ${amount.currency}`;
}

/** Sums by currency: nothing is converted. */
export function sums(amounts: (string | undefined)[]): Amount[] {
  const out = new Map<string, number>();
  for (const text of amounts) {
    if (!text) continue;
    const { value, currency } = money(text);
    out.set(currency, (out.get(currency) ?? 0) + value);
  }
  return [...out].map(([currency, value]) => ({ currency, value })).sort((a, b) => b.value - a.value);
}
