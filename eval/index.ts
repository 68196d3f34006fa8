/**
 * `portolan eval`: a scorecard for any dataplane, ours or a stranger's.
 *
 * ```
 *   command/   the command line, the progress, the files that come out
 *      │
 *   process/   a process for each dataplane, which may hang, break down, or throw where nobody listens
 *      │
 *   parts/     what is asked: shape, convergence, conformance, speed, operation; each gives a part of the card
 *
 *   scorecard.ts  what comes out, as plain data; report/ draws it
 * ```
 */
export { createEvalCommand } from './command/command.ts'
export * from './scorecard.ts'
