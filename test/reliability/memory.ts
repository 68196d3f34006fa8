import { readFileSync } from 'node:fs'

/** Bytes, of the time in which two dataplanes stand on a node. */
export interface Memory {
  /** The most that the new one's process held (VmHWM). */
  readonly process: number
  /**
   * By how much the kernel's own memory had grown when both stood, and when the old one had gone: slabs, vmalloc and per-CPU
   * memory of the whole machine, so only large differences tell anything.
   */
  readonly kernelWithBoth: number
  readonly kernelAfter: number
}

export function peakMemory(pid: number): number {
  return kibibytes(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmHWM') * 1024
}

export function kernelMemory(): number {
  const text = readFileSync('/proc/meminfo', 'utf8')
  return ['Slab', 'VmallocUsed', 'Percpu'].reduce((sum, name) => sum + kibibytes(text, name) * 1024, 0)
}

function kibibytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
}
