import { readdirSync } from 'node:fs'
import { execa, execaSync } from 'execa'

/** Where `ip netns` keeps its namespaces. */
const directory = '/run/netns'

/** `pl-<pid of the maker>-<number of the lab in that process>-<host>`: the pid tells whose left-overs these are. */
const labNamespace = /^pl-(\d+)-(\d+)-./

const ours = new Set<string>()
let labs = 0

/** A name before which `-<host>` makes the names of one lab's namespaces; unique on this machine. */
export function nextLabName(): string {
  labs += 1
  return `pl-${process.pid}-${labs}`
}

export function namespacePath(name: string): string {
  return `${directory}/${name}`
}

/** Runs `ip -batch` once, in the given namespace if any. @throws ExecaError with the line that failed */
export async function ipBatch(lines: readonly string[], inNamespace?: string): Promise<void> {
  await execa('ip', [...(inNamespace === undefined ? [] : ['-n', inNamespace]), '-batch', '-'], {
    input: lines.map((line) => `${line}\n`).join(''),
  })
}

/** Makes the namespaces; from here on they go away with this process, however it ends short of a kill. */
export async function addNamespaces(names: readonly string[]): Promise<void> {
  removeAtExit()
  for (const name of names) ours.add(name)
  await ipBatch(names.map((name) => `netns add ${name}`))
}

/** Removes those that exist, with all that is in them. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  const existing = listed(names)
  if (existing.length > 0) await ipBatch(existing.map((name) => `netns delete ${name}`))
  for (const name of names) ours.delete(name)
}

/**
 * Removes what labs of processes that no longer run have left behind (a kill -9 leaves no time for anything else).
 *
 * @returns the names of the namespaces that are gone
 */
export async function sweepDeadLabs(): Promise<string[]> {
  const dead = readNames().filter((name) => {
    const pid = labNamespace.exec(name)?.[1]
    return pid !== undefined && !isRunning(Number(pid))
  })
  // Several sweeps may meet: who comes second finds some already gone, which is what it wanted.
  await Promise.all(dead.map((name) => execa('ip', ['netns', 'delete', name], { reject: false })))
  return dead
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function readNames(): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function listed(names: Iterable<string>): string[] {
  const existing = new Set(readNames())
  return [...names].filter((name) => existing.has(name))
}

let hooked = false

function removeAtExit(): void {
  if (hooked) return
  hooked = true
  process.on('exit', removeNow)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const onSignal = () => {
      // A program that handles the signal itself decides when to exit, and `exit` above follows.
      if (process.listenerCount(signal) > 1) return
      removeNow()
      process.off(signal, onSignal)
      process.kill(process.pid, signal)
    }
    process.on(signal, onSignal)
  }
}

function removeNow(): void {
  const existing = listed(ours)
  ours.clear()
  if (existing.length === 0) return
  execaSync('ip', ['-force', '-batch', '-'], {
    input: existing.map((name) => `netns delete ${name}\n`).join(''),
    reject: false,
  })
}
