import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { manifestsOf } from '../manifests.ts'
import { nodeAccess } from '../node-access.ts'
import { readInstallation } from '../read-installation.ts'
import { StartedPod, type StartOptions } from './started-pod.ts'

// The DaemonSet's own command, as a runtime would start it, on the sample cluster in place of an API server.

const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))

async function startPod(
  t: ExecutionContext,
  dataplane: string,
  options: Partial<StartOptions> = {},
): Promise<StartedPod> {
  t.timeout(400_000)
  const flags = {
    apiServer: '192.0.2.10',
    clusterCidr: '10.244.0.0/16',
    dataplane,
    // Only the node's own network namespace has this one.
    conntrackMaxPerCore: '0',
    // As kubelet's is: what the process has already.
    oomScoreAdj: readFileSync('/proc/self/oom_score_adj', 'utf8').trim(),
  }
  const installation = readInstallation(flags, undefined, '0.1.0')
  const folder = await mkdtemp(join(tmpdir(), 'pl-volumes-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'bpf'))
  await writeFile(join(folder, 'xtables.lock'), '')
  return StartedPod.start(t, manifestsOf(installation), {
    ...options,
    nodeName: 'node-a',
    args: [`--source=file:${sample}`, ...(options.args ?? [])],
    volumes: {
      'xtables-lock': join(folder, 'xtables.lock'),
      ...(process.env.PORTOLAN_TEST_CGROUP === undefined ? {} : { cgroup: process.env.PORTOLAN_TEST_CGROUP }),
    },
  })
}

for (const [dataplane, args] of [
  ['nftables', []],
  ['iptables', []],
  // Other tests' sockets are none of its business, and so the cgroup is none that is taken by itself.
  ['ebpf', ['--dataplane-option=cgroup=/host/sys/fs/cgroup']],
] as const)
  test.serial(`${dataplane} runs with what the manifest gives it, and misses nothing`, async (t) => {
    const pod = await startPod(t, dataplane, { args })
    await pod.logged('node-in-sync')
    t.deepEqual(pod.warnings, [])
    const set = pod.lines.filter(({ event }) => event === 'sysctl-set').map(({ name }) => name)
    t.true(set.includes('net.netfilter.nf_conntrack_tcp_timeout_established'), set.join())
  })

for (const [dataplane, { capabilities, hostPID }] of Object.entries(nodeAccess))
  if (hostPID !== undefined)
    test.serial(`${dataplane} sees in which network namespace a process of another user lives`, async (t) => {
      const user = ['--reuid', '65535', '--regid', '65535', '--clear-groups']
      const other = spawn('setpriv', [...user, 'sleep', '60'], { stdio: 'ignore' })
      t.teardown(() => other.kill())
      const names = ['-all', ...Object.keys(capabilities).map((name) => `+${name.toLowerCase()}`)].join(',')
      const limits = ['--bounding-set', names, '--inh-caps', names, '--no-new-privs']
      const read = ['readlink', `/proc/${other.pid}/ns/net`]
      const { stdout } = await promisify(execFile)('setpriv', [...limits, ...read])
      t.regex(stdout, /^net:/)
    })

for (const [dataplane, { capabilities }] of Object.entries(nodeAccess)) {
  const all = Object.keys(capabilities)
  for (const missing of all)
    test.serial(`${dataplane} can't do without ${missing}, and says so`, async (t) => {
      const others = all.filter((name) => name !== missing)
      const pod = await startPod(t, dataplane, { capabilities: others })
      t.is(await pod.ended(), 1, pod.errors)
      t.true(pod.errors.includes(`the process has no CAP_${missing}`), pod.errors)
      t.true(pod.errors.includes(`capabilities: { add: [${all.join(', ')}] }`), pod.errors)
      // What else is refused for want of it isn't told.
      t.notRegex(pod.errors, /permitted|may not touch|Can't open socket/)
    })
}
