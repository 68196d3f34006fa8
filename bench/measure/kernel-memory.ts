import { readdirSync, readFileSync } from 'node:fs'
import { kilobytes } from './process-usage.ts'

/**
 * Bytes of the kernel's own memory that rules may take: slabs, vmalloc and per-CPU memory (/proc/meminfo). Of the whole
 * machine, so only the growth during something large tells anything.
 */
export function readKernelMemory(): number {
  const text = readFileSync('/proc/meminfo', 'utf8')
  return ['Slab', 'VmallocUsed', 'Percpu'].reduce((sum, name) => sum + kilobytes(text, name) * 1024, 0)
}

/** Bytes of the BPF maps that a process holds open, by its descriptors; 0 where there are none. */
export function readMapMemory(pid: number): number {
  const maps = new Map<string, number>()
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    let text: string
    try {
      text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    } catch {
      continue // closed since
    }
    const id = /^map_id:\s+(\d+)/m.exec(text)?.[1]
    const bytes = /^memlock:\s+(\d+)/m.exec(text)?.[1]
    if (id !== undefined && bytes !== undefined) maps.set(id, Number(bytes))
  }
  return [...maps.values()].reduce((sum, bytes) => sum + bytes, 0)
}
