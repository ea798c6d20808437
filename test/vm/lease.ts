import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Host } from './host.js';

/** A guest of the pool, this file's alone until it is given back. */
export interface Lease {
  readonly dir: string;
  /** A guest given back clean serves the next file; any other is ended. Resolves once the pool has it. */
  giveBack(clean: boolean): Promise<void>;
}

export async function lease(socketPath: string, host: Host): Promise<Lease> {
  const socket = connect(socketPath);
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(`${JSON.stringify(host)}\n`);
  const answer = JSON.parse(await firstLine(socket, host));
  if (answer.error) throw new Error(answer.error);
  return {
    dir: answer.dir,
    giveBack(clean) {
      socket.end(clean ? 'clean\n' : 'spoilt\n');
      return gone;
    },
  };
}

function firstLine(socket: Socket, host: Host): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: socket }).once('line', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`the pool gave no guest for ${host.name}`)));
  });
}
