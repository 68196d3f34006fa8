import { once } from 'node:events'
import { constants } from 'node:os'
import { PassThrough } from 'node:stream'
import { runInVm, type VmOptions } from './run-in-vm.ts'
import { VmError } from './vm-error.ts'

export interface LongRunOptions extends Pick<VmOptions, 'cwd' | 'env'> {
  /**
   * What to run: asked before each machine boots, so that another one goes on where the last was lost. `undefined`:
   * nothing is left to do.
   */
  readonly next: () => readonly string[] | undefined
  /** Told each line of standard output, without its end. */
  readonly onLine: (line: string) => void
  /** Told why a machine was lost, before another one boots. */
  readonly onLoss?: (reason: string) => void
  /** A machine that says no line for so long, its boot included, is switched off: it may well have frozen. */
  readonly silenceSeconds: number
  /** For all machines together. */
  readonly timeoutSeconds: number
}

/** How many machines may be lost, one after the other. */
const maxBoots = 5

/**
 * Runs a program that takes minutes, in as many machines as it needs, and comes back when it has ended with code 0.
 *
 * A machine that freezes or breaks down (a panic of its kernel, an end of QEMU) is replaced by another one. A program
 * that a signal ends is not: SIGSEGV and SIGABRT are how a fault of memory in native code looks, and it is the program
 * that is on trial.
 *
 * The machines have one processor each: two of them, side by side on two cores, do more than with two processors each
 * (the kit for IPVS 12 minutes rather than 18). A translated Node with two processors also dies by SIGSEGV while it
 * starts its threads, about once in a hundred minutes; threads that never run at the same time don't do that.
 *
 * @throws VmError `PROGRAM_KILLED`, `VM_BROKE_DOWN`, `VM_TIMED_OUT`, `VM_MISSING`
 */
export async function runToTheEnd(options: LongRunOptions): Promise<void> {
  const { next, timeoutSeconds, onLoss = () => {} } = options
  const deadline = performance.now() + timeoutSeconds * 1000
  for (let boot = 1; ; boot++) {
    const command = next()
    if (command === undefined) return
    const end = await runUntilSilent(command, options, (deadline - performance.now()) / 1000)
    if (end.exitCode === 0) return
    if (end.exitCode !== undefined && end.exitCode > 128)
      throw new VmError(
        'PROGRAM_KILLED',
        `the program in the machine was killed by ${signalName(end.exitCode - 128)}`,
      )
    if (end.loss === undefined)
      throw new VmError('VM_BROKE_DOWN', `the program in the machine ended with exit code ${end.exitCode}`)
    if (boot === maxBoots)
      throw new VmError('VM_BROKE_DOWN', `${boot} machines were lost, the last one: ${end.loss}`)
    onLoss(end.loss)
  }
}

function signalName(number: number): string {
  const [name] = Object.entries(constants.signals).find(([, one]) => one === number) ?? []
  return name ?? `signal ${number}`
}

/** How one machine ended: with the program's exit code, or lost, for a reason that deserves another one. */
async function runUntilSilent(
  command: readonly string[],
  { onLine, silenceSeconds, ...options }: LongRunOptions,
  timeoutSeconds: number,
): Promise<{ readonly exitCode?: number; readonly loss?: string }> {
  const silence = new Error(`it said nothing for ${silenceSeconds} s`)
  const switchOff = new AbortController()
  const timer = setTimeout(() => switchOff.abort(silence), silenceSeconds * 1000)
  const stdout = new PassThrough({ encoding: 'utf8' })
  // What a lost machine had begun to say when it was lost is no line.
  let begun = ''
  stdout.on('data', (text: string) => {
    const lines = (begun + text).split('\n')
    begun = lines.pop() ?? ''
    for (const line of lines) {
      timer.refresh()
      onLine(line)
    }
  })
  const allRead = once(stdout, 'end')
  try {
    const { cwd, env } = options
    const { exitCode } = await runInVm(command, {
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      stdout,
      timeoutSeconds,
      cpus: 1,
      signal: switchOff.signal,
    })
    return { exitCode }
  } catch (error) {
    if (error === silence) return { loss: silence.message }
    if (error instanceof VmError && error.code === 'VM_BROKE_DOWN') return { loss: error.message }
    throw error
  } finally {
    clearTimeout(timer)
    stdout.end()
    await allRead
  }
}
