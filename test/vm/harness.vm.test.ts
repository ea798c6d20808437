// What every test in a guest relies on: commands come back whole, and whatever goes wrong is a failure that says why.
import { expect, test } from 'vitest';
import { describeOn } from './describe-on.js';
import { smallHost } from './host.js';

describeOn(
  smallHost({ kernel: '6.12', hierarchy: 'v2', name: '2-cpu', cpus: 2, nodes: 1 }),
  (guest) => {
    test('a command gives its status, both outputs and every argument as it was', async () => {
      const script = 'printf "%s\\n" "$@"; cat; echo wrong >&2; exit 7';
      const args = ["it's", '$HOME  "x"', '', 'two\nlines', '*'];
      const result = await guest.run('sh', ['-c', script, 'sh', ...args], { input: 'read' });
      expect(result).toEqual({ status: 7, stdout: `${args.join('\n')}\nread`, stderr: 'wrong\n' });
    });

    test('many lines arrive whole, from commands side by side', async () => {
      const outputs = await Promise.all(
        [1, 2, 3, 4].map((id) => guest.must(`seq ${id}00000 ${id}20000`, { limit: 120 })),
      );
      for (const [index, output] of outputs.entries()) {
        const first = (index + 1) * 100_000;
        expect(output).toBe(Array.from({ length: 20_001 }, (_, n) => `${first + n}\n`).join(''));
      }
    });

    test('a command over its time is ended and is a failure', async () => {
      await expect(guest.run('sleep', ['77'], { limit: 1 })).rejects.toThrow(/not done after 1 s/);
      expect(await guest.sh('pidof sleep')).toMatchObject({ stdout: '' });
    });

    test('what has exited and was not reaped yet is in no snapshot', async () => {
      // it outlasts the shell that would wait for it
      const child = 'until grep -q sleep /proc/$PPID/comm; do :; done';
      const zombie = await guest.must(`sh -c 'sh -c "$0" & echo $!; exec sleep 100 >/dev/null 2>&1' '${child}' &`);
      await guest.must(`until grep -q '^State:.Z' /proc/${zombie.trim()}/status; do sleep 0.1; done`);
      const { tasks } = await guest.snapshot();
      expect(Object.values(tasks).filter(({ process }) => process === Number(zombie))).toEqual([]);
      await guest.must(`kill $(cut -d' ' -f4 /proc/${zombie.trim()}/stat)`);
    });

    test('no process of a command is left when it ends', async () => {
      expect(await guest.must('pidof timeout || true')).toMatch(/^\d+\n$/);
    });

    test('a guest that gives no exit status is a failure, and its console is in the message', async () => {
      const death = guest.sh('echo last words >/dev/console; poweroff -f');
      await expect(death).rejects.toThrow(/guest 2-cpu died while it ran(.|\n)*last words/);
    });

    test('a fallen kernel is called by its name', async () => {
      await expect(guest.sh('echo "<0>BUG: made up" >/dev/kmsg; poweroff -f')).rejects.toThrow(/kernel Oops/);
    });

    test('a guest whose kernel fell over is given up where a command of it does not end', async () => {
      const late = guest.sh('echo "<0>BUG: made up" >/dev/kmsg; sleep 77', { limit: 2 });
      await expect(late).rejects.toThrow(/not done after 2 s(.|\n)*kernel Oops/);
      expect(guest.isRunning()).toBe(false);
      await expect(guest.sh('true')).rejects.toThrow(/not done after 2 s/);
    });

    let tries = 0;
    test('a test under which the kernel fell over is tried once more', async () => {
      try {
        if (tries++ === 0) await guest.must('echo "<0>BUG: made up" >/dev/kmsg; poweroff -f');
        expect(await guest.must('echo alive')).toBe('alive\n');
        expect(tries).toBe(2);
      } finally {
        // nobody hears it the first time
        await guest.must('echo tidied up');
      }
    });

    test('the guest after a dead one is fresh', async () => {
      expect(await guest.must('echo alive')).toBe('alive\n');
    });
  },
  { install: false },
);

describeOn(
  smallHost({ kernel: '6.1', hierarchy: 'v1', name: 'short-lived', cpus: 2, nodes: 1, lifetime: 40 }),
  (guest) => {
    test('a guest that outlives its time is ended', async () => {
      await expect(guest.run('sleep', ['100'], { limit: 100 })).rejects.toThrow(/guest short-lived died/);
    });
  },
  { install: false },
);
