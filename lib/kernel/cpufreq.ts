/** CPU frequency governors, one a policy (admin-guide/pm/cpufreq.rst). */
import { isSystemError } from '../errors.js';
import { type Host, listIfThere, readIfThere } from '../host.js';
import type { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { type KernelFile, sameText } from './kernel-file.js';

export interface Policy {
  readonly name: string;
  /** The online CPUs that it governs. */
  readonly cpus: Bitmap;
  /** Path of its scaling_governor. */
  readonly path: string;
  readonly governor: string;
  readonly available: readonly string[];
  /** Its energy_performance_preference, where its driver has one (intel_pstate, amd-pstate). */
  readonly preference?: { readonly path: string; readonly value: string };
}

/** The policies of a host; none without a cpufreq driver. A policy whose CPUs are all offline has no governor. */
export function readPolicies(host: Host): Policy[] {
  const root = `${host.sys}/devices/system/cpu/cpufreq`;
  const names = (listIfThere(host, root) ?? []).filter((name) => /^policy\d+$/.test(name));
  return names
    .sort((a, b) => Number(a.slice('policy'.length)) - Number(b.slice('policy'.length)))
    .flatMap((name) => {
      const path = `${root}/${name}/scaling_governor`;
      const governor = ofActive(host, path);
      const cpusPath = `${root}/${name}/affected_cpus`;
      const cpus = ofActive(host, cpusPath);
      if (governor === undefined || cpus === undefined) return [];
      const available = ofActive(host, `${root}/${name}/scaling_available_governors`) ?? '';
      const preferencePath = `${root}/${name}/energy_performance_preference`;
      const preference = ofActive(host, preferencePath);
      return [
        {
          name,
          cpus: parseList(cpus.split(/\s+/).join(','), cpusPath),
          path,
          governor,
          available: available.split(/\s+/).filter(Boolean),
          ...(preference !== undefined && { preference: { path: preferencePath, value: preference } }),
        },
      ];
    });
}

/** A file of a policy; undefined where it has vanished, or (EBUSY) none of its CPUs is online. */
function ofActive(host: Host, path: string): string | undefined {
  try {
    return readIfThere(host, path);
  } catch (error) {
    if (isSystemError(error, 'EBUSY')) return undefined;
    throw error;
  }
}

export const CPUFREQ_FILES: readonly KernelFile[] = [
  {
    root: 'sys',
    pattern: /^devices\/system\/cpu\/cpufreq\/policy\d+\/energy_performance_preference$/,
    same: sameText,
    explain: (error) =>
      error.code === 'EBUSY' ? { reason: 'the governor has fixed it', remedy: 'set another governor first' } : {},
  },
  {
    root: 'sys',
    pattern: /^devices\/system\/cpu\/cpufreq\/policy\d+\/scaling_governor$/,
    same: sameText,
    explain(error) {
      if (error.code === 'EINVAL') return { reason: 'the kernel has no such governor', remedy: 'load its module' };
      if (error.code !== 'EBUSY') return {};
      return { reason: 'all CPUs of this policy are offline', remedy: 'bring one of them online, and try again' };
    },
  },
];
