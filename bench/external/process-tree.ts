import { readdirSync, readFileSync } from 'node:fs'
import { type ProcessUsage, readProcessUsage } from '../measure/process-usage.ts'

/** A process and its descendants that run, by their ids; empty when it doesn't run any more. */
export function processTree(root: number): number[] {
  const childrenOf = Map.groupBy(parents(), ([, parent]) => parent)
  const found: number[] = []
  const visit = (pid: number): void => {
    found.push(pid)
    for (const [child] of childrenOf.get(pid) ?? []) visit(child)
  }
  if (isAlive(root)) visit(root)
  return found
}

/**
 * What a process and its descendants have used since they started. Those that have ended are in it, when one of the
 * tree has waited for them, as every program does that wants to know how its tools ended.
 */
export function readTreeUsage(root: number): Omit<ProcessUsage, 'peakRssBytes'> {
  const [own, ...others] = processTree(root).flatMap((pid) => {
    try {
      return [readProcessUsage(pid)]
    } catch {
      return [] // ended since
    }
  })
  if (own === undefined) throw new Error(`process ${root} doesn't run`)
  const cpu = ({ userMs, systemMs, childrenMs }: ProcessUsage) => userMs + systemMs + childrenMs
  return {
    userMs: own.userMs,
    systemMs: own.systemMs,
    childrenMs: own.childrenMs + others.reduce((sum, one) => sum + cpu(one), 0),
    rssBytes: own.rssBytes + others.reduce((sum, one) => sum + one.rssBytes, 0),
  }
}

/** Every process with its parent. */
function parents(): (readonly [number, number])[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    const parent = parentOf(Number(name))
    return parent === undefined ? [] : [[Number(name), parent] as const]
  })
}

function isAlive(pid: number): boolean {
  return parentOf(pid) !== undefined
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : Number(parent)
  } catch {
    return undefined
  }
}
