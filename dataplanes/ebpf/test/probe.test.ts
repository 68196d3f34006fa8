import test from 'ava'
import { findCgroup } from '../kernel/cgroup-root.ts'
import type { Environment } from '../kernel/environment.ts'
import { problemsOf } from '../kernel/probe.ts'

const good: Environment = {
  kernel: '6.8.0-generic',
  capabilities: (1n << 12n) | (1n << 19n) | (1n << 21n),
  networkNamespace: undefined,
  cgroup: { path: '/sys/fs/cgroup', isCgroup: true, isRoot: true, isChosen: false },
  bpfFileSystem: true,
  loaded: { libbpf: 'v1.1', tcx: true },
}

const settings = { packetHook: 'auto', podNamespaces: undefined } as const

const refused = (code: string) => ({ loaded: { code, message: `load eBPF programs: refused (${code})` } })
const cgroup = (more: Partial<NonNullable<Environment['cgroup']>>) => ({
  cgroup: { ...good.cgroup!, ...more },
})

test('a node that has everything has no problems', (t) => {
  t.deepEqual(problemsOf(good, settings), [])
})

for (const [missing, environment, what, fix] of [
  ['a newer kernel', { kernel: '5.15.0-91' }, /Linux 5\.15.*older than 6\.1/, /newer kernel.*nftables/],
  ['a capability', { capabilities: (1n << 19n) | (1n << 21n) }, /^the process has no CAP_NET_ADMIN$/, /root/],
  [
    'capabilities',
    { capabilities: 0n, ...refused('EPERM') },
    /no CAP_NET_ADMIN and no CAP_SYS_ADMIN/,
    /privileged/,
  ],
  [
    'the namespace',
    { networkNamespace: { path: '/run/netns/x', exists: false } },
    /no network namespace .*x/,
    /exists/,
  ],
  ['cgroup2', { cgroup: undefined }, /no cgroup2/, /mount -t cgroup2.*--dataplane-option cgroup=/],
  [
    'the cgroup that was named',
    cgroup({ path: '/x', isCgroup: false, isChosen: true }),
    /\/x is no cgroup/,
    /--dataplane-option cgroup=/,
  ],
  ["the host's cgroup", cgroup({ isRoot: false }), /not the root/, /host's \/sys\/fs\/cgroup/],
  ['the bpf file system', { bpfFileSystem: false }, /no \/sys\/fs\/bpf/, /CONFIG_BPF_SYSCALL/],
  ['libbpf', refused('BPF_LIBRARY'), /refused/, /libbpf1/],
  ['the compiled programs', refused('BPF_PROGRAMS'), /refused/, /npm run setup/],
  ['bpf(2) in the kernel', refused('ENOSYS'), /refused/, /CONFIG_BPF_SYSCALL/],
  ['the permission to use bpf(2)', refused('EPERM'), /refused/, /seccomp.*lockdown/],
  ['something that programs use', refused('EINVAL'), /refused/, /CONFIG_CGROUP_BPF/],
] as const) {
  test(`where ${missing} is missing, that is told once, with its fix`, (t) => {
    const problems = problemsOf({ ...good, ...environment }, settings)
    t.is(problems.length, 1)
    t.regex(problems[0]!.what, what)
    t.regex(problems[0]!.fix, fix)
  })
}

test("whose processes live in which namespace is to be seen, unless the pods' namespaces are named", (t) => {
  const blind = { ...good, capabilities: (1n << 12n) | (1n << 21n) }
  t.regex(problemsOf(blind, settings)[0]!.what, /^the process has no CAP_SYS_PTRACE$/)
  t.deepEqual(problemsOf(blind, { ...settings, podNamespaces: ['/run/netns/pod*'] }), [])
})

test('tcx is missed only where it was asked for', (t) => {
  const old = { ...good, loaded: { libbpf: 'v1.1', tcx: false } }
  t.deepEqual(problemsOf(old, settings), [])
  t.regex(problemsOf(old, { ...settings, packetHook: 'tcx' })[0]!.what, /no tcx/)
})

test('a cgroup that was named need not be the root', (t) => {
  t.deepEqual(problemsOf({ ...good, ...cgroup({ isRoot: false, isChosen: true }) }, settings), [])
})

for (const [claim, mounts, roots, found] of [
  ['alone', 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n', ['/sys/fs/cgroup'], '/sys/fs/cgroup'],
  [
    'beside version 1',
    'cgroup /c/cpu cgroup rw 0 0\ncgroup2 /c/unified cgroup2 rw 0 0\n',
    ['/c/unified'],
    '/c/unified',
  ],
  ['at a place with a blank', 'none /my\\040cgroup cgroup2 rw 0 0\n', ['/my cgroup'], '/my cgroup'],
  ["behind a container's own", 'c /own cgroup2 rw 0 0\nc /host cgroup2 rw 0 0\n', ['/host'], '/host'],
  ["as a container's own, if there is no other", 'c /own cgroup2 rw 0 0\n', [], '/own'],
  ['nowhere', 'proc /proc proc rw 0 0\n', [], undefined],
] as const) {
  test(`cgroup2 is found ${claim}`, (t) => {
    t.is(
      findCgroup(mounts, (path) => (roots as readonly string[]).includes(path)),
      found,
    )
  })
}
