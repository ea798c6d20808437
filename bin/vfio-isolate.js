#!/usr/bin/env node
// An old Node must be able to parse this file, as a script and as a module: no import statement, no top-level await.
const [major, minor] = process.versions.node.split('.').map(Number);
if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) {
  import('../dist/main.js').then((cli) => cli.main());
} else {
  console.error(`vfio-isolate: Node.js ${process.version} will not do; install ^20.19 or >=22.12`);
  process.exitCode = 1;
}
