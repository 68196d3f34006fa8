import { readFile, stat, writeFile } from 'node:fs/promises'
import { sysctlPath } from '../network/sysctl-path.ts'

/** A sysctl that is a number, and what it is to be. */
export interface KernelValue {
  /** As an operator knows it: `net.netfilter.nf_conntrack_max`. */
  readonly name: string
  readonly value: number
  /** `atLeast`: a higher one is the operator's, and stays. */
  readonly rule: 'exactly' | 'atLeast'
  /** The name of a value without which this one means nothing. */
  readonly needs?: string
}

export type KernelValueOutcome =
  | { readonly is: 'kept' }
  | { readonly is: 'set'; readonly before: number }
  /** This kernel, or this network namespace, has no such file. */
  | { readonly is: 'absent' }
  /** `before`: what it stays. `isFixed`: it is the machine's, and this network namespace is another one. */
  | { readonly is: 'refused'; readonly code: string; readonly isFixed: boolean; readonly before?: number }

/**
 * Makes it so, where it isn't. What can't be written is told, not thrown.
 *
 * @param root where the file system begins: `/`, unless in a test
 */
export async function setKernelValue(wanted: KernelValue, root: string): Promise<KernelValueOutcome> {
  const path = sysctlPath(wanted.name, root)
  let before: number | undefined
  try {
    before = Number((await readFile(path, 'utf8')).trim())
    if (before === wanted.value || (wanted.rule === 'atLeast' && before > wanted.value)) return { is: 'kept' }
    await writeFile(path, String(wanted.value))
    return { is: 'set', before }
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { is: 'absent' }
    return { is: 'refused', code, isFixed: await isFixed(path), ...(before === undefined ? {} : { before }) }
  }
}

/** Whether nobody may write to it, whatever the mount and the capabilities; not for what can't be looked at. */
async function isFixed(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && (found.mode & 0o222) === 0
}
