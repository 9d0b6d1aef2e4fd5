// A server of a test's own: `penstock dev` with its state in a temporary directory, so that jobs really run.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, readFileSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
export const penstock = resolve(process.env.PENSTOCK ?? join(root, "build/release/penstock"));
export const examples = join(root, "examples");

const freePort = () => new Promise<number>((done) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address() as { port: number };
    probe.close(() => done(port));
  });
});

export class Server {
  private constructor(readonly url: string, readonly state: string, private port: number, private options: string[]) {}
  private process: ChildProcess | null = null;

  static async start(options: string[] = []): Promise<Server> {
    const port = await freePort();
    const server = new Server(`http://127.0.0.1:${port}`, mkdtempSync(join(tmpdir(), "penstock-console-")), port, options);
    await server.up();
    return server;
  }

  async up() {
    // Its context of the command line is its own too.
    this.process = spawn(penstock, ["dev", "--state", this.state, "--listen", `127.0.0.1:${this.port}`, "--console", join(root, "build/console"), ...this.options], { stdio: "ignore", env: this.env() });
    for (let i = 0; i < 600; i++) {
      const ready = await fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false);
      if (ready && existsSync(join(this.state, "operator.token"))) return;
      await new Promise((wake) => setTimeout(wake, 100));
    }
    throw new Error("the server did not start");
  }

  private env() {
    return { ...process.env, HOME: this.state, XDG_CONFIG_HOME: this.state };
  }

  get token() {
    return readFileSync(join(this.state, "operator.token"), "utf8").trim();
  }

  cli(...args: string[]): string {
    return execFileSync(penstock, args, { encoding: "utf8", env: { ...this.env(), PENSTOCK_SERVER: this.url, PENSTOCK_TOKEN: this.token } });
  }

  async api(method: string, path: string, body?: unknown, token = this.token): Promise<{ status: number; body: any }> {
    const answer = await fetch(this.url + path, { method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }

  /** As a crash would. */
  async kill() {
    const gone = new Promise((done) => this.process?.once("exit", done));
    this.process?.kill("SIGKILL");
    await gone;
  }

  async stop() {
    const gone = new Promise((done) => this.process?.once("exit", done));
    this.process?.kill("SIGTERM");
    await gone;
    rmSync(this.state, { recursive: true, force: true });
  }
}
