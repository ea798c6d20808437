/** Where the running node keeps its own headers, so that a build downloads none. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const prefix = dirname(dirname(process.execPath));

/** The prefix of the running node's headers, or undefined where it came without. */
export const nodeDirectory = existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined;
