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
 *
 * And `portolan fuzz`, which searches one for faults: fuzz/, with the kit's random trials.
 */
export { createEvalCommand } from './command/command.ts'
export { createFuzzCommand } from './fuzz/command.ts'
export * from './scorecard.ts'
