/** What a guest's kernel makes of texts that are written to its lists and masks. */
import type { Guest } from '../vm/guest.js';

/** The list or mask that the file then holds, or the name of the error. */
export type Answer = { readonly held: string } | { readonly refused: string };

export interface Answers {
  /** Written to a list of a cpuset: bitmap_parselist. */
  readonly list: Answer;
  /** Written to the affinity of interrupts to come: bitmap_parse. */
  readonly mask: Answer;
}

/**
 * Has the kernel read each text, as a list and as a mask. The guest is left as it was found.
 * @param list the file that lists are written to
 */
export async function askKernel(
  guest: Guest,
  list: 'cpuset.cpus' | 'cpuset.mems',
  texts: readonly string[],
): Promise<Answers[]> {
  const answers: Answers[] = [];
  for (let first = 0; first < texts.length; first += BATCH) {
    answers.push(...(await askBatch(guest, list, texts.slice(first, first + BATCH))));
  }
  return answers;
}

/** What an emulated machine of many CPUs does well within the limit. */
const BATCH = 500;

async function askBatch(guest: Guest, list: string, texts: readonly string[]): Promise<Answers[]> {
  const options = { input: JSON.stringify(texts), limit: 600 };
  const { status, stdout, stderr } = await guest.run('node', ['-e', SCRIPT, list], options);
  if (status !== 0) throw new Error(`the guest's script failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** On a host of cgroup v2. */
const SCRIPT = `
const fs = require("fs");
const root = "/sys/fs/cgroup";
const [group, masks] = [root + "/parser", "/proc/irq/default_smp_affinity"];
const handed = fs.readFileSync(root + "/cgroup.subtree_control", "utf8").split(/\\s/).includes("cpuset");
const before = fs.readFileSync(masks, "utf8");
if (!handed) fs.writeFileSync(root + "/cgroup.subtree_control", "+cpuset");
fs.mkdirSync(group);
const ask = (file, text) => {
  const fd = fs.openSync(file, "w");
  try {
    // An empty write(2) never gets to the kernel's parser.
    fs.writeSync(fd, text || "\\n");
  } catch (error) {
    return { refused: error.code };
  } finally {
    fs.closeSync(fd);
  }
  return { held: fs.readFileSync(file, "utf8").trim() };
};
const texts = JSON.parse(fs.readFileSync(0, "utf8"));
const answers = texts.map((text) => ({ list: ask(group + "/" + process.argv[1], text), mask: ask(masks, text) }));
fs.rmdirSync(group);
if (!handed) fs.writeFileSync(root + "/cgroup.subtree_control", "-cpuset");
fs.writeFileSync(masks, before);
process.stdout.write(JSON.stringify(answers));
`;
