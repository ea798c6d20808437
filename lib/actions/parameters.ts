/** Reads parameters by their type; the command line gives them right, a program may not. */
import { UsageError } from '../errors.js';
import type { Parameters } from './spec.js';

/** @throws UsageError where it is missing or no text */
export function text(parameters: Parameters, name: string): string {
  const value = optionalText(parameters, name);
  if (value === undefined) throw new UsageError(`${name} is missing`);
  return value;
}

/** @throws UsageError where it is there and no text */
export function optionalText(parameters: Parameters, name: string): string | undefined {
  const value = parameters[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new UsageError(`${name} must be a string`);
}

/** @throws UsageError where it is missing or none of these */
export function choice(parameters: Parameters, name: string, choices: readonly string[]): string {
  const value = text(parameters, name);
  if (choices.includes(value)) return value;
  throw new UsageError(`${name} must be ${choices.join(' or ')}, not ${JSON.stringify(value)}`);
}

/** @throws UsageError where it is there and neither true nor false */
export function optionalFlag(parameters: Parameters, name: string): boolean | undefined {
  const value = parameters[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new UsageError(`${name} must be true or false`);
}

/** @throws UsageError where it is there and no list of texts */
export function texts(parameters: Parameters, name: string): readonly string[] {
  const value = parameters[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new UsageError(`${name} must be a list of strings`);
}
