// What counts as right: Http11Probe's own words for its cases, and one class per answer elsewhere.

/** refused, silence, hang, answered: what a client makes of the first answers. */
export function classify({ final, closed }) {
  const codes = final.map((one) => one.status);
  if (codes.length === 0) return closed ? 'closed' : 'hang';
  if (codes[0] >= 400) return closed ? 'refused and closed' : 'refused';
  if (codes.length > 1) return codes.every((code) => code < 400) ? 'two answers' : 'answered, then refused';
  return closed ? 'answered and closed' : 'answered';
}

export function isAccepted(kind) {
  return kind.startsWith('answered') ? kind !== 'answered, then refused' : kind === 'two answers';
}

export function isRefused(kind) {
  return kind.startsWith('refused') || kind === 'closed';
}

const succeeded = (code) => code >= 200 && code < 300;

/** pass, warn, fail, or see for what cannot be told from outside. `steps` holds one answer per step, undefined where the connection had gone before. */
export function judge(row, steps) {
  const words = row.expected;
  const [first] = steps;
  const closed = steps.some((step) => step?.closed);
  const code = first.final[0]?.status ?? first.statuses[0];
  if (row.seq) return judgeSequence(words, steps, code, closed);
  if (/^(!|non-)101/.test(words)) return code === 101 ? 'fail' : 'pass';
  if (words.startsWith('non-1xx')) return code >= 200 ? 'pass' : 'fail';
  if (words.startsWith('not 414')) return code === 414 ? 'fail' : 'pass';
  if (words.includes('no extra response')) return judgeSmuggled(first, code, closed);
  if (words.startsWith('Reject/drop')) return code === undefined || code >= 400 ? 'pass' : 'see';
  return judgeWords(words, first, code, closed);
}

function judgeSmuggled(first, code, closed) {
  if (first.final.length > 1) return 'fail';
  if (code === undefined || code === 400 || (closed && code >= 400)) return 'pass';
  return closed && succeeded(code) ? 'warn' : 'fail';
}

/** Headers that the words ask for beyond a status. */
function hasNamedHeader(words, first) {
  const named = /(?:with|\+) (Allow|Date|Content-Type)\b/.exec(words);
  return !named || first.final[0]?.headers.has(named[1].toLowerCase());
}

function judgeWords(words, first, code, closed) {
  const codes = (words.match(/\b[1-5]\d\d\b/g) ?? []).map(Number);
  const mayClose = /close/.test(words);
  if (code === undefined) {
    if (/timeout/.test(words) || (closed && (mayClose || codes.includes(400)))) return 'pass';
    return 'fail';
  }
  if (codes.includes(code)) {
    if (words === '204 without CL' && first.final[0].headers.has('content-length')) return 'fail';
    return hasNamedHeader(words, first) ? 'pass' : 'fail';
  }
  if (!succeeded(code) || !/2xx/.test(words)) return 'fail';
  if (/2xx ?\+ ?close/.test(words)) return closed ? 'pass' : 'fail';
  if (/^(2xx|Range2xx)/.test(words)) return hasNamedHeader(words, first) ? 'pass' : 'fail';
  return 'warn';
}

function judgeSequence(words, steps, code, closed) {
  if (/^400.*2xx ?\+ ?close$/.test(words)) {
    if (code === 400 || code === 501) return 'pass';
    return closed && steps.slice(1).every((step) => !step?.statuses.length) ? 'pass' : 'fail';
  }
  if (words === '2xx + 2xx')
    return steps.every((step) => succeeded(step?.final.at(-1)?.status)) ? 'pass' : 'warn';
  if ((code >= 400 && code < 500) || (code === undefined && closed)) return 'pass';
  return steps.some((step) => step?.statuses.length > 1) ? 'fail' : 'warn';
}
