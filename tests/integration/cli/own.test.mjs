// What runs without a gateway: init, check, doctor, sandbox, serve on a configuration, --config.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { folder, pointAt, run, standIns, start } from './program.mjs';

let stands;
before(async () => {
  stands = await standIns();
});
after(async () => {
  assert.equal(await stands.stop(), 0, stands.err);
});

/** A folder in which `init` ran and whose vendors are the stand-ins. */
async function project(t, pointed = true) {
  const cwd = folder(t);
  const { code, out, err } = await run(['init'], { cwd });
  assert.equal(code, 0, err);
  if (pointed) pointAt(join(cwd, 'switchyard.yaml'), stands.at);
  return { cwd, key: out.split('\n')[0], file: join(cwd, 'switchyard.yaml') };
}

test('sandbox prints each stand-in with what opens it', async () => {
  assert.deepEqual(Object.keys(stands.at), ['composio', 'pipedream', 'scalekit', 'github', 'infisical', 'worker']);
  const reply = await fetch(`${stands.at.composio.base_url}/api/v3.1/toolkits/gmail`, { headers: { 'x-api-key': stands.at.composio.api_key } });
  assert.equal(reply.status, 200);
  assert.equal((await reply.json()).slug, 'gmail');
});

test('sandbox on a fixed port says so in text, and ends on a signal', async () => {
  const port = 20000 + (process.pid % 20000);
  const text = await start(['sandbox', '--composio-port', String(port)], /stop with Ctrl-C/);
  assert.match(text.out, new RegExp(`^vendors:\n {2}composio:\n {4}base_url: http://127\\.0\\.0\\.1:${port}\n {4}api_key: literal:`, 'm'));
  const taken = await run(['sandbox', '--composio-port', String(port)]);
  assert.equal(taken.code, 1);
  assert.equal(await text.stop('SIGINT'), 0, text.err);
});

test('sandbox --catalogue of a folder that is none is refused', async (t) => {
  const { code, err } = await run(['sandbox', '--catalogue', join(folder(t), 'nothing')]);
  assert.equal(code, 1);
  assert.match(err, /^switchyard: /);
});

test('init writes all, prints one key first, and never writes over', async (t) => {
  const { cwd, key, file } = await project(t, false);
  assert.match(key, /^sy_live_[A-Za-z0-9_-]{43}$/);
  for (const name of ['switchyard.yaml', 'policies/default.yaml', 'var/switchyard.db']) assert.ok(existsSync(join(cwd, name)), name);
  assert.equal(statSync(join(cwd, 'var/switchyard.db')).mode & 0o077, 0);
  const before_ = readFileSync(file, 'utf8');
  const again = await run(['init'], { cwd });
  assert.equal(again.code, 1);
  assert.equal(again.out, '');
  assert.match(again.err, /switchyard\.yaml is there already; nothing was written/);
  assert.equal(readFileSync(file, 'utf8'), before_);
  const elsewhere = await run(['init', '--config', 'other/a.yaml', '--output', 'json'], { cwd });
  assert.equal(elsewhere.code, 0, elsewhere.err);
  assert.match(JSON.parse(elsewhere.out).secret, /^sy_live_/);
});

test('what init wrote is good, and its key works', async (t) => {
  const { cwd, key } = await project(t);
  const checked = await run(['check'], { cwd });
  assert.equal(checked.code, 0, checked.out + checked.err);
  assert.match(checked.out, /^good: switchyard\.yaml, policy of 0 rules, registry of \d+ rows/m);
  const gateway = await start(['serve'], /listens on (\S+)/, { cwd });
  const env = { SWITCHYARD_URL: /listens on (\S+)/.exec(gateway.out)[1], SWITCHYARD_KEY: key };
  const called = await run(['call', 'gmail_fetch_emails', '--user', 'user_123'], { env });
  assert.equal(called.code, 0, called.err);
  assert.match(called.err, /^vendor +composio as GMAIL_FETCH_EMAILS$/m);
  assert.equal((await run(['key', 'list'], { env })).code, 0);
  assert.equal(await gateway.stop(), 0, gateway.err);
});

test('check tells every fault of every file at once, with file, line and column', async (t) => {
  const { cwd, file } = await project(t);
  writeFileSync(file, readFileSync(file, 'utf8').replace('threads: auto', 'threads: many\nlisten_on: x'));
  writeFileSync(join(cwd, 'policies/extra.yaml'), 'rules:\n  - {name: a, when: {tenat: x}, use: nowhere}\n');
  const { code, out, err } = await run(['check'], { cwd });
  assert.equal(code, 1);
  assert.match(out, /^switchyard\.yaml:\d+:\d+: threads: /m);
  assert.match(out, /^switchyard\.yaml:\d+:\d+: .*listen_on/m);
  assert.match(out, /^policies\/extra\.yaml:2:\d+: .*tenat.*tenant/m);
  assert.match(out, /^policies\/extra\.yaml:2:\d+: .*nowhere/m);
  assert.match(err, /\d+ errors/);
  const json = await run(['check', '--output', 'json'], { cwd });
  assert.equal(json.code, 1);
  const verdict = JSON.parse(json.out);
  assert.equal(verdict.ok, false);
  assert.equal(verdict.faults.length, verdict.errors + verdict.warnings);
});

test('check judges the registry, too', async (t) => {
  const { cwd, file } = await project(t);
  const rows = '- {toolkit: ownbilling, vendor: worker, endpoint: "https://billing.example.com/", secret: nosuch, adr: ADR-1, status: LIVE}\n';
  const imported = await run(['registry', 'import', '-', '--config', 'switchyard.yaml'], { cwd, input: rows });
  assert.equal(imported.code, 0, imported.err);
  const { code, out } = await run(['check', '--config', file]);
  assert.equal(code, 1);
  assert.match(out, /registry row ownbilling\/worker: secret: "nosuch" is not declared/);
});

test('check refuses secrets in the clear, a certificate and a file that are not there', async (t) => {
  const { cwd, file } = await project(t);
  writeFileSync(file, 'vendors:\n  composio: {api_key: ak_in_the_clear}\ntls: {certificate: a.pem, key: b.pem}\n');
  const { code, out } = await run(['check'], { cwd });
  assert.equal(code, 1);
  assert.match(out, /^switchyard\.yaml:2:\d+: vendors\.composio\.api_key: /m);
  assert.ok(!out.includes('ak_in_the_clear'));
  assert.equal((await run(['serve'], { cwd })).code, 1);
  writeFileSync(file, 'tls: {certificate: a.pem, key: b.pem}\n');
  assert.match((await run(['check'], { cwd })).out, /:1:\d+: tls: .*a\.pem: No such file/);
  assert.match((await run(['serve'], { cwd })).err, /a\.pem: No such file/);
  for (const words of [['check'], ['serve'], ['doctor'], ['cases']]) {
    const missing = await run([...words, '--config', 'nothing.yaml'], { cwd });
    assert.equal(missing.code, 1, words[0]);
    assert.match(missing.out + missing.err, /nothing\.yaml/, words[0]);
  }
});

test('doctor asks every vendor, and says whose move it is', async (t) => {
  const { cwd, file } = await project(t);
  const well = await run(['doctor'], { cwd });
  assert.equal(well.code, 0, well.out + well.err);
  for (const vendor of ['composio', 'scalekit', 'pipedream']) assert.match(well.out, new RegExp(`^${vendor} +good +answered in \\d+ ms$`, 'm'));
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/api_key: .*/, 'api_key: literal:ak_wrong').replace(stands.at.pipedream.base_url, 'http://127.0.0.1:9'));
  const ill = await run(['doctor'], { cwd });
  assert.equal(ill.code, 1);
  assert.match(ill.out, /^composio +vendor_auth .*\n +whose move: ours/m);
  assert.match(ill.out, /^pipedream +vendor_unavailable .*\n +whose move: the vendor's/m);
  assert.match(ill.out, /^scalekit +good/m);
  assert.ok(!ill.out.includes('ak_wrong') && !ill.err.includes('ak_wrong'));
  const json = JSON.parse((await run(['doctor', '--output', 'json'], { cwd })).out);
  assert.deepEqual(json.vendors.filter((v) => v.asked).map((v) => [v.vendor, v.ok]), [['composio', false], ['scalekit', true], ['pipedream', false]]);
});

test('--config runs the same commands on the store, without a gateway', async (t) => {
  const { cwd } = await project(t);
  const own = (line, options) => run([...line.split(' '), '--config', 'switchyard.yaml'], { cwd, ...options });
  const called = await own('call gmail_fetch_emails --user user_123');
  assert.equal(called.code, 0, called.err);
  JSON.parse(called.out);
  assert.equal((await own('registry set mine composio status=LIVE')).code, 0);
  assert.match((await own('registry show mine')).out, /vendor_slug +mine/);
  assert.equal((await own('call obscure_do_it')).code, 1);
  assert.equal((await own('tenant create ascend')).code, 0);
  assert.equal(JSON.parse((await own('tenant list --output json')).out).items.length, 2);
  assert.match((await own('key create --tenant ascend')).out, /^sy_live_/);
});

test('a store that a gateway holds is refused, with the gateway\'s address', async (t) => {
  const { cwd, key } = await project(t);
  const gateway = await start(['serve'], /listens on (\S+)/, { cwd });
  const url = /listens on (\S+)/.exec(gateway.out)[1];
  for (const line of ['registry rm gmail --yes', 'call gmail_fetch_emails', 'serve']) {
    const { code, err } = await run([...line.split(' '), '--config', 'switchyard.yaml'], { cwd });
    assert.equal(code, 1, line);
    assert.ok(err.includes(url), `${line}: ${err}`);
  }
  const read = await run(['check'], { cwd });
  assert.equal(read.code, 0, read.out);
  assert.equal((await run(['doctor'], { cwd })).code, 0);
  assert.equal((await run(['cases'], { env: { SWITCHYARD_URL: url, SWITCHYARD_KEY: key } })).code, 0);
  assert.equal(await gateway.stop(), 0, gateway.err);
});

test('SIGHUP reads the policy again; a fault leaves the old one', async (t) => {
  const { cwd, key } = await project(t);
  const gateway = await start(['serve'], /listens on (\S+)/, { cwd });
  const env = { SWITCHYARD_URL: /listens on (\S+)/.exec(gateway.out)[1], SWITCHYARD_KEY: key };
  const vendor = async () => JSON.parse((await run(['call', 'gmail_fetch_emails', '--user', 'user_123', '--output', 'json'], { env })).out).route.vendor;
  const logged = async (what) => {
    for (let i = 0; i < 100 && !gateway.err.includes(what); i++) await new Promise((r) => setTimeout(r, 50));
    assert.ok(gateway.err.includes(what), gateway.err);
  };
  assert.equal(await vendor(), 'composio');
  writeFileSync(join(cwd, 'policies/more.yaml'), 'rules:\n  - {name: away, when: {toolkit: gmail}, use: scalekit}\n');
  gateway.child.kill('SIGHUP');
  await logged('read again');
  assert.equal(await vendor(), 'scalekit');
  writeFileSync(join(cwd, 'policies/more.yaml'), 'rules: 5\n');
  gateway.child.kill('SIGHUP');
  await logged('the old state stays');
  assert.equal(await vendor(), 'scalekit');
  assert.equal(await gateway.stop(), 0, gateway.err);
});

test('SIGHUP reads the vendors\' settings again', async (t) => {
  const { cwd, key, file } = await project(t);
  const gateway = await start(['serve'], /listens on (\S+)/, { cwd });
  const env = { SWITCHYARD_URL: /listens on (\S+)/.exec(gateway.out)[1], SWITCHYARD_KEY: key };
  const code = async () => JSON.parse((await run(['call', 'gmail_fetch_emails', '--user', 'user_123', '--vendor', 'composio', '--output', 'json'], { env })).out).code;
  const becomes = async (wanted) => {
    gateway.child.kill('SIGHUP');
    let is;
    for (let i = 0; i < 50 && (is = await code()) !== wanted; i++) await new Promise((r) => setTimeout(r, 100));
    assert.equal(is, wanted, gateway.err);
  };
  const text = readFileSync(file, 'utf8');
  assert.equal(await code(), undefined);
  writeFileSync(file, text.replace(/api_key: .*/, 'api_key: literal:ak_wrong'));
  await becomes('vendor_auth');
  writeFileSync(file, text.replace(stands.at.composio.base_url, 'http://127.0.0.1:9'));
  await becomes('vendor_unavailable');
  writeFileSync(file, text);
  await becomes(undefined);
  assert.equal(await gateway.stop(), 0, gateway.err);
});

test('serve says what is wrong and starts nothing', async (t) => {
  const cwd = folder(t);
  assert.match((await run(['serve'], { cwd })).err, /switchyard init/);
  assert.equal((await run(['serve', '--sandbox', '--listen', '0.0.0.0:0'], { cwd })).code, 2);
  mkdirSync(join(cwd, 'policies'));
  writeFileSync(join(cwd, 'switchyard.yaml'), 'listen: 127.0.0.1:0\nadmin_listen: "off"\n');
  writeFileSync(join(cwd, 'policies/a.yaml'), 'version: 2\n');
  const { code, err } = await run(['serve'], { cwd });
  assert.equal(code, 1);
  assert.match(err, /policies\/a\.yaml:1:\d+: /);
});
