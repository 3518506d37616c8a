// Every command that talks to a gateway: happy paths, refusals, exit codes, both outputs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { environment, folder, program, run, sandboxGateway } from './program.mjs';

let gateway;
before(async () => {
  gateway = await sandboxGateway();
});
after(async () => {
  assert.equal(await gateway.stop(), 0, gateway.err);
});

async function good(line, options) {
  const { code, out, err } = await gateway.run(line, options);
  assert.equal(code, 0, `${line}: ${err}`);
  return { out, err };
}

async function json(line, options) {
  return JSON.parse((await good(line + ' --output json', options)).out);
}

// ---- call ----

const ways = [
  ['gmail_fetch_emails --user user_123 query=is:unread', 'native', 'composio', 'GMAIL_FETCH_EMAILS'],
  ['GMAIL-FETCH-EMAILS --user user_123', 'native', 'composio', 'GMAIL_FETCH_EMAILS'],
  ['github_list_repository_issues --user user_123 owner=a repo=b', 'native', 'scalekit', 'github_issues_list'],
  ['gtm_list_accounts --user user_123', 'pipedream', 'pipedream', 'google_tag_manager-list-accounts'],
  ['billing_create_invoice customer=cus_1 amount:=4200', 'worker', 'worker', 'billing_create_invoice'],
];
for (const [line, path, vendor, tool] of ways)
  test(`call ${line} goes ${path} at ${vendor}`, async () => {
    const { out, err } = await good(`call ${line}`);
    assert.match(err, new RegExp(`^path +${path}$`, 'm'));
    assert.match(err, new RegExp(`^vendor +${vendor} as ${tool}$`, 'm'));
    assert.match(err, /^why +row /m);
    JSON.parse(out);
    const reply = await json(`call ${line}`);
    assert.equal(reply.successful, true);
    assert.deepEqual([reply.route.path, reply.route.vendor], [path, vendor]);
  });

test('the octets of arguments and results stay', async (t) => {
  const file = join(folder(t), 'arguments.json');
  const document = '{"big":12345678901234567890,"e":1e400,"nul":"\\u0000","dup":1,"dup":2}';
  writeFileSync(file, `${document}\n`);
  for (const vendor of ['composio', 'scalekit', 'pipedream']) {
    const { out } = await good(`call echo_echo --user user_123 --vendor ${vendor} --json ${file}`);
    assert.ok(out.includes(document.slice(1, -1)), `${vendor}: ${out}`);
  }
  const { out } = await gateway.run('call echo_echo --user user_123 --json -', { input: document });
  assert.ok(out.includes(document.slice(1, -1)), out);
});

test('name=text is a string, name:=json a value', async () => {
  const { out } = await good(['call', 'echo_echo', '--user', 'user_123', 'a=5', 'b:=5', 'c:=[1, 2]', 'd=', 'e=x=y']);
  assert.ok(out.includes('"a":"5","b":5,"c":[1, 2],"d":"","e":"x=y"'), out);
});

test('--explain lists every vendor', async () => {
  const { err } = await good('call gmail_fetch_emails --user user_123 --explain');
  assert.match(err, /considered\n {2}\+ composio +row gmail\/composio LIVE/);
  assert.match(err, / {2}- pipedream +no row/);
});

test('--idempotency-key gives the same answer again', async () => {
  const once = await json('call billing_create_invoice customer=c --idempotency-key key-1');
  const twice = await json('call billing_create_invoice customer=c --idempotency-key key-1');
  assert.equal(once.id, twice.id);
  const { code, err } = await gateway.run('call billing_create_invoice customer=other --idempotency-key key-1');
  assert.equal(code, 1);
  assert.match(err, /^idempotency_conflict \(409\)/);
});

const refusals = [
  ['call obscure_do_it', 'toolkit_pending (501)', /issue_url +https:/],
  ['call gmail_send_email --user user_new recipient_email=a@b.c subject=s body=b', 'connection_required (409)', /connect_url +http/],
  ['call gmail_no_such_tool --user user_123', 'tool_not_found (404)', /call_id/],
  ['call gmial_fetch_emails --user user_123', 'toolkit_missing (404)', /suggestions +gmail/],
  ['call gmail_fetch_emails --user a,b', 'invalid_request (400)', /\/user_id: /],
  ['call gmail_fetch_emails --user user_123 --vendor pipedream', 'policy_denied (403)', /pipedream/],
  ['call gmail_fetch_emails --user user_down', 'tool_failed (422)', /next +the provider said no/],
  ['resolve gmail_fetch_emails --tenant nobody', 'not_found (404)', /tenant/],
  ['registry show nothinglikeit', 'not_found (404)', /toolkit/],
  ['registry set gmail composio status=WRONG', 'invalid_request (400)', /status/],
  ['vendor quarantine nobody', 'not_found (404)', /vendor/],
  ['tenant create Capital', 'invalid_request (400)', /\/tenant/],
  ['key create --scopes everything', 'invalid_request (400)', /\/scopes/],
  ['key revoke key_none --yes', 'not_found (404)', /key/],
  ['triage slack --criticality extreme', 'invalid_request (400)', /criticality/],
];
for (const [line, head, more] of refusals)
  test(`${line} is refused as ${head}`, async () => {
    const { code, out, err } = await gateway.run(line);
    assert.equal(code, 1, err);
    assert.equal(out, '');
    assert.ok(err.startsWith(head), err);
    assert.match(err, more);
    // The first refusal of a new user made a link, so the second asks for another user.
    const problem = await gateway.run(`${line.replace('user_new', 'user_newer')} --output json`);
    assert.equal(problem.code, 1);
    assert.equal(`${JSON.parse(problem.out).code} (${JSON.parse(problem.out).status})`, head);
  });

const misuses = [
  'call', 'call gmail_fetch_emails query', 'call x_y a=1 a=2', 'call x_y a:={', 'call x_y --timeout soon',
  'call x_y --json a b=c', 'call x_y --nosuch', 'call x_y --user', 'call x_y --user a --user b', 'resolve',
  'resolve a b', 'registry', 'registry frobnicate', 'registry set gmail composio', 'registry export --format csv', 'nonsense',
  'vendor list --output yaml', 'serve --sandbox --config x', 'sandbox --composio-port 99999', 'version more',
];
for (const line of misuses)
  test(`"${line}" is a usage error`, async () => {
    const { code, out, err } = await gateway.run(line);
    assert.equal(code, 2, err);
    assert.equal(out, '');
    assert.match(err, /^switchyard: /);
  });

test('no command, --help and the overview', async () => {
  assert.equal((await run([])).code, 2);
  const { code, out } = await run(['--help']);
  assert.equal(code, 0);
  for (const line of out.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}/gm)) {
    const help = await run([...line[1].split(' '), '--help']);
    assert.equal(help.code, 0, line[1]);
    assert.ok(help.out.startsWith(`switchyard ${line[1]}`), help.out);
  }
});

// ---- resolve ----

test('resolve tells tools from toolkits, and why', async () => {
  assert.match((await good('resolve gmail_fetch_emails --user user_123')).out, /^gmail_fetch_emails \(read\)\n1\. composio \(native\) as GMAIL_FETCH_EMAILS, .* subject default:user_123/);
  assert.match((await good('resolve gmail')).out, /^gmail\n1\. composio/);
  assert.match((await good('resolve google_tag_manager')).out, /^googletagmanager\n1\. pipedream/);
  assert.match((await good('resolve gmail --explain')).out, / {2}- worker +no row/);
  assert.equal((await json('resolve gmail --explain')).considered.length, 5);
});

test('resolve never probes, and says what a call would ask', async () => {
  const { out } = await good('resolve neverheardof_do_it');
  assert.match(out, /no row: a call would ask composio, scalekit, pipedream for "neverheardof"/);
  assert.match(out, /if none has it: toolkit_missing/);
});

// ---- registry ----

test('registry set adds, changes and takes away; rm asks', async () => {
  const added = (await good('registry set cliexample composio status=LIVE vendor_slug=cli_example aliases=cliex,cli-ex rank=3')).out;
  assert.match(added, /vendor_slug +cli_example/);
  assert.match(added, /rank +3/);
  assert.match((await good('registry set cliex composio notes=hello rank=')).out, /notes +hello/);
  const rows = await json('registry show cliexample');
  assert.equal(rows[0].notes, 'hello');
  assert.equal('rank' in rows[0], false);
  assert.match((await good('registry list --search cliexample')).out, /cliexample +composio +LIVE +cli_example +hello/);
  const dry = await good('registry set cliexample scalekit status=LIVE rank=1 --dry-run');
  assert.match(dry.out, /calls would go to scalekit, composio instead of composio/);
  assert.match(dry.err, /nothing was changed/);
  assert.equal((await json('registry show cliexample')).length, 1);
  const asked = await gateway.run('registry rm cliexample');
  assert.equal(asked.code, 1);
  assert.match(asked.err, /--yes/);
  assert.match((await good('registry rm cliexample --yes --reason over')).err, /cliexample is removed/);
  assert.equal((await gateway.run('registry show cliexample')).code, 1);
});

test('registry export and import are one another\'s inverse in each format', async (t) => {
  const at = folder(t);
  const yaml = (await good('registry export')).out;
  for (const [suffix, format] of [['yaml', 'yaml'], ['md', 'md'], ['json', 'json']]) {
    const file = join(at, `registry.${suffix}`);
    await good(`registry export ${file}`);
    assert.equal((await gateway.run(`registry export ${file}`)).code, 1);
    await good(`registry export ${file} --replace`);
    const reply = await json(`registry import ${file} --dry-run`);
    assert.equal(reply.dry_run, true);
    assert.ok(reply.rows > 100, format);
    await good(`registry import ${file} --reason ${format}`);
    // Versions move with an import; what the rows say does not.
    assert.equal((await good('registry export')).out, yaml);
  }
  assert.equal((await good('registry export --format json')).out, readFileSync(join(at, 'registry.json'), 'utf8'));
});

test('an import tells all faults at once, with their places', async () => {
  const { code, err } = await gateway.run('registry import -', {
    input: '- {toolkit: a, vendor: composio, status: NOPE}\n- {toolkit: b, vendor: nobody, status: LIVE}\n',
  });
  assert.equal(code, 1);
  assert.match(err, /:1:\d+/);
  assert.match(err, /:2:\d+/);
});

// ---- triage and cases ----

test('triage shows the tree with its evidence', async () => {
  const { out } = await good('triage Stripe --needs latency,signing');
  assert.match(out, /^Stripe: native via composio, because /);
  assert.match(out, / {2}1\. Has the registry the answer already\? {2}/);
  assert.match(out, /\nnext\n {2}- /);
  const pending = (await good(['triage', 'Nobody Has This'])).out;
  assert.match(pending, /^Nobody Has This: pending, because /);
  assert.match(pending, /Is it in the catalogue of pipedream\? {2}no/);
  assert.match((await good(['triage', 'Nobody Has This', '--criticality', 'high', '--cannot-wait'])).out, /: worker, because /);
});

test('triage --apply writes the row', async () => {
  const { out } = await good(['triage', 'Bitly', '--apply']);
  assert.match(out, /row (written|that is there)/);
  assert.match((await good('registry list --search bitly')).out, /bitly +pipedream/);
});

test('triage --apply keeps the request of a toolkit that waits already', async () => {
  const url = 'https://github.com/ComposioHQ/composio/issues/4711';
  await good(['triage', 'Still Waiting', '--apply']);
  const [before] = await json('registry show still_waiting');
  await good(`registry set still_waiting pending issue_url=${url}`);
  await good(['triage', 'Still Waiting', '--apply']);
  const [after] = await json('registry show still_waiting');
  assert.equal(after.issue_url, url);
  assert.equal(after.requested_at, before.requested_at);
  assert.equal(after.due_at, before.due_at);
});

test('triage --apply that cannot write fails', async () => {
  const { code, out, err } = await gateway.run(['triage', 'Cannot Wait', '--cannot-wait', '--apply']);
  assert.equal(code, 1);
  assert.match(out, /it lacks: adr, endpoint, secret/);
  assert.match(err, /nothing was written/);
});

test('import says whether it changed anything, and calls its file by name', async (t) => {
  const file = join(folder(t), 'rows.md');
  await good(`registry export ${file}`);
  assert.match((await good(`registry import ${file}`)).out, /says all of it already/);
  writeFileSync(file, readFileSync(file, 'utf8').replace('| asana | COMPOSIO', '| asana | COMPOSIA'));
  const { code, err } = await gateway.run(`registry import ${file}`);
  assert.equal(code, 1);
  assert.match(err, /rows\.md:\d+:\d+: .*vendor: is no vendor known here/);
});

test('a refusal says what to do', async () => {
  const next = async (line) => (await gateway.run(line)).err.match(/\n {2}next +(.*)/)[1];
  assert.match(await next('call gmail_send_email --user nobody_yet recipient_email=a@b.c subject=s body=b'), /the user has to connect at connect_url/);
  assert.match(await next('call gmail_send_email --user user_noscope recipient_email=a@b.c subject=s body=b'), /the user has to allow more at connect_url/);
  assert.match(await next('call gmail_no_such_tool'), /the tool's name has to change/);
  assert.match(await next('call gmial_fetch_emails'), /the name has to change; see suggestions/);
  assert.match(await next('call gmail_fetch_emails --vendor pipedream'), /another vendor, or none/);
  assert.match(await next('call gmail_fetch_emails --key sy_test_none'), /the key has to change/);
  assert.match(await next('call gmail_fetch_emails --vendor nosuch'), /the request has to change/);
});

test('a group of commands has help; a mistyped command is told its name', async () => {
  const help = await gateway.run('registry --help');
  assert.equal(help.code, 0);
  assert.match(help.out, /switchyard registry set TOOLKIT VENDOR/);
  const typo = await gateway.run('regsitry list');
  assert.equal(typo.code, 2);
  assert.match(typo.err, /did you mean registry\?/);
});

test('a call for what nobody has opens a case; another bumps it', async () => {
  assert.equal((await gateway.run('call zzcliqqx_do_it')).code, 1);
  assert.equal((await gateway.run('call ZZ-CLIQQX-do_it --toolkit zz-cliqqx')).code, 1);
  const cases = await json('cases');
  const mine = cases.items.filter((item) => /cliqqx/i.test(item.name));
  assert.equal(mine.length, 1, JSON.stringify(cases));
  assert.equal(mine[0].calls, 2);
  assert.match((await good('cases')).out, /^2 +\S*zz/m);
  assert.equal((await json('cases --state closed')).items.length, 0);
});

// ---- vendors, tenants, keys ----

test('quarantine takes a vendor out at once, release puts it back', async () => {
  assert.match((await good('vendor quarantine composio')).out, /composio +native +quarantined/);
  assert.equal((await json('call gmail_fetch_emails --user user_123')).route.vendor, 'scalekit');
  assert.match((await good('vendor release composio')).out, /composio +native +ready/);
  assert.equal((await json('call gmail_fetch_emails --user user_123')).route.vendor, 'composio');
  assert.equal((await json('vendor list')).items.length, 6);
});

test('a tenant, its key, and the end of the key', async () => {
  await good('tenant create ascend --label region=eu --label tier=gold');
  assert.match((await good('tenant list')).out, /^ascend +enabled +region=eu tier=gold$/m);
  assert.equal((await gateway.run('tenant create ascend')).code, 1);
  const { out, err } = await good('key create --tenant ascend --scopes call --name bot');
  const secret = out.trim();
  assert.match(secret, /^sy_live_[A-Za-z0-9_-]{43}$/);
  assert.match(err, /^key_\S+ of tenant ascend, production, scopes call/);
  const id = err.split(' ')[0];
  const list = (await good('key list --tenant ascend')).out;
  assert.match(list, new RegExp(`^${id} +ascend +call +production`, 'm'));
  assert.ok(!list.includes(secret));
  const as = { env: { SWITCHYARD_KEY: secret } };
  assert.equal((await gateway.run('resolve gmail', as)).code, 0);
  const forbidden = await gateway.run('key list', as);
  assert.match(forbidden.err, /^forbidden \(403\)/);
  assert.equal((await gateway.run(`key revoke ${id}`)).code, 1);
  await good(`key revoke ${id} --yes`);
  assert.match((await gateway.run('resolve gmail', as)).err, /^unauthorized \(401\)/);
  const made = await json('key create --scopes call,registry --environment development');
  assert.match(made.secret, /^sy_test_/);
  assert.deepEqual(made.scopes, ['call', 'registry']);
});

// ---- the surface ----

test('version', async () => {
  assert.match((await run(['version'])).out, /^switchyard \d+\.\d+\.\d+\n$/);
  assert.equal(`switchyard ${JSON.parse((await run(['version', '--output', 'json'])).out).version}\n`, (await run(['--version'])).out);
});

test('without a key, with a wrong one, and without a gateway', async () => {
  const none = await run(['cases']);
  assert.equal(none.code, 1);
  assert.match(none.err, /no key: set SWITCHYARD_KEY/);
  const wrong = await gateway.run('cases --key sy_live_wrong');
  assert.match(wrong.err, /^unauthorized \(401\)/);
  const nobody = await gateway.run('cases --url http://127.0.0.1:9');
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /http:\/\/127\.0\.0\.1:9 does not answer: /);
});

test('control bytes of a reply do not reach a terminal', async () => {
  for (const words of [['call', 'nosuch\u001b[31m_tool'], ['call', 'billing_create_invoice', 'customer=a\u009bb\u007f\u0007']]) {
    const { out, err } = await gateway.run(words);
    // eslint-disable-next-line no-control-regex
    assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(out + err), JSON.stringify(out + err));
  }
});

test('a reader that goes away is no crash', () => {
  const script = '"$0" registry export | head -c 10 >/dev/null; exit ${PIPESTATUS[0]}';
  const { status } = spawnSync('bash', ['-c', script, program], { env: environment(gateway.env) });
  assert.ok([0, 1].includes(status), String(status));
});

test('the key stands nowhere but where it is shown', () => {
  assert.ok(!gateway.err.includes(gateway.env.SWITCHYARD_KEY));
});
