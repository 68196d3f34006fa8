import test from 'ava'
import { containerdDefault } from './default-seccomp.ts'

interface Row {
  readonly capabilities: readonly string[]
  readonly allowed: readonly string[]
  readonly forbidden: readonly string[]
}

/** What the manifests say of the profile. */
const rows: readonly Row[] = [
  {
    capabilities: ['NET_ADMIN', 'NET_RAW'],
    allowed: ['socket', 'clone'],
    forbidden: ['bpf', 'setns', 'unshare'],
  },
  {
    capabilities: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'],
    allowed: ['bpf', 'setns', 'mount'],
    forbidden: [],
  },
  {
    capabilities: ['NET_ADMIN', 'BPF', 'PERFMON'],
    allowed: ['bpf', 'perf_event_open'],
    forbidden: ['setns'],
  },
]

for (const { capabilities, allowed, forbidden } of rows)
  test(`containerd's default profile, with ${capabilities.join(', ')}`, async (t) => {
    const profile = await containerdDefault(capabilities.map((name) => `CAP_${name}`))
    if (profile === undefined) return t.pass(`no profile is kept for ${process.arch}`)
    const permitted = profile.syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW')
    const names = new Set(permitted.flatMap((rule) => rule.names))
    t.is(profile.defaultAction, 'SCMP_ACT_ERRNO')
    t.deepEqual(
      allowed.filter((name) => !names.has(name)),
      [],
    )
    t.deepEqual(
      forbidden.filter((name) => names.has(name)),
      [],
    )
  })
