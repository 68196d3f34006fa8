/** What `portolan bench` runs, and what a program that benchmarks by itself may import. */
export { createBenchCommand } from './command/command.ts'
export * from './results.ts'
export { type BenchRun, type Progress, runBench } from './run/run-bench.ts'
