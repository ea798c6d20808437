// The layers of lib/: an import only ever points down. Leaves may be imported by anyone and import only leaves.
const layers = [
  { name: 'bin', path: '^bin/' },
  { name: 'cli', path: '^lib/cli/' },
  { name: 'index', path: '^lib/index\\.ts$' },
  { name: 'engine', path: '^lib/engine/' },
  { name: 'actions', path: '^lib/actions/' },
  { name: 'steps', path: '^lib/steps/' },
  { name: 'bulk', path: '^lib/bulk/' },
  { name: 'kernel', path: '^lib/kernel/' },
  { name: 'native', path: '^lib/native\\.ts$' },
  { name: 'leaves', path: '^lib/(sets/|(errors|host|pause|version)\\.ts$)' },
];

const upward = layers.slice(1).map(({ name, path }, at) => ({
  name: `${name}-points-up`,
  severity: 'error',
  comment: `${name} may only import what lies below it`,
  from: { path },
  to: {
    path: layers
      .slice(0, at + 1)
      .map((layer) => layer.path)
      .join('|'),
  },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'cli-goes-through-index',
      severity: 'error',
      comment: 'the command line uses what a program can use',
      from: { path: '^lib/cli/', pathNot: '^lib/cli/io\\.ts$' },
      to: { path: '^lib/', pathNot: '^lib/(cli/|index\\.ts$|sets/|(errors|host|pause|version)\\.ts$)' },
    },
    {
      name: 'streams-are-the-command-lines-own',
      severity: 'error',
      comment: 'a program has streams of its own; those of the command line need calls of the addon, and nothing else',
      from: { path: '^lib/cli/io\\.ts$' },
      to: { path: '^lib/', pathNot: '^lib/(native|cli/plain-node)\\.ts$' },
    },
    {
      name: 'layer-unknown',
      severity: 'error',
      comment: 'every module belongs to a layer',
      from: { path: '^lib/', pathNot: layers.map((layer) => layer.path).join('|') },
      to: {},
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^\\.\\./dist/' },
    },
    {
      name: 'runtime-dependencies',
      severity: 'error',
      comment: 'what is published may only need what is bundled with it: see rolldown.config.js',
      from: { path: '^(lib|bin)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '(^|/)node_modules/(commander|valibot)/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types'],
    },
  },
};
