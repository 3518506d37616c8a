// Every request that the case files expect of an adapter must be one that the vendor documents:
// method, path, query, headers and body are checked against the vendor's OpenAPI document, after the
// patches of spec-patches.json. What a document lacks stands in hand-written.json with its source.
// Replies marked "spec": true in the case files are checked against the response schemas.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const shared = process.env.SY_SHARED_DIR ?? path.resolve(root, '../shared');
const specs = path.join(shared, 'data/vendor-specs');
const skip = fs.existsSync(specs) ? false : `no vendor documents in ${specs}`;

const documents = {
  composio: 'composio-openapi-v3.1-derived-from-client-2.0.0-rc.6.json',
  scalekit: 'scalekit-agentkit-openapi.json',
  pipedream: 'pipedream-openapi.json',
};
const bases = {
  composio: 'https://backend.composio.dev',
  scalekit: 'https://acme.scalekit.dev',
  pipedream: 'https://api.pipedream.com',
  worker: 'https://billing.example.workers.dev',
};

// All an adapter can send. A request kind that is missing here, or that no case exercises, fails.
const inventory = {
  composio: [
    'POST /api/v3.1/tools/execute/{tool_slug}', 'GET /api/v3.1/tools', 'GET /api/v3.1/tools/{tool_slug}',
    'GET /api/v3.1/toolkits', 'GET /api/v3.1/toolkits/{slug}', 'GET /api/v3.1/connected_accounts',
    'POST /api/v3.1/connected_accounts/link', 'GET /api/v3.1/auth_configs', 'POST /api/v3.1/auth_configs',
  ],
  scalekit: [
    'POST /oauth/token', 'POST /api/v1/execute_tool', 'GET /api/v1/tools', 'GET /api/v1/connected_accounts/details',
    'POST /api/v1/connected_accounts', 'POST /api/v1/connected_accounts/magic_link', 'GET /api/v1/connections/app',
    'GET /api/v1/providers',
  ],
  pipedream: [
    'POST /v1/oauth/token', 'POST /v1/connect/{project_id}/actions/run', 'POST /v1/connect/{project_id}/actions/props',
    'GET /v1/connect/{project_id}/actions',
    'GET /v1/connect/{project_id}/actions/{component_id}', 'GET /v1/connect/{project_id}/accounts',
    'POST /v1/connect/{project_id}/tokens', 'GET /v1/connect/apps', 'GET /v1/connect/apps/{app_id}',
  ],
  worker: ['POST /run'],
};

const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
const at = (doc, pointer) =>
  pointer.split('/').slice(1).reduce((node, key) => node?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], doc);

function patch(doc, change) {
  const keys = change.pointer.split('/');
  const last = keys.pop().replaceAll('~1', '/').replaceAll('~0', '~');
  const parent = at(doc, keys.join('/'));
  assert.ok(parent && (change.op === 'add' || last in parent), `patch points nowhere: ${change.pointer}`);
  if (Array.isArray(parent)) {
    if (change.op === 'remove') parent.splice(Number(last), 1);
    else parent[Number(last)] = change.value;
  } else if (change.op === 'remove') delete parent[last];
  else parent[last] = change.value;
}

// OpenAPI 3.0's own keywords in the words of JSON Schema 2020-12.
function modernise(node) {
  if (Array.isArray(node)) return node.forEach(modernise);
  if (!node || typeof node !== 'object') return;
  if (node.nullable === false) delete node.nullable;
  if (node.nullable === true) {
    delete node.nullable;
    if (typeof node.type === 'string') node.type = [node.type, 'null'];
    else if (!node.type && (node.$ref || node.oneOf || node.anyOf || node.allOf)) {
      const inner = { ...node };
      for (const key of Object.keys(node)) delete node[key];
      node.anyOf = [inner, { type: 'null' }];
    }
    if (Array.isArray(node.enum) && !node.enum.includes(null)) node.enum.push(null);
  }
  for (const bound of ['Minimum', 'Maximum']) {
    const key = `exclusive${bound}`;
    if (typeof node[key] === 'boolean') {
      const plain = bound.toLowerCase();
      if (node[key]) { node[key] = node[plain]; delete node[plain]; } else delete node[key];
    }
  }
  Object.values(node).forEach(modernise);
}

function load(vendor) {
  const extra = readJson(path.join(here, 'hand-written.json'))[vendor] ?? { paths: {} };
  const doc = documents[vendor] ? readJson(path.join(specs, documents[vendor])) : { paths: {} };
  for (const change of readJson(path.join(here, 'spec-patches.json')).filter((c) => c.document === documents[vendor]))
    patch(doc, change);
  for (const [template, item] of Object.entries(extra.paths))
    for (const [method, operation] of Object.entries(item)) {
      assert.ok(operation['x-source'], `${vendor} ${template}: a hand-written schema names its source`);
      assert.ok(!doc.paths[template]?.[method], `${vendor} ${method} ${template} is documented; drop the hand-written one`);
      (doc.paths[template] ??= {})[method] = operation;
    }
  modernise(doc);
  const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true, coerceTypes: false });
  addFormats(ajv);
  ajv.addSchema(doc, vendor);
  return { vendor, doc, ajv };
}

const escapePointer = (key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

function check(api, pointer, value, what) {
  const validate = api.ajv.compile({ $ref: `${api.vendor}#${pointer}` });
  if (!validate(value))
    assert.fail(`${what}: ${api.ajv.errorsText(validate.errors)} in ${JSON.stringify(value).slice(0, 300)}`);
}

function resolve(api, node) {
  return node?.$ref ? at(api.doc, node.$ref.slice(1)) : node;
}

// The most literal template that fits: /tools/execute/{slug} before /tools/{slug}/x.
function findOperation(api, method, pathname) {
  const segments = pathname.split('/');
  let best = null;
  for (const [template, item] of Object.entries(api.doc.paths)) {
    const parts = template.split('/');
    if (parts.length !== segments.length || !item[method]) continue;
    if (!parts.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]))) continue;
    const literal = parts.filter((part) => !part.startsWith('{')).length;
    if (!best || literal > best.literal) best = { template, item, literal };
  }
  return best;
}

const numeric = (schema) => [schema?.type].flat().some((t) => t === 'integer' || t === 'number');
const boolean = (schema) => [schema?.type].flat().includes('boolean');
const anyOf = (schema) => schema?.anyOf ?? schema?.oneOf ?? [schema];

// A query value is text on the wire; the schema says what it means.
function coerce(api, schema, values) {
  const plain = resolve(api, schema);
  if (anyOf(plain).some((s) => [resolve(api, s)?.type].flat().includes('array'))) return values;
  if (anyOf(plain).some((s) => numeric(resolve(api, s))) && /^\d+$/.test(values[0])) return Number(values[0]);
  if (anyOf(plain).some((s) => boolean(resolve(api, s))) && /^(true|false)$/.test(values[0])) return values[0] === 'true';
  return values[0];
}

function checkParameters(api, found, method, request, url, label) {
  const operation = found.item[method];
  const base = `/paths/${escapePointer(found.template)}`;
  const own = (operation.parameters ?? []).map((p, i) => ({ p, pointer: `${base}/${method}/parameters/${i}` }));
  const common = (found.item.parameters ?? []).map((p, i) => ({ p, pointer: `${base}/parameters/${i}` }));
  const all = [...own, ...common].map(({ p, pointer }) =>
    p.$ref ? { p: at(api.doc, p.$ref.slice(1)), pointer: p.$ref.slice(1).split('/').map(encodeURIComponent).join('/') } : { p, pointer });
  const names = found.template.split('/');
  const segments = url.pathname.split('/');
  const given = {};
  for (const [key, value] of url.searchParams) (given[key] ??= []).push(value);
  for (const key of Object.keys(given))
    assert.ok(all.some(({ p }) => p.in === 'query' && p.name === key), `${label}: query ${key} is not documented`);
  for (const { p, pointer } of all) {
    let value;
    if (p.in === 'query' && given[p.name]) value = coerce(api, p.schema, given[p.name]);
    if (p.in === 'path') value = decodeURIComponent(segments[names.indexOf(`{${p.name}}`)]);
    if (p.in === 'header') value = request.headers[p.name.toLowerCase()];
    assert.ok(value !== undefined || !p.required, `${label}: ${p.in} ${p.name} is required`);
    if (value !== undefined && p.schema) check(api, `${pointer}/schema`, value, `${label}: ${p.in} ${p.name}`);
  }
}

// Members nobody documents are as wrong as missing ones, though most schemas would let them pass.
function members(api, schema, seen = new Set()) {
  const plain = resolve(api, schema) ?? {};
  if (seen.has(plain)) return [];
  seen.add(plain);
  if (plain.additionalProperties && plain.additionalProperties !== false && !plain.properties) return null;
  const names = Object.keys(plain.properties ?? {});
  for (const part of [...(plain.allOf ?? []), ...(plain.anyOf ?? []), ...(plain.oneOf ?? [])]) {
    const more = members(api, part, seen);
    if (more === null) return null;
    names.push(...more);
  }
  return names;
}

function checkBody(api, found, method, request, label) {
  const operation = found.item[method];
  const body = resolve(api, operation.requestBody);
  if (request.body === undefined) {
    assert.ok(!body?.required, `${label}: a body is required`);
    return;
  }
  assert.ok(body, `${label}: no body is documented`);
  const type = request.headers['content-type'];
  assert.ok(body.content[type], `${label}: content type ${type} is not documented`);
  const value = typeof request.body === 'string' && type.includes('form')
    ? Object.fromEntries(new URLSearchParams(request.body)) : request.body;
  const prefix = operation.requestBody.$ref ? operation.requestBody.$ref.slice(1)
    : `/paths/${escapePointer(found.template)}/${method}/requestBody`;
  check(api, `${prefix}/content/${escapePointer(type)}/schema`, value, `${label}: body`);
  const known = members(api, body.content[type].schema);
  if (known !== null)
    for (const name of Object.keys(value)) assert.ok(known.includes(name), `${label}: body member ${name} is not documented`);
}

function checkReply(api, found, method, reply, label) {
  const responses = found.item[method].responses ?? {};
  const status = responses[reply.status] ? String(reply.status) : 'default';
  const schema = responses[status]?.content?.['application/json']?.schema;
  assert.ok(schema, `${label}: no schema for a reply with ${reply.status}`);
  check(api, `/paths/${escapePointer(found.template)}/${method}/responses/${status}/content/${escapePointer('application/json')}/schema`,
    reply.body, `${label}: reply`);
}

function* requestsOf(steps) {
  for (const step of steps ?? []) {
    if (step.send) yield step;
    yield* requestsOf(step.run);
  }
}

function* casesOf(vendor) {
  const folder = path.join(root, 'tests/cases', vendor);
  for (const file of fs.readdirSync(folder).sort())
    if (file.endsWith('.json') && file !== 'defaults.json') yield [file, readJson(path.join(folder, file))];
}

// One request of a case, and its reply if the case marks it; answers how many replies were checked.
function checkExchange(api, step, label, seen) {
  const [verb, target] = step.send.split(' ');
  const base = bases[api.vendor];
  assert.ok(target.startsWith(base), `${label}: ${target} is outside the vendor`);
  const pathname = target.slice(base.length).split('?')[0]; // not URL's: it would resolve dot segments
  const method = verb.toLowerCase();
  const found = findOperation(api, method, pathname);
  assert.ok(found, `${label}: ${step.send} is no documented operation`);
  // A string stands for JSON with white space in it, unless it is a form.
  const isText = typeof step.body === 'string' && step.headers['content-type'] === 'application/json';
  const request = { headers: step.headers, body: isText ? JSON.parse(step.body) : step.body };
  const kind = `${verb} ${found.template}`;
  seen.set(kind, (seen.get(kind) ?? 0) + 1);
  checkParameters(api, found, method, request, { pathname, searchParams: new URL(target).searchParams }, label);
  checkBody(api, found, method, request, label);
  if (step.spec) checkReply(api, found, method, step.reply, label);
  return step.spec ? 1 : 0;
}

for (const vendor of Object.keys(inventory)) {
  test(`${vendor}: every request of the case files is a documented one`, { skip: documents[vendor] && skip }, () => {
    const api = load(vendor);
    const seen = new Map();
    const faults = [];
    let replies = 0;
    for (const [file, content] of casesOf(vendor))
      for (const step of requestsOf(content.steps)) {
        try {
          replies += checkExchange(api, step, `${vendor}/${file}`, seen);
        } catch (fault) {
          if (!(fault instanceof assert.AssertionError)) throw fault;
          faults.push(fault.message);
        }
      }
    assert.deepEqual(faults, []);
    assert.deepEqual([...seen.keys()].sort(), [...inventory[vendor]].sort());
    console.log(`# ${vendor}: ${[...seen.values()].reduce((a, b) => a + b)} requests of ${seen.size} kinds, ${replies} replies`);
  });
}

test('every path in the adapters\' sources belongs to a kind of the inventory', () => {
  for (const vendor of Object.keys(documents)) {
    const folder = path.join(root, 'vendors', vendor);
    const fragments = fs.readdirSync(folder).filter((f) => f.endsWith('.c'))
      .flatMap((f) => [...fs.readFileSync(path.join(folder, f), 'utf8').matchAll(/"(\/[a-z0-9_./]+)"/g)].map((m) => m[1]))
      .filter((fragment) => !fragment.startsWith('/arguments')); // pointers into a caller's own request
    assert.ok(fragments.length > 0);
    for (const fragment of fragments)
      assert.ok(inventory[vendor].some((kind) => kind.includes(fragment)), `${vendor}: ${fragment} stands in no kind of request`);
  }
});

test('every patch says which document, where and why', () => {
  for (const change of readJson(path.join(here, 'spec-patches.json'))) {
    assert.ok(Object.values(documents).includes(change.document), change.document);
    assert.ok(change.pointer.startsWith('/') && ['add', 'remove', 'replace'].includes(change.op));
    assert.ok(change.reason.length > 20, `${change.pointer}: the reason`);
  }
});
