/**
 * `npm run vm -- COMMAND`: see index.ts. Exits with the command's code; 124: timed out; 125: no VM could be had, or it
 * broke down.
 */
import { constants } from 'node:os'
import { dirname } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { provideVm } from './provide.ts'
import { runInVm } from './run-in-vm.ts'
import { VmError } from './vm-error.ts'

interface Flags {
  readonly timeout: number
  readonly write: readonly string[]
  readonly cpus: number
  readonly memory: number
  readonly times?: true
  readonly install: boolean
}

new Command('npm run vm --')
  .description(
    "Runs a command on Debian's kernel in QEMU, with this machine's files. What is missing (QEMU, kmod) is installed by apt when run as root; the kernel is unpacked into a cache folder.",
  )
  .argument('<command...>', 'the program and its arguments; no shell reads them')
  .passThroughOptions()
  .option('--timeout <seconds>', 'for boot and command together', wholeNumber, 600)
  .option('--write <folder>', 'changes in this folder stay; may be repeated', collect, [])
  .option('--cpus <number>', 'of the machine', wholeNumber, 2)
  .option('--memory <MiB>', 'of the machine; files written in it take from that', wholeNumber, 2048)
  .option('--times', 'say at the end how long the boot and the command took')
  .option('--no-install', 'install and download nothing; say what is missing')
  .action(run)
  .parse()

async function run(command: readonly string[], flags: Flags): Promise<void> {
  const stopped = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => {
      process.exitCode = 128 + constants.signals[name]
      stopped.abort()
    })
  try {
    if (flags.install) await provideVm((line) => console.error(`vm: ${line}`))
    const result = await runInVm(command, {
      env: { ...process.env, PATH: systemFirst(process.env.PATH ?? '') },
      timeoutSeconds: flags.timeout,
      writable: flags.write,
      cpus: flags.cpus,
      memoryMiB: flags.memory,
      signal: stopped.signal,
    })
    process.exitCode = result.exitCode
    if (flags.times) {
      const [boot, inside] = [result.bootSeconds.toFixed(1), result.commandSeconds.toFixed(1)]
      console.error(`vm: ${result.kernel}; ${boot} s to the command, ${inside} s in it`)
    }
  } catch (error) {
    if (stopped.signal.aborted) return
    if (!(error instanceof VmError)) throw error
    for (const line of error.message.split('\n')) console.error(`vm: ${line}`)
    process.exitCode = error.code === 'VM_TIMED_OUT' ? 124 : 125
  }
}

/**
 * npm puts its own programs before the system's, and among them may be an `nft` that has nothing to do with netfilter
 * (of @vercel/nft, which ava brings). The Node that runs this stays the first.
 */
function systemFirst(path: string): string {
  const folders = path.split(':')
  const npms = folders.filter((folder) => folder.endsWith('node_modules/.bin'))
  return [dirname(process.execPath), ...folders.filter((folder) => !npms.includes(folder)), ...npms].join(':')
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, at least 1.')
  return Number(text)
}
