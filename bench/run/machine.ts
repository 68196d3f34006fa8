import { arch, availableParallelism, cpus, release, type as systemName, totalmem } from 'node:os'
import type { Machine } from '../results.ts'

/** What this machine is. @param versions of the tools that the dataplanes told of */
export function describeMachine(
  portolan: string,
  versions: Readonly<Record<string, string>>,
  now: Date,
): Machine {
  return {
    kernel: `${systemName()} ${release()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    architecture: arch(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    versions: { portolan, node: process.versions.node, ...versions },
    date: now.toISOString(),
  }
}
