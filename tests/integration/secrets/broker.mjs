// Vendors that know a credential of the test's choosing, and say it back where they should not.
//
// A broker stands before one stand-in: it takes the decoy for the stand-in's real credential, hands
// out decoy tokens for real ones, and can answer in the vendor's place with what it was shown.
import http from 'node:http';

const read = (stream) => new Promise((resolve, reject) => {
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('end', () => resolve(Buffer.concat(chunks)));
  stream.on('error', reject);
});

/** What a vendor may do with a credential that it was shown: name → (reply, said) . */
export const indiscretions = {
  ...Object.fromEntries([400, 401, 403, 404, 409, 422, 500, 503].map((status) => [`${status} with JSON`, (reply, said) => {
    const text = `bad credential ${said}`;
    reply.writeHead(status, { 'content-type': 'application/json', 'www-authenticate': `Bearer error="invalid_token", token="${said}"`, 'x-debug': said });
    reply.end(JSON.stringify({ error: { message: text, slug: said, suggested_fix: text, status }, message: text, code: said, error_code: said, error_description: text,
      details: [{ message: text, [said]: said }], detail: text, request_id: said }));
  }])),
  'provider error inside 200': (reply, said) => {
    reply.writeHead(200, { 'content-type': 'application/json' });
    reply.end(JSON.stringify({ successful: false, error: `401 ${said}`, data: null, log_id: said, exports: { debug: said }, os: [{ k: 'error', err: { name: said, message: said, stack: said } }] }));
  },
  'HTML in place of JSON': (reply, said) => { reply.writeHead(200, { 'content-type': 'text/html' }); reply.end(`<h1>${said}</h1>`); },
  'text with 502': (reply, said) => { reply.writeHead(502, { 'content-type': 'text/plain' }); reply.end(`upstream said ${said}`); },
  'JSON cut short': (reply, said) => { reply.writeHead(200, { 'content-type': 'application/json' }); reply.end(`{"data":{"k":${JSON.stringify(said)},`); },
  'a body cut short': (reply, said) => {
    reply.writeHead(200, { 'content-type': 'application/json', 'content-length': 100000 });
    reply.write(`{"data": ${JSON.stringify(said)}`, () => reply.socket.destroy());
  },
  'no HTTP': (reply, said) => { reply.socket.end(`${said}\r\n${said}\r\n\r\n`); },
  'a redirect': (reply, said) => { reply.writeHead(302, { location: `http://127.0.0.1:9/${encodeURIComponent(said)}?key=${encodeURIComponent(said)}` }); reply.end(); },
  'a rate limit': (reply, said) => { reply.writeHead(429, { 'retry-after': said, 'x-limit-key': said, 'content-type': 'application/json' }); reply.end(JSON.stringify({ error: said, message: said })); },
  'no gzip': (reply, said) => { reply.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }); reply.end(said); },
  'an odd coding': (reply, said) => { reply.writeHead(200, { 'content-type': 'application/json', 'content-encoding': said.replace(/[^a-z]/g, '') || 'x' }); reply.end(said); },
  'a reset': (reply) => { reply.socket.resetAndDestroy(); },
};

/**
 * A broker before `target`, or a worker of its own where that is null. `swap(request, body)` turns decoys into what the stand-in knows;
 * `said()` is what an indiscretion says; `tokens` gives the decoy for a minted token, or null.
 * `mode` of the result: null passes everything on, else a name of `indiscretions`.
 */
export async function broker(target, { swap, said, tokenPath, decoyToken }) {
  const agent = new http.Agent({ keepAlive: true });
  const real = new Map(); // decoy token → the stand-in's
  const state = { mode: null, mintFails: false, seen: 0 };
  const server = http.createServer(async (request, reply) => {
    const body = await read(request).catch(() => null);
    if (body === null) return;
    const isMint = tokenPath && request.url.startsWith(tokenPath);
    if (isMint ? state.mintFails : state.mode) {
      state.seen++;
      indiscretions[isMint ? '400 with JSON' : state.mode](reply, isMint ? said() : /bearer (.*)/i.exec(request.headers.authorization)?.[1] ?? said());
      return;
    }
    if (!target) {
      reply.writeHead(200, { 'content-type': 'application/json' });
      reply.end(JSON.stringify({ successful: true, data: { v: 1 } }));
      return;
    }
    const headers = { ...request.headers, host: new URL(target).host };
    const bearer = /^bearer (.*)$/i.exec(headers.authorization ?? '')?.[1];
    if (real.has(bearer)) headers.authorization = `Bearer ${real.get(bearer)}`;
    const swapped = swap({ headers, isMint }, body);
    if (swapped !== body) headers['content-length'] = swapped.length;
    const onward = http.request(target + request.url, { method: request.method, headers, agent }, async (answer) => {
      let bytes = await read(answer);
      const kept = { ...answer.headers };
      if (isMint && answer.statusCode === 200) {
        const token = JSON.parse(bytes);
        real.set(decoyToken(), token.access_token);
        bytes = Buffer.from(JSON.stringify({ ...token, access_token: decoyToken() }));
        kept['content-length'] = bytes.length;
        delete kept['transfer-encoding'];
      }
      reply.writeHead(answer.statusCode, kept);
      reply.end(bytes);
    });
    onward.on('error', () => reply.destroy());
    onward.end(swapped);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => { agent.destroy(); server.closeAllConnections(); server.close(); },
  });
}
