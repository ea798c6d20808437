/** A fault that is put into the code, and what has to see it. */
export interface Mutation {
  readonly fault: string;
  readonly file: string;
  /** Text that the file holds once, and what takes its place. */
  readonly from: string;
  readonly to: string;
  /** The file of tests, and a part of the title of one that has to fail. */
  readonly tests: readonly [file: string, title: string];
}
