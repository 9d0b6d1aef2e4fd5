// Compresses what is built, once: the server sends FILE.gz to those who take it. Refuses a build over the budget of scripts.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const most = 400 * 1024;
const out = new URL("../../build/console", import.meta.url).pathname;
let scripts = 0;
const walk = (dir) => {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) {
      walk(path);
    } else if (/\.(js|css|html|json|svg)$/.test(name)) {
      const zipped = gzipSync(readFileSync(path), { level: 9 });
      writeFileSync(`${path}.gz`, zipped);
      if (name.endsWith(".js")) scripts += zipped.length;
    }
  }
};
walk(out);
console.log(`scripts: ${(scripts / 1024).toFixed(1)} KiB with gzip, of ${most / 1024} KiB`);
if (scripts > most) {
  console.error("over the budget");
  process.exit(1);
}
