import { execFile } from 'node:child_process'

/** Where system programs are, whatever the caller's PATH: npm's has a program called nft that is no part of netfilter. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** To be listened to. */
export interface ToolLimits {
  /** Milliseconds that the tool may take. */
  readonly timeout: number
  /** Bytes that it may say. */
  readonly maxBuffer: number
}

/** Of what is asked again and again, and is short. */
const standardLimits: ToolLimits = { timeout: 5000, maxBuffer: 1 << 20 }

/**
 * What a system program said. `refused`: it ran, and said no. `unknown`: it isn't there, may not ask, or took too long, so
 * that nothing follows from it.
 */
export type ToolAnswer =
  | { readonly is: 'done'; readonly output: string }
  | { readonly is: 'refused' }
  | { readonly is: 'unknown' }

/** Asks a program that only reads. Rejects only where the system can't start any, as without memory. */
export function askTool(
  program: string,
  args: readonly string[],
  signal?: AbortSignal,
  limits = standardLimits,
): Promise<ToolAnswer> {
  return new Promise((resolve) => {
    const env = { PATH: path, LC_ALL: 'C' }
    execFile(
      program,
      args,
      { env, ...limits, ...(signal === undefined ? {} : { signal }) },
      (error, output, complaint) => {
        if (error === null) resolve({ is: 'done', output })
        else if (error.code === 1 && absent.test(complaint)) resolve({ is: 'refused' })
        else resolve({ is: 'unknown' })
      },
    )
  })
}

/**
 * Runs a program that changes something.
 *
 * @param input what it reads
 * @returns what it prints
 * @throws Error naming the program and what it said
 */
export function runTool(
  program: string,
  args: readonly string[],
  input: string,
  limits = standardLimits,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: path, LC_ALL: 'C' }
    const child = execFile(program, args, { env, ...limits }, (error, output, complaint) => {
      if (error === null) resolve(output)
      else reject(new Error(`${program}: ${complaint.trim() || error.message}`, { cause: error }))
    })
    // One that ends without reading all says why itself.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

/** How nft, iptables-legacy and iptables-nft say that there is no such thing. */
const absent =
  /No such file or directory|No chain\/target\/match by that name|is incompatible, use 'nft' tool/
