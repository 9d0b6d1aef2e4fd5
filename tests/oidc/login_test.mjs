// Logging in at a real OpenID provider with the command line: device code, wrong audience, expiry, new keys, no grant.
// usage: node login_test.mjs PENSTOCK
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKey, startProvider } from './provider.mjs';

const penstock = process.argv[2];
const home = await mkdtemp(join(tmpdir(), 'penstock-oidc-'));
const environment = { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: home };
let provider = await startProvider(0, [await makeKey('RS256', 'first')]);
const server = spawn(penstock, ['server', '--state', join(home, 'state'), '--listen', '127.0.0.1:0', '--oidc-issuer', provider.issuer, '--oidc-audience', 'penstock'],
  { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
let log = '';
server.stderr.on('data', (bytes) => { log += bytes; });

// Runs the command; `spoken` is called with what it has said on standard error so far.
function run(args, spoken = () => {}) {
  return new Promise((done) => {
    const child = execFile(penstock, args, { env: environment, timeout: 30_000 }, (error, out, said) => done({ code: error ? error.code : 0, out, said }));
    let said = '';
    child.stderr.on('data', (bytes) => { said += bytes; spoken(said); });
  });
}

async function login(url, name, answer) {
  let told = false;
  return run(['--server', url, 'login', '--oidc', '--name', name], (said) => {
    const code = said.match(/confirm the code (\S+)/);
    if (!code || told) return;
    told = true;
    answer(code[1]);
  });
}

let checks = 0;
const check = (what, condition, shown = '') => {
  assert.ok(condition, `${what}: ${shown}\n${log}`);
  checks += 1;
};

try {
  let url;
  for (let i = 0; i < 200 && !(url = log.match(/url=(\S+)/)?.[1]); i += 1) await pause(50);
  const operator = (await readFile(join(home, 'state/operator.token'), 'utf8')).trim();
  await writeFile(join(home, 'access.yaml'), `
apiVersion: penstock/v1
kind: Tenant
metadata: {name: acme}
spec: {}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: acme/llm}
spec: {}
---
apiVersion: penstock/v1
kind: Grant
metadata: {name: acme/ml}
spec: {role: member, project: llm, claims: [acme-ml]}
`);
  const applied = await run(['--server', url, '--token', operator, 'apply', '--yes', '-f', join(home, 'access.yaml')]);
  check('the grant is applied', applied.code === 0, applied.said);

  const alice = await login(url, 'alice', (code) => provider.confirm(code, 'alice'));
  check('who is in a granted group logs in', alice.code === 0 && alice.out.includes('member of acme/llm'), alice.out + alice.said);
  const who = JSON.parse((await run(['--context', 'alice', 'whoami', '-o', 'json'])).out);
  check('and has what is granted, no more', JSON.stringify(who.grants) === '[{"role":"member","tenant":"acme","project":"llm"}]', JSON.stringify(who));
  const foreign = await run(['--context', 'alice', 'get', 'tokens']);
  check('so it may not read tokens', foreign.code === 1 && foreign.said.includes('may not do this'), foreign.said);

  const mallory = await login(url, 'mallory', (code) => provider.confirm(code, 'mallory'));
  check('who is in no granted group gets nothing', mallory.code === 1 && mallory.said.includes('nothing is granted'), mallory.said);
  const denied = await login(url, 'denied', (code) => provider.deny(code));
  check('who says no in the browser is told so', denied.code === 1 && denied.said.includes('denied'), denied.said);

  const present = async (idToken) => {
    const answer = await fetch(`${url}/v1/login`, { method: 'POST', body: JSON.stringify({ idToken }), headers: { 'content-type': 'application/json' } });
    return `${answer.status} ${(await answer.json()).detail ?? ''}`;
  };
  const groups = { groups: ['acme-ml'] };
  const now = Math.floor(Date.now() / 1000);
  const fresh = await provider.sign(groups);
  const accepted = await present(fresh);
  check('a signed ID token is accepted', accepted.startsWith('201'), accepted);
  const others = await present(await provider.sign({ ...groups, aud: 'other' }));
  check('one for another client is not', others.startsWith('401') && others.includes('audience'), others);
  const old = await present(await provider.sign({ ...groups, iat: now - 600, exp: now - 120 }));
  check('one that has expired is not', old.startsWith('401') && old.includes('expired'), old);
  const early = await present(await provider.sign({ ...groups, nbf: now + 600 }));
  check('one that is not valid yet is not', early.startsWith('401') && early.includes('not valid yet'), early);
  const [head, , signature] = fresh.split('.');
  const forged = Buffer.from(JSON.stringify({ iss: provider.issuer, aud: 'penstock', sub: 'root', iat: now, exp: now + 60, ...groups })).toString('base64url');
  const altered = await present(`${head}.${forged}.${signature}`);
  check('one that was altered is not', altered.startsWith('401') && altered.includes('signature'), altered);
  const none = await present(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${forged}.`);
  check('nor one without a signature', none.startsWith('401') && none.includes('none'), none);

  // The provider changes its key, and its kind. The server asks for it anew, at most every ten seconds.
  const { port } = provider;
  await provider.stop();
  provider = await startProvider(port, [await makeKey('ES256', 'second')]);
  let rotated;
  for (let i = 0; i < 60; i += 1) {
    rotated = await login(url, 'again', (code) => provider.confirm(code, 'alice'));
    if (rotated.code === 0) break;
    check('until then it is only refused', rotated.said.includes("no key 'second'"), rotated.said);
    await pause(500);
  }
  check('a new key is followed', rotated.code === 0, rotated.said);
  const stale = await present(fresh);
  check('and the old one is not believed any more', stale.startsWith('401') && stale.includes("no key 'first'"), stale);

  const out = await run(['--context', 'again', 'logout']);
  check('logging out ends the session', out.code === 0, out.said);
  const after = await run(['--context', 'again', 'whoami']);
  check('for good', after.code === 1 && after.said.includes('token'), after.said);
  const still = await run(['--context', 'alice', 'whoami']);
  check('and no other one', still.code === 0, still.said);
  const audit = await run(['--server', url, '--token', operator, 'audit', '--operation', 'login', '--export', 'jsonl']);
  check('each login is in the audit log', audit.out.trim().split('\n').length === 3 && audit.out.includes('alice@example.com'), audit.out);
  console.log(`the login works with a real OpenID provider: ${checks} checks passed`);
} finally {
  server.kill();
  await provider.stop();
  await rm(home, { recursive: true, force: true });
}
