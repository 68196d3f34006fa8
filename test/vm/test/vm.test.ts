import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { runInVm, runToTheEnd } from '../index.ts'

/**
 * `npm test` gets QEMU and the kernel before (see setup.sh); where they are missing these fail and say what to do. Only
 * on another architecture, which can have neither, they are skipped. Together they boot three times: the others end a
 * machine before it is up.
 */
const vmTest = process.arch === 'x64' ? test.serial : test.serial.skip

const folder = mkdtempSync(join(tmpdir(), 'pl-vm-test-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
// Other tests boot machines at the same time; what is left behind here is of these tests.
process.env.TMPDIR = folder

function machineFolders(): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('portolan-vm-'))
}

vmTest(
  'a command runs on the other kernel as if it ran here: files, words, modules, output, exit code',
  async (t) => {
    const [kept, lost] = ['kept', 'lost'].map((name) => join(folder, name)) as [string, string]
    execFileSync('mkdir', [kept, lost])
    const script = `
    uname -r
    cat "$PWD/package.json"
    printf '%s|' "$@" "$GREETING"
    echo problem >&2
    ls /sys/class/net
    ip netns add pl-vm && nft add table ip portolan && echo netfilter
    modprobe ip_vs && grep -q "IP Virtual Server" /proc/net/ip_vs && echo ipvs
    echo written > ${kept}/file
    echo written > ${lost}/file && cat ${lost}/file
    echo reopened > /dev/stdout
    sleep 1000 &
    exit 7`
    const [out, err] = [new PassThrough(), new PassThrough()]
    const [said, complained] = [text(out), text(err)]
    const words = ["it's", 'two words', '$HOME', '', 'line\nline', 'ß']
    const result = await runInVm(['sh', '-c', script, 'sh', ...words], {
      cwd: join(import.meta.dirname, '..'),
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', GREETING: "o'clock", 'not-a-shell-name': '1' },
      writable: [kept],
      stdout: out,
      stderr: err,
      timeoutSeconds: 600,
    })
    out.end()
    err.end()
    const manifest = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')
    t.is(
      await said,
      `${result.kernel}\n${manifest}${[...words, "o'clock", ''].join('|')}lo\nnetfilter\nipvs\nwritten\nreopened\n`,
    )
    t.is(await complained, 'problem\n')
    t.is(result.exitCode, 7)
    t.not(result.kernel, release())
    t.is(readFileSync(join(kept, 'file'), 'utf8'), 'written\n')
    t.false(existsSync(join(lost, 'file')))
    t.deepEqual(machineFolders(), [])
    t.log(`${result.kernel}: ${result.bootSeconds.toFixed(1)} s to the command`)
  },
)

vmTest('a machine that takes too long is switched off, and it is said how far it came', async (t) => {
  await t.throwsAsync(runInVm(['true'], { timeoutSeconds: 0.3 }), {
    code: 'VM_TIMED_OUT',
    message: /timed out after 0\.3 s, before the command began/,
  })
})

vmTest('a machine is switched off by a signal', async (t) => {
  const reason = new Error('enough')
  const stop = new AbortController()
  setTimeout(() => stop.abort(reason), 300)
  t.is(await t.throwsAsync(runInVm(['true'], { signal: stop.signal })), reason)
})

vmTest('a machine that cannot start is told with the words of QEMU', async (t) => {
  await t.throwsAsync(runInVm(['true'], { writable: [join(folder, 'nowhere')] }), {
    code: 'VM_BROKE_DOWN',
    message: /before the command began.*nowhere.*No such file/s,
  })
})

vmTest('a long run goes on in another machine where one broke down, and ends with the program', async (t) => {
  const lines: string[] = []
  const losses: string[] = []
  const panic = 'echo c > /proc/sysrq-trigger; sleep 60'
  const scripts = [`echo one; printf half; ${panic}`, 'echo two; exit 3', 'echo three']
  const run = runToTheEnd({
    next: () => ['sh', '-c', scripts.shift() ?? ''],
    onLine: (line) => lines.push(line),
    onLoss: (reason) => losses.push(reason),
    silenceSeconds: 300,
    timeoutSeconds: 900,
  })
  await t.throwsAsync(run, { code: 'VM_BROKE_DOWN', message: /ended with exit code 3/ })
  t.deepEqual(lines, ['one', 'two'])
  t.is(losses.length, 1)
  t.regex(losses[0] ?? '', /broke down while the command ran/)
  t.deepEqual(machineFolders(), [])
})

vmTest('a program that a fault of memory ends has failed: no other machine runs it', async (t) => {
  for (const signal of ['SEGV', 'ABRT']) {
    const scripts = [`kill -${signal} $$`]
    const losses: string[] = []
    const run = runToTheEnd({
      next: () => ['sh', '-c', scripts.shift() ?? 'exit 0'],
      onLine: () => {},
      onLoss: (reason) => losses.push(reason),
      silenceSeconds: 300,
      timeoutSeconds: 900,
    })
    await t.throwsAsync(run, { code: 'PROGRAM_KILLED', message: new RegExp(`was killed by SIG${signal}$`) })
    t.deepEqual(losses, [])
  }
})

vmTest('a machine that says nothing is switched off, and only so many more are tried', async (t) => {
  let boots = 0
  const run = runToTheEnd({
    next: () => {
      boots++
      return ['true']
    },
    onLine: () => {},
    silenceSeconds: 0.3,
    timeoutSeconds: 300,
  })
  await t.throwsAsync(run, {
    code: 'VM_BROKE_DOWN',
    message: '5 machines were lost, the last one: it said nothing for 0.3 s',
  })
  t.is(boots, 5)
})

vmTest('a machine ends with the process that started it, even if that one is killed', async (t) => {
  const cli = spawn(process.execPath, [join(import.meta.dirname, '../cli.ts'), 'sleep', '1000'], {
    stdio: 'ignore',
  })
  const children = () => readFileSync(`/proc/${cli.pid}/task/${cli.pid}/children`, 'utf8').trim()
  while (!/^\d+$/.test(children()) || !isQemu(children())) await delay(20)
  const qemu = children()
  cli.kill('SIGKILL')
  await once(cli, 'close')
  for (const end = performance.now() + 60_000; isQemu(qemu) && performance.now() < end; ) await delay(20)
  t.false(isQemu(qemu))
  t.deepEqual(machineFolders(), [])
})

function isQemu(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/usr/bin/qemu-system-x86_64\0')
  } catch {
    return false
  }
}
