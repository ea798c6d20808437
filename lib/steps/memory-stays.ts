/**
 * What is told when nodes are given back: the kernel moves no page back by itself, and policies that named nodes (mbind(2),
 * set_mempolicy(2)) were remapped for good.
 */
export const memoryStays = (what: string, nodes: string): string =>
  `memory that ${what} has taken from nodes ${nodes} meanwhile, or moved there, stays there until it is freed`;
