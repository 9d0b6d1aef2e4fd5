// The floor plan on a canvas: thousands of racks, drawn anew only when something has changed, at most once a frame.
import type { Floor } from "../../api/types";
import { quantity } from "../../lib/units";

export type Measure = "power" | "free" | "health" | "tenant" | "contract";
export type Rack = Floor["halls"][number]["rows"][number]["racks"][number];

export interface Cell {
  name: string; // hall/rack
  rack: Rack;
  x: number;
  y: number;
  color: string; // of the measure; empty: only its outline
}

const wide = 12;
const high = 20;
const gap = 2;
const aisle = 8;
const title = 18;
const margin = 22;
const hues = [212, 172, 272, 48, 312, 192, 242, 92, 292, 152]; // red is for what is out

/** The GPUs that most of the rack's are held under; nothing if it is empty. */
export function holder(rack: Rack, by: "tenant" | "contract"): string | undefined {
  const sums = new Map<string, number>();
  for (const { contract, gpus } of rack.holders ?? []) {
    const name = by === "tenant" ? contract.split("/")[0] : contract;
    sums.set(name, (sums.get(name) ?? 0) + quantity(gpus));
  }
  return [...sums].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function hex(text: string): [number, number, number] {
  const value = parseInt(text.trim().slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export class FloorView {
  private pen: CanvasRenderingContext2D;
  private cells: Cell[] = [];
  private painted: Cell[] = []; // by colour, so that each is set once
  private marked: Cell[] = [];
  private halls: { name: string; x: number; y: number; w: number; h: number }[] = [];
  private shape = "";
  private floor: Floor | null = null;
  private world = { w: 1, h: 1 };
  private view = { x: 0, y: 0, scale: 1 };
  private size = { w: 0, h: 0 };
  private fitted = true;
  private waiting = 0;
  private measure: Measure = "power";
  private ramp: string[] = [];
  private css = { ink: "", ink3: "", line: "", track: "", bad: "", accent: "", surface: "" };
  private dark = true;
  private groups: string[] = [];
  at = -1; // the rack under the pointer or the keys
  /** Frames drawn and the milliseconds they took, for who measures. */
  frames = 0;
  spent = 0;

  constructor(private canvas: HTMLCanvasElement) {
    this.pen = canvas.getContext("2d", { alpha: false })!;
  }

  destroy() {
    cancelAnimationFrame(this.waiting);
  }

  setTheme() {
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    this.css = { ink: color("--ink"), ink3: color("--ink-3"), line: color("--line-strong"), track: color("--track"), bad: color("--bad"), accent: color("--accent"), surface: color("--surface") };
    this.dark = document.documentElement.dataset.theme !== "light";
    const [from, to] = [hex(color("--track")), hex(color("--bar"))];
    this.ramp = [...Array(33)].map((_, i) => `rgb(${from.map((c, k) => Math.round(c + ((to[k] - c) * i) / 32)).join()})`);
    this.recolor();
  }

  setMeasure(measure: Measure) {
    this.measure = measure;
    this.recolor();
  }

  setFloor(floor: Floor) {
    const shape = floor.halls.map((hall) => hall.name + hall.rows.map((row) => row.racks.length)).join();
    if (shape !== this.shape) {
      this.shape = shape;
      this.lay(floor);
      if (this.size.w) this.fit();
    } else {
      let i = 0;
      for (const hall of floor.halls) for (const row of hall.rows) for (const rack of row.racks) this.cells[i++].rack = rack;
    }
    this.groups = [...new Set(this.cells.flatMap(({ rack }) => (rack.holders ?? []).map(({ contract }) => contract)))].sort();
    this.recolor();
  }

  resize(w: number, h: number) {
    this.size = { w, h };
    this.canvas.width = Math.round(w * devicePixelRatio);
    this.canvas.height = Math.round(h * devicePixelRatio);
    this.canvas.style.width = `${w}px`;
    this.canvas.style.height = `${h}px`;
    if (this.fitted) {
      if (this.floor) this.lay(this.floor);
      this.recolor();
      this.fit();
    }
    this.draw();
  }

  /** Halls side by side, in as many columns as fill the window best. */
  private lay(floor: Floor) {
    this.floor = floor;
    const blocks = floor.halls.map((hall) => ({
      hall,
      w: Math.max(1, ...hall.rows.map((row) => row.racks.length)) * (wide + gap),
      h: title + hall.rows.length * (high + aisle),
    }));
    const w = Math.max(1, ...blocks.map((block) => block.w)) + margin;
    const h = Math.max(1, ...blocks.map((block) => block.h)) + margin;
    const ratio = this.size.h > 0 ? this.size.w / this.size.h : 1.6;
    let columns = 1;
    let best = 0;
    for (let n = 1; n <= blocks.length; n++) {
      const lines = Math.ceil(blocks.length / n);
      const scale = Math.min(ratio / (n * w), 1 / (lines * h));
      if (scale > best * 1.001) [best, columns] = [scale, n];
    }
    this.cells = [];
    this.halls = [];
    blocks.forEach(({ hall, w: ownWidth, h: ownHeight }, i) => {
      const [x, y] = [(i % columns) * w, Math.floor(i / columns) * h];
      this.halls.push({ name: hall.name, x, y, w: ownWidth, h: ownHeight });
      hall.rows.forEach((line, r) =>
        line.racks.forEach((rack, k) => this.cells.push({ name: `${hall.name}/${rack.name}`, rack, x: x + k * (wide + gap), y: y + title + r * (high + aisle), color: "" })));
    });
    this.world = { w: columns * w - margin, h: Math.ceil(blocks.length / columns) * h - margin };
  }

  fit() {
    const pad = 20;
    const scale = Math.min((this.size.w - pad * 2) / this.world.w, (this.size.h - pad * 2) / this.world.h, 3);
    this.view = { scale, x: (this.size.w - this.world.w * scale) / 2, y: Math.min(pad, (this.size.h - this.world.h * scale) / 2) + (this.size.h - this.world.h * scale > pad * 2 ? (this.size.h - this.world.h * scale - pad * 2) / 6 : 0) };
    this.fitted = true;
    this.draw();
  }

  pan(dx: number, dy: number) {
    this.view.x += dx;
    this.view.y += dy;
    this.fitted = false;
    this.draw();
  }

  zoom(x: number, y: number, by: number) {
    const scale = Math.min(8, Math.max(0.15, this.view.scale * by));
    const real = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real };
    this.fitted = false;
    this.draw();
  }

  find(x: number, y: number): number {
    const [wx, wy] = [(x - this.view.x) / this.view.scale, (y - this.view.y) / this.view.scale];
    return this.cells.findIndex((cell) => wx >= cell.x && wx < cell.x + wide + gap && wy >= cell.y && wy < cell.y + high);
  }

  cell(index: number): Cell | undefined {
    return this.cells[index];
  }

  where(index: number) {
    const cell = this.cells[index];
    return { x: this.view.x + cell.x * this.view.scale, y: this.view.y + cell.y * this.view.scale, w: wide * this.view.scale, h: high * this.view.scale };
  }

  /** The nearest rack in a direction. */
  step(dx: number, dy: number): number {
    const from = this.cells[this.at];
    if (!from) return this.cells.length ? 0 : -1;
    if (dx) {
      const next = this.at + dx;
      return this.cells[next] ? next : this.at;
    }
    let best = this.at;
    let least = Infinity;
    this.cells.forEach((cell, i) => {
      const down = (cell.y - from.y) * dy;
      if (down <= 0) return;
      const distance = down * 4 + Math.abs(cell.x - from.x);
      if (distance < least) [least, best] = [distance, i];
    });
    return best;
  }

  select(index: number) {
    if (this.at === index) return;
    this.at = index;
    this.draw();
  }

  /** A colour for each name, the same in every picture. */
  colorOf(name: string): string {
    const names = this.measure === "tenant" ? [...new Set(this.groups.map((contract) => contract.split("/")[0]))] : this.groups;
    const hue = hues[Math.max(0, names.indexOf(name)) % hues.length];
    return `hsl(${hue} ${this.dark ? "48% 58%" : "52% 52%"})`;
  }

  private colorFor(rack: Rack): string {
    if (rack.from || !rack.nodes) return "";
    if (this.measure === "health") return rack.dark || rack.unready === rack.nodes ? this.css.bad : rack.unready ? this.ramp[8] : this.ramp[32];
    if (this.measure === "tenant" || this.measure === "contract") {
      const name = holder(rack, this.measure);
      return name ? this.colorOf(name) : this.ramp[0];
    }
    const part = this.measure === "power" ? quantity(rack.draw) / (quantity(rack.max) || 1) : (rack.free ?? 0) / (rack.gpus || 1);
    return this.ramp[Math.round(Math.min(1, Math.max(0, part)) * 32)];
  }

  /** Colours follow readings and measures, not frames. */
  private recolor() {
    for (const cell of this.cells) cell.color = this.colorFor(cell.rack);
    this.painted = [...this.cells].sort((a, b) => (a.color < b.color ? -1 : a.color > b.color ? 1 : 0));
    this.marked = this.cells.filter(({ rack }) => !rack.from && (rack.dark || rack.unready));
    this.draw();
  }

  draw() {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.paint());
  }

  private paint() {
    this.waiting = 0;
    this.frames++;
    const began = performance.now();
    const { pen, view } = this;
    const ratio = devicePixelRatio;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = this.css.surface;
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    pen.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
    const left = -view.x / view.scale - wide;
    const top = -view.y / view.scale - high;
    const right = left + this.size.w / view.scale + wide * 2;
    const bottom = top + this.size.h / view.scale + high * 2;

    let color: string | null = null;
    pen.strokeStyle = this.css.line;
    pen.lineWidth = 1;
    for (const cell of this.painted) {
      const { x, y } = cell;
      if (x < left || x > right || y < top || y > bottom) continue;
      if (cell.color === "") {
        pen.strokeRect(x + 0.5, y + 0.5, wide - 1, high - 1);
        continue;
      }
      if (cell.color !== color) pen.fillStyle = color = cell.color;
      pen.fillRect(x, y, wide, high);
    }
    // What is dark or out is marked in every measure.
    pen.fillStyle = this.css.bad;
    for (const { x, y } of this.marked) pen.fillRect(x, y + high - 3, wide, 3);

    if (view.scale > 2.2) {
      pen.fillStyle = this.css.ink;
      pen.font = "3px system-ui";
      pen.textAlign = "center";
      for (const { rack, x, y } of this.cells) {
        if (x < left || x > right || y < top || y > bottom) continue;
        pen.fillText(rack.name, x + wide / 2, y + 9, wide);
      }
    }
    const size = Math.max(9, Math.min(14, 11 / view.scale));
    pen.fillStyle = this.css.ink3;
    pen.font = `${size}px system-ui`;
    pen.textAlign = "left";
    for (const hall of this.halls) pen.fillText(hall.name, hall.x, hall.y + title - 5);
    const at = this.cells[this.at];
    if (at) {
      pen.strokeStyle = this.css.accent;
      pen.lineWidth = 2 / view.scale + 0.5;
      pen.strokeRect(at.x - 1, at.y - 1, wide + 2, high + 2);
    }
    this.spent += performance.now() - began;
  }
}
