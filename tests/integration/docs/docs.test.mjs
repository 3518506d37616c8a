// docs/ against the program: what a page names exists, what it shows loads or runs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { environment, folder, program, run, start } from '../cli/program.mjs';
import { all, docs, facts, here, named, pages, read, root, table } from './pages.mjs';

const none = (faults) => assert.deepEqual(faults, []);
// What a reader of a man page sees of options and names, as far as a search needs it.
const flat = (text) => text.replace(/\bFl \\-/g, '--').replace(/\\-/g, '-').replace(/\\&/g, '').replace(/^\.[A-Z][a-z] /gm, '');

let help;
let gateway;
before(async () => {
  help = await readHelp();
  gateway = await start(['serve', '--sandbox', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'], /^try:/m);
  gateway.url = /export SWITCHYARD_URL=(\S+)/.exec(gateway.out)[1];
  gateway.key = /export SWITCHYARD_KEY=(\S+)/.exec(gateway.out)[1];
  gateway.admin = /metrics at (\S+)\/metrics/.exec(gateway.out)[1];
});
after(async () => {
  assert.equal(await gateway.stop(), 0, gateway.err);
});

// Every command with its options: Map of "registry list" to Set of "--vendor".
async function readHelp() {
  const { out, code } = await run(['--help']);
  assert.equal(code, 0);
  const names = [...out.split('Commands:')[1].split('\n\n')[0].matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}/gm)].map((match) => match[1]);
  assert.ok(names.length > 20, out);
  const found = new Map();
  for (const name of names) {
    const own = await run([...name.split(' '), '--help']);
    assert.equal(own.code, 0, own.err);
    found.set(name, new Set([...own.out.split('\nOptions:')[1].matchAll(/^ {2}(--[a-z-]+)/gm)].map((match) => match[1])));
  }
  return found;
}

// What is wrong with one command line that a page shows; '' if nothing is.
function faultOf(line) {
  const words = line.trim().split(/\s+/).slice(1);
  if (!words.length || words[0] === 'COMMAND' || words[0].startsWith('--help')) return '';
  const [two, one] = [words.slice(0, 2).join(' '), words[0]];
  const name = [two, one].find((each) => help.has(each));
  if (!name) return [...help.keys()].some((each) => each.startsWith(`${one} `)) && words.length === 1 ? '' : `no command ${two}`;
  const options = words.map((word) => /^\[?(--[a-z-]+)/.exec(word)?.[1]).filter(Boolean);
  const unknown = options.filter((option) => !help.get(name).has(option));
  return unknown.length ? `${name} has no ${unknown.join(', ')}` : '';
}

// Command lines of a text: `switchyard …` in backquotes, and lines of shell examples.
function commandLines(text) {
  const spans = [...text.matchAll(/`(switchyard [a-z][^`]*)`/g)].map((match) => match[1]);
  const shell = [...text.matchAll(/^ *(?:\$ )?(switchyard [a-z][^#|>\n]*)/gm)].map((match) => match[1]);
  return [...spans, ...shell];
}

describe('pages', () => {
  test('every relative link leads to a file, and to a heading where it names one', () => {
    const faults = [];
    for (const one of pages)
      for (const { target, where } of one.links) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file, anchor] = target.split('#');
        const to = file ? here(one.folder, file) : one.name;
        if (!existsSync(join(root, to))) faults.push(`${where}: ${target}`);
        else if (anchor && !named(to)?.anchors.has(anchor)) faults.push(`${where}: no heading #${anchor}`);
      }
    none(faults);
  });

  test('every page of docs/ stands in its folder\'s index', () => {
    const faults = [];
    for (const one of docs.filter(({ name }) => name.startsWith('docs/') && !name.endsWith('README.md'))) {
      const index = named(join(one.folder, 'README.md'));
      if (!index?.links.some(({ target }) => here(one.folder, target) === one.name)) faults.push(one.name);
    }
    none(faults);
  });

  test('every path of the repository that a page names is there', () => {
    const tops = /^(?:src|vendors|registry|policies|tests|docs|scripts|cmake)\//;
    const faults = [];
    for (const one of docs)
      for (const { text, where } of one.spans) {
        if (!tops.test(text) || /acme|[ {<]/.test(text)) continue;
        const pattern = new RegExp(`^${text.replace(/[.+]/g, '\\$&').replace(/\*\*?/g, '[^/]*').replace(/\/$/, '')}(?:/|$|\\.)`);
        if (!all.some((name) => pattern.test(name))) faults.push(`${where}: ${text}`);
      }
    none(faults);
  });

  test('prose keeps within 100 columns', () => {
    const long = docs.filter(({ name }) => name.startsWith('docs/')).flatMap(({ lines }) => lines)
      .filter(({ text }) => text.length > 100 && !text.startsWith('|') && !text.startsWith('<!--'));
    none(long.map(({ where, text }) => `${where}: ${text.length}`));
  });
});

describe('commands', () => {
  test('every command and option that a page names is in --help', () => {
    const sources = [...pages.map(({ name }) => name), ...all.filter((name) => /^(?:policies|registry)\/.*\.yaml$/.test(name)), 'quickstart'];
    none(sources.flatMap((name) => commandLines(read(name)).map((line) => [line, faultOf(line)]).filter(([, fault]) => fault).map(([line, fault]) => `${name}: ${line}: ${fault}`)));
  });

  test('every command of --help and each of its options is in switchyard(1), and no other', () => {
    const [head, ...entries] = read('docs/man/switchyard.1').split(/^\.It Ic (?=[a-z])/m);
    const sections = new Map(entries.map((text) => [/^[a-z]+(?: [a-z]+)?(?= Ar |\n|$)/m.exec(text)[0], flat(text)]));
    const faults = [...sections.keys()].filter((name) => !help.has(name)).map((name) => `no command ${name}`);
    for (const [name, options] of help) {
      if (!sections.has(name)) faults.push(name);
      for (const option of options)
        if (!`${flat(head)}${sections.get(name)}`.includes(`${option} `) && !`${flat(head)}${sections.get(name)}`.includes(`${option}\n`)) faults.push(`${name} ${option}`);
      for (const [, option] of (sections.get(name) ?? '').matchAll(/^(?:It )?(--[a-z-]+)/gm)) if (!options.has(option)) faults.push(`${name} has no ${option}`);
    }
    none(faults);
  });

  test('the other man pages exist and name their files', () => {
    assert.match(flat(read('docs/man/switchyard.yaml.5')), /switchyard\.yaml/);
    const policy = all.find((name) => /^docs\/man\/.*policy.*\.5$/.test(name));
    assert.ok(policy, 'no page of the policy file');
    for (const [key] of table('docs/policy.md', 'key').filter(([key]) => !/tenant|user|tool|effect|environment|criticality/.test(key)))
      assert.ok(flat(read(policy)).includes(key.replaceAll('`', '')), `${policy}: ${key}`);
  });
});

describe('tables', () => {
  const settings = facts('src/contract/setting.def', /^SY_SETTING\("([^"]+)"/gm).flat();
  const codes = facts('src/contract/error.def', /^SY_ERROR\(\w+, "(\w+)", (\d+)/gm);
  const causes = facts('src/contract/cause.def', /^SY_CAUSE\(\w+, "(\w+)"/gm).flat();
  const metrics = facts('src/contract/metric.def', /^SY_METRIC\(\w+, "(\w+)"/gm).flat();

  test('every setting, of a vendor too, is in settings.md and in switchyard.yaml(5)', () => {
    const documented = table('docs/settings.md', 'setting').map(([name]) => name.replaceAll('`', ''));
    const manual = flat(read('docs/man/switchyard.yaml.5'));
    assert.ok(settings.length > 20);
    none(settings.filter((name) => !documented.includes(name)));
    none(documented.filter((name) => !manual.includes(name)).map((name) => `switchyard.yaml.5: ${name}`));
    for (const vendor of ['composio', 'scalekit', 'pipedream']) assert.ok(manual.includes(vendor), vendor);
  });

  test('every code with its status, and every cause, is in errors.md', () => {
    assert.ok(codes.length > 30 && causes.length > 60);
    const rows = table('docs/errors.md', 'code').map(([code, status]) => `${code} ${status}`);
    none(codes.map(([code, status]) => `\`${code}\` ${status}`).filter((row) => !rows.includes(row)));
    const explained = table('docs/errors.md', 'cause').map(([cause]) => cause.replaceAll('`', ''));
    none(causes.filter((cause) => !explained.includes(cause)));
  });

  test('every cause that a page names exists', () => {
    const faults = [];
    for (const one of docs)
      for (const [, list] of one.lines.map(({ text }) => text).join(' ').matchAll(/\bcauses?:? ((?:`\w+`(?:, | or | and )?)+)/g))
        for (const [, cause] of list.matchAll(/`(\w+)`/g)) if (!causes.includes(cause)) faults.push(`${one.name}: ${cause}`);
    none(faults);
  });

  test('every code in the tables of operations.md and vendors.md exists', () => {
    const known = new Set([...codes.map(([code]) => code), ...causes, 'maybe_applied']);
    const rows = [...table('docs/operations.md', 'event'), ...table('docs/vendors.md', 'meaning')].map((cells) => cells[1]);
    assert.ok(rows.length > 15);
    for (const cell of rows)
      for (const [, word] of cell.matchAll(/`([a-z]+_[a-z_]+)`/g)) assert.ok(known.has(word) || word.startsWith('_'), `${word} in: ${cell}`);
  });

  test('the log events in operations.md are those that the program writes', () => {
    const written = all.filter((name) => /^(?:src|registry)\/.*\.c$/.test(name))
      .flatMap((name) => facts(name, /\bsy_logf?\(\s*[^,"]*SY_LOG_\w+,\s*"(\w+)"/g).flat());
    const listed = table('docs/operations.md', 'event').filter(([, level]) => /^(?:debug|info|warn|error)/.test(level)).flatMap(([cell]) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1]));
    assert.deepEqual([...new Set(written)].sort(), listed.sort());
  });

  test('every metric that a page names exists, on the live page too', async () => {
    const reply = await fetch(`${gateway.admin}/metrics`);
    const live = [...(await reply.text()).matchAll(/^# TYPE (\w+) /gm)].map((match) => match[1]);
    assert.deepEqual(live, metrics);
    assert.deepEqual(table('docs/operations.md', 'metric').map(([name]) => name), metrics.map((name) => `\`${name}\``));
    const faults = [];
    for (const one of docs)
      for (const { text, where } of one.spans)
        for (const [name] of text.matchAll(/\bswitchyard_[a-z_]+/g)) if (!metrics.includes(name)) faults.push(`${where}: ${name}`);
    none(faults);
  });
});

describe('routes', () => {
  const allowed = async (base, path) => {
    const reply = await fetch(base + path.replace(/\{\w+\}/g, 'x').replace(/\?.*$/, ''), { method: 'OPTIONS' });
    return reply.status === 204 ? reply.headers.get('allow').split(', ') : [];
  };

  test('every route of api.md exists', async () => {
    const rows = table('docs/api.md', 'method and path');
    assert.ok(rows.length > 25);
    for (const [cell, scope] of rows) {
      const [method, path] = cell.replaceAll('`', '').split(' ');
      const base = scope.includes('admin port') ? gateway.admin : gateway.url;
      assert.ok((await allowed(base, path)).includes(method), cell);
    }
  });

  test('every route that the other pages name exists, and what is said to be missing is missing', async () => {
    const ours = docs.filter(({ name }) => !/vendors?\.md|sandbox\.md|decisions/.test(name));
    for (const one of ours)
      for (const { text, where } of one.spans) {
        const route = /^(?:(GET|POST|PUT|PATCH|DELETE) )?(\/(?:v1\/|healthz|readyz|metrics|openapi)[^ ]*)$/.exec(text);
        if (!route) continue;
        const methods = [...await allowed(gateway.url, route[2]), ...await allowed(gateway.admin, route[2])];
        if (/^\/v1\/(proxy|tools|connections)$/.test(route[2])) assert.equal(methods.length, 0, `${where}: ${text} is here after all`);
        else assert.ok(route[1] ? methods.includes(route[1]) : methods.length, `${where}: ${text}`);
      }
  });
});

// ---- what pages show ----

const policyKeys = /^(?:version|order|native|unlisted|pinning|pending|worker|session|subject|rules|fallback|limits|budgets):/m;

function kindOf({ mark, text }) {
  const said = /^yaml: (config|policy|rows)$/.exec(mark)?.[1];
  return said ?? (text.startsWith('- {') ? 'rows' : policyKeys.test(text) ? 'policy' : 'config');
}

/** A folder of `init`, with a policy or configuration put in the place of its own. */
async function project(t, { policy, config } = {}) {
  const cwd = folder(t);
  const { code, err } = await run(['init'], { cwd });
  assert.equal(code, 0, err);
  if (policy !== undefined) writeFileSync(join(cwd, 'policies/default.yaml'), policy);
  if (config !== undefined) writeFileSync(join(cwd, 'switchyard.yaml'), config);
  return cwd;
}

async function loads(t, kind, text) {
  const cwd = await project(t, kind === 'rows' ? {} : { [kind]: text });
  if (kind === 'rows') writeFileSync(join(cwd, 'rows.yaml'), text);
  const words = kind === 'rows' ? ['registry', 'import', 'rows.yaml', '--dry-run', '--config', 'switchyard.yaml'] : ['check'];
  const { code, out, err } = await run(words, { cwd });
  assert.equal(code, 0, `${text}\n${out}${err}`);
  return out + err;
}

describe('examples', () => {
  test('there are examples of each kind', () => {
    const kinds = docs.flatMap(({ fences }) => fences).filter(({ language }) => language === 'yaml').map(kindOf);
    assert.deepEqual([...new Set(kinds)].sort(), ['config', 'policy', 'rows']);
  });

  for (const fence of docs.flatMap(({ fences }) => fences).filter(({ language }) => language === 'yaml'))
    test(`${fence.where}: the ${kindOf(fence)} loads`, async (t) => {
      await loads(t, kindOf(fence), fence.text);
    });

  test('the rows of the runbook load, with what stands for an address filled in', async (t) => {
    const rows = table('docs/runbook.md', 'path').map(([, row]) => `- ${row.replaceAll('`', '')}`);
    assert.equal(rows.length, 4);
    const filled = rows.map((row) => row.replace(/(issue_url|endpoint): …/, '$1: "https://example.com/1"').replace('requested_at: …', 'requested_at: 2026-11-01').replace('due_at: …', 'due_at: 2026-11-15'));
    none(filled.filter((row) => row.includes('…')));
    await loads(t, 'rows', `${filled.join('\n')}\n`);
  });

  test('the defaults in policy.md are a policy', async (t) => {
    const rows = table('docs/policy.md', 'key').filter(([key, value]) => policyKeys.test(`${key.replaceAll('`', '')}:`) && value !== 'none');
    assert.ok(rows.length >= 10);
    await loads(t, 'policy', rows.map(([key, value]) => `${key}: ${value}\n`).join('').replaceAll('`', ''));
  });

  test('every example of policies/examples loads', async (t) => {
    for (const name of all.filter((each) => /^policies\/examples\/.*\.yaml$/.test(each))) await loads(t, 'policy', read(name));
  });

  test('shell examples are marked, or say what they are', () => {
    const shell = docs.filter(({ name }) => name !== 'README.md').flatMap(({ fences }) => fences).filter(({ language }) => language === 'sh');
    assert.ok(shell.length >= 4);
    none(shell.filter(({ mark }) => !/^run: \w+(, exit \d+)?$|^shown: /.test(mark)).map(({ where }) => where));
  });

  test('those marked "run: sandbox" run against serve --sandbox, page by page, in order', async (t) => {
    const bin = mkdtempSync(join(tmpdir(), 'switchyard-bin-'));
    t.after(() => rmSync(bin, { recursive: true, force: true }));
    symlinkSync(program, join(bin, 'switchyard'));
    const env = environment({ SWITCHYARD_URL: gateway.url, SWITCHYARD_KEY: gateway.key, SWITCHYARD_ADMIN_URL: gateway.admin, PATH: `${bin}:${process.env.PATH}` });
    for (const one of docs.filter(({ name }) => name !== 'README.md'))
      for (const { mark, text, where } of one.fences) {
        const [, code] = /^run: sandbox(?:, exit (\d+))?$/.exec(mark) ?? [];
        if (!mark.startsWith('run: sandbox')) continue;
        await t.test(where, async (inner) => {
          const done = await shell(text, { env, cwd: folder(inner) });
          assert.equal(done.code, Number(code ?? 0), `${text}\n${done.out}${done.err}`);
          if (!code) assert.doesNotMatch(done.out, /urn:switchyard:error/, text);
        });
      }
  });
});

function shell(script, options) {
  return new Promise((done) => {
    const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', script], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const result = { out: '', err: '' };
    child.stdout.on('data', (bytes) => (result.out += bytes));
    child.stderr.on('data', (bytes) => (result.err += bytes));
    child.on('close', (code, signal) => done({ ...result, code: code ?? signal }));
  });
}

test('man pages and quickstart are files that can be used', () => {
  assert.ok(statSync(join(root, 'quickstart')).mode & 0o111);
  for (const name of all.filter((each) => each.startsWith('docs/man/'))) assert.match(read(name), /^\.(?:Dt|TH) /m, name);
});
