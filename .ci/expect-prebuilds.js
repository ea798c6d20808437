// Fails where a binary of those that a release has is missing from prebuilds/.
import { existsSync } from 'node:fs';

const EXPECTED = ['x64', 'arm64'].flatMap((arch) =>
  ['glibc', 'musl'].map((libc) => `prebuilds/linux-${arch}/vfio-isolate.${libc}.node`),
);

const missing = EXPECTED.filter((file) => !existsSync(file));
for (const file of missing) console.error(`missing: ${file}`);
process.exitCode = missing.length > 0 ? 1 : 0;
