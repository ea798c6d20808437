import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../exec.js';
import { cached } from './cache.js';

/** An ACPI table that gives every CPU two performance states, so that acpi_cpufreq binds and governors are real. */
export async function cpufreqTable(cpus: number): Promise<string> {
  const recipe = { builder: import.meta.url, ingredients: cpus };
  const dir = await cached(`cpufreq-${cpus}`, recipe, async (into) => {
    await writeFile(join(into, 'ssdt.dsl'), table(cpus));
    await exec('iasl', ['-p', join(into, 'ssdt'), join(into, 'ssdt.dsl')]);
    await rm(join(into, 'ssdt.dsl'));
  });
  return join(dir, 'ssdt.aml');
}

function table(cpus: number): string {
  const names = Array.from(
    { length: cpus },
    (_, cpu) => `\\_SB.CPUS.C${cpu.toString(16).toUpperCase().padStart(3, '0')}`,
  );
  return `DefinitionBlock ("", "SSDT", 2, "VFIOIS", "CPUFREQ", 1) {
${names.map((name) => `  External (${name}, DeviceObj)`).join('\n')}
${names.map(processor).join('\n')}
}
`;
}

// The control and status registers are I/O ports that nothing answers on; each CPU is a domain (policy) of its own.
const processor = (name: string, cpu: number) => `  Scope (${name}) {
    Name (_PCT, Package () {
      ResourceTemplate () { Register (SystemIO, 16, 0, 0x5600) },
      ResourceTemplate () { Register (SystemIO, 16, 0, 0x5604) }
    })
    Name (_PSS, Package () {
      Package () { 3000, 10000, 10, 10, 0, 0 },
      Package () { 1500, 5000, 10, 10, 1, 1 }
    })
    Method (_PPC) { Return (Zero) }
    Name (_PSD, Package () { Package () { 5, 0, ${cpu}, 0xFC, 1 } })
  }`;
