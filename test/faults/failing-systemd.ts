/** systemd's own programs, busctl and systemctl, that fail at one of a run's calls of them; for that run alone. */
import type { Guest, Result } from '../vm/guest.js';

const FOLDER = '/root/systemd';
const PROGRAMS = ['busctl', 'systemctl'];

/** Each keeps a list of the calls, and does what `fault` has it do. */
const STAND_IN = `#!/bin/sh
name=\${0##*/}
real=${FOLDER}/real/$name
echo "$name $*" >>${FOLDER}/calls
number=$(wc -l <${FOLDER}/calls)
. ${FOLDER}/fault
`;

const COMPLAINT = 'echo "Failed to do it: Connection timed out" >&2; exit 1';

/** What may become of a call. */
const bodies = {
  'is refused': COMPLAINT,
  'is done, and refused': `"$real" "$@" >/dev/null; ${COMPLAINT}`,
  'is refused without a word': 'exit 1',
  'is taken, and never done': 'exit 0',
  'is answered by nonsense': "printf 'LoadState\\nActiveState=\\377=7\\nAllowedCPUs=0-\\n'",
  'is killed': 'kill -KILL $$',
  'is done, and killed with half of its answer given': '"$real" "$@" | head -c 20; kill -KILL $$',
  'is never answered': 'exec sleep 1000',
  'is done, and never answered': '"$real" "$@" >/dev/null; exec sleep 1000',
  'is refused, as all that follow': COMPLAINT,
} as const;
export type Failure = keyof typeof bodies;
export const failures = Object.keys(bodies) as Failure[];

/** After this one systemd is there again only for the next run. */
export const lasts = (failure: Failure): boolean => failure === 'is refused, as all that follow';

export async function prepareFailures(guest: Guest): Promise<void> {
  await guest.must(
    `mkdir -p ${FOLDER}/real; cd ${FOLDER}; cp ${PROGRAMS.map((name) => `/usr/bin/${name}`).join(' ')} real`,
  );
  await guest.must(`cat >${FOLDER}/stand-in; chmod +x ${FOLDER}/stand-in`, { input: STAND_IN });
}

/** In a mount namespace of its own, so that nothing else on that host calls the stand-ins. */
const MOUNTED = `
  for name in ${PROGRAMS.join(' ')}; do mount --bind ${FOLDER}/stand-in /usr/bin/$name || exit; done
  exec vfio-isolate "$@"`;

/** @param at which call of the run it befalls, from 1; 0 for none */
export async function runWith(
  guest: Guest,
  words: readonly string[],
  at: number,
  failure: Failure,
  limit: number,
): Promise<Result> {
  const isIt = `[ $number ${lasts(failure) && at > 0 ? '-ge' : '-eq'} ${at} ]`;
  const fault = `${isIt} || exec "$real" "$@"\n${bodies[failure]}\n`;
  await guest.must(`cd ${FOLDER}; rm -f calls; cat >fault`, { input: fault });
  const own = ['--mount', '--propagation', 'private', '/bin/sh', '-c', MOUNTED, 'sh', ...words];
  return guest.run('unshare', own, { limit });
}

/** The calls of that run, a line each. */
export async function callsOfRun(guest: Guest): Promise<string[]> {
  return (await guest.must(`cat ${FOLDER}/calls`)).trimEnd().split('\n');
}
