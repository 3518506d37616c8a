// The Markdown pages of the repository, taken apart: lines, fences, code spans, links, anchors.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const read = (name) => readFileSync(join(root, name), 'utf8');

const skipped = /^(build|node_modules|\.git)$/;

function walk(folder, found) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const name = join(folder, entry.name);
    if (entry.isDirectory() && !skipped.test(entry.name)) walk(name, found);
    else if (entry.isFile()) found.push(name);
  }
  return found;
}

// What Git knows and what is new; every file where there is no Git.
function files() {
  try {
    const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
    return list.split('\n').filter((name) => name && existsSync(join(root, name)));
  } catch {
    return walk('', []);
  }
}

export const all = files();

const slug = (heading) => heading.toLowerCase().replace(/[`*]/g, '').replace(/[^\p{L}\p{N} _-]/gu, '').trim().replaceAll(' ', '-');

/** One page: `lines` outside fences with their numbers, and the `fences` with what stands before. */
export function page(name) {
  const lines = [];
  const fences = [];
  let fence = null;
  let before = '';
  for (const [at, line] of read(name).split('\n').entries()) {
    if (fence && line === '```') {
      fences.push(fence);
      fence = null;
      before = '';
    } else if (fence) {
      fence.text += `${line}\n`;
    } else if (line.startsWith('```')) {
      fence = { language: line.slice(3), mark: /^<!-- (.*) -->$/.exec(before)?.[1] ?? '', line: at + 1, where: `${name}:${at + 1}`, text: '' };
    } else {
      lines.push({ text: line, where: `${name}:${at + 1}` });
      if (line) before = line;
    }
  }
  if (fence) throw new Error(`${fence.where}: a fence is not closed`);
  const spans = lines.flatMap(({ text, where }) => [...text.matchAll(/`([^`]+)`/g)].map((match) => ({ text: match[1], where })));
  const links = lines.flatMap(({ text, where }) => [...text.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({ target: match[1], where })));
  const anchors = new Set(lines.map(({ text }) => /^#+ (.*)$/.exec(text)).filter(Boolean).map((match) => slug(match[1])));
  return { name, folder: dirname(name), lines, fences, spans, links, anchors };
}

export const pages = all.filter((name) => name.endsWith('.md')).map(page);
export const docs = pages.filter(({ name }) => name === 'README.md' || name.startsWith('docs/'));
export const named = (name) => pages.find((one) => one.name === name);

/** The cells of a page's table rows; `heads` tells the table by its first heading. */
export function table(name, head) {
  const rows = [];
  let inside = false;
  for (const { text } of named(name).lines) {
    const cells = text.startsWith('|') ? text.slice(1, -1).split(' |').map((cell) => cell.trim()) : null;
    if (!cells) inside = false;
    else if (cells[0] === head) inside = true;
    else if (inside && !/^-+$/.test(cells[0])) rows.push(cells);
  }
  return rows;
}

/** Rows of a table of facts: NAME("first", …) → the matches of `pattern`. */
export function facts(name, pattern) {
  return [...read(name).replace(/\/\*[\s\S]*?\*\//g, '').matchAll(pattern)].map(([, ...rest]) => rest);
}

export const here = (from, target) => relative(root, resolve(root, from, target));
