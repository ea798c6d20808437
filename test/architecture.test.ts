import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

describe('the layers', () => {
  /** A module of each layer, and one of the layer above it. */
  const upward: [layer: string, from: string, to: string][] = [
    ['index', 'lib/index.ts', 'lib/cli/main.ts'],
    ['engine', 'lib/engine/lock.ts', 'lib/index.ts'],
    ['actions', 'lib/actions/parameters.ts', 'lib/engine/lock.ts'],
    ['steps', 'lib/steps/overlay.ts', 'lib/actions/parameters.ts'],
    ['kernel', 'lib/kernel/boot.ts', 'lib/steps/overlay.ts'],
    ['native', 'lib/native.ts', 'lib/kernel/boot.ts'],
    ['leaves', 'lib/errors.ts', 'lib/native.ts'],
  ];
  let tree: string;

  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'vfio-isolate-layers-'));
    for (const name of ['lib', 'bin', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
      cpSync(join(root, name), join(tree, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  const lint = () => {
    const words = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'lib', 'bin'];
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/depcruise'), words, {
      cwd: tree,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    return JSON.parse(stdout).summary as { totalCruised: number; violations: { rule: { name: string } }[] };
  };

  test('are kept, in every module', () => {
    const { totalCruised, violations } = lint();
    expect(violations).toEqual([]);
    const modules = execFileSync('find', ['lib', '-name', '*.ts'], { cwd: tree, encoding: 'utf8' }).trim().split('\n');
    expect(totalCruised).toBeGreaterThanOrEqual(modules.length);
  });

  test('are broken by an import that points up, from every layer, and by a module outside of them', () => {
    for (const [, from, to] of upward) {
      const path = '../'.repeat(dirname(from).split('/').length) + to.replace(/\.ts$/, '.js');
      writeFileSync(join(tree, from), `import '${path}';\n${readFileSync(join(tree, from), 'utf8')}`);
    }
    mkdirSync(join(tree, 'lib/misc'));
    writeFileSync(join(tree, 'lib/misc/stray.ts'), "import '../errors.js';\n");
    const found = new Set(lint().violations.map(({ rule }) => rule.name));
    expect(found).toContain('layer-unknown');
    for (const [layer] of upward) expect(found).toContain(`${layer}-points-up`);
  });
});

/** Ways past the layers: loading what no linter can name. */
function loopholes(path: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument === undefined || !ts.isStringLiteral(argument)) found.push(`${path}: import() of no literal`);
    }
    if (ts.isIdentifier(node) && /^(createRequire|require|dlopen|Script)$/.test(node.text))
      found.push(`${path}: ${node.text}`);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}

describe('loading', () => {
  test('goes past the linter nowhere but where the addon and the bundle are loaded', () => {
    const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    expect(files.length).toBeGreaterThan(20);
    const found = files.flatMap((name) => loopholes(name, readFileSync(join(root, 'lib', name), 'utf8')));
    expect([...new Set(found)].sort()).toEqual(['cli/script.ts: Script', 'native.ts: dlopen']);
  });

  test.each([
    ['import(name)', 'import() of no literal'],
    ["import('./' + name)", 'import() of no literal'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the planted source
    ['import(`./${name}`)', 'import() of no literal'],
    ["import { createRequire as r } from 'node:module'; r(import.meta.url)(name)", 'createRequire'],
  ])('%s would be found', (text, loophole) => {
    expect(loopholes('planted.ts', text)).toContain(`planted.ts: ${loophole}`);
  });
});
