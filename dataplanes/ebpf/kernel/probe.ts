import { isOlderVersion, type ProbeReport } from '@portolan/core'
import { capabilityProblem } from '@portolan/native'
import { capabilities } from '../capabilities.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { type Environment, type Loaded, readEnvironment } from './environment.ts'

type Problem = ProbeReport['problems'][number]

/** From here on sockets can be closed (bpf_sock_destroy). */
const closingKernel = '6.5'

/** A kernel that is older may have it all the same: distributions take over what is newer. */
export function canCloseSockets(kernel: string): boolean {
  return !isOlderVersion(kernel, closingKernel)
}

/** What setns(2), mount(2) and finding programs by their numbers need, and what attaching needs. */
const neededCapabilities = ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'] as const

/** To see which network namespaces other users' processes live in, whose sockets are to be closed. */
const neededForPods = [...neededCapabilities, 'CAP_SYS_PTRACE'] as const

/** Whether this node can run the dataplane; loads the programs and lets them go again. */
export async function probe(settings: EbpfSettings): Promise<ProbeReport> {
  const environment = await readEnvironment(settings)
  const problems = problemsOf(environment, settings)
  return { usable: problems.length === 0, problems, facts: factsOf(environment, settings) }
}

/** All that is missing, each with its fix. */
export function problemsOf(
  environment: Environment,
  settings: Pick<EbpfSettings, 'packetHook' | 'podNamespaces'>,
): Problem[] {
  const { kernel, networkNamespace, loaded } = environment
  const problems: Problem[] = []
  const needed = settings.podNamespaces === undefined ? neededForPods : neededCapabilities
  const incapable = capabilityProblem(needed, environment.capabilities)
  if (isOlderVersion(kernel, capabilities.kernel)) {
    problems.push({
      what: `Linux ${kernel} is older than ${capabilities.kernel}`,
      fix: 'use a newer kernel, or --dataplane nftables',
    })
  }
  if (incapable !== undefined) problems.push(incapable)
  if (networkNamespace?.exists === false) {
    problems.push({
      what: `there is no network namespace ${networkNamespace.path}`,
      fix: 'name one that exists, as /run/netns/NAME',
    })
  }
  problems.push(...cgroupProblems(environment))
  if (!environment.bpfFileSystem) {
    problems.push({
      what: 'there is no /sys/fs/bpf',
      fix: "mount sysfs at /sys; in a container, the host's; the kernel needs CONFIG_BPF_SYSCALL",
    })
  }
  if ('code' in loaded) problems.push(...loadProblems(loaded, incapable !== undefined))
  else if (settings.packetHook === 'tcx' && !loaded.tcx) {
    problems.push({
      what: `Linux ${kernel} has no tcx, which packet-hook=tcx asks for`,
      fix: 'leave packet-hook at auto, or use Linux 6.6 with CONFIG_NET_XGRESS',
    })
  }
  return problems
}

function cgroupProblems({ cgroup }: Environment): Problem[] {
  if (cgroup === undefined) {
    return [
      {
        what: 'no cgroup2 is mounted',
        fix: "mount it (mount -t cgroup2 none DIRECTORY); in a container, the host's, and name it by --dataplane-option cgroup=PATH",
      },
    ]
  }
  if (!cgroup.isCgroup)
    return [
      { what: `${cgroup.path} is no cgroup`, fix: 'name one of cgroup2 by --dataplane-option cgroup=PATH' },
    ]
  if (!cgroup.isRoot && !cgroup.isChosen) {
    return [
      {
        what: `${cgroup.path} is not the root of the cgroup2 hierarchy, so that sockets elsewhere would not be served`,
        fix: "in a container, mount the host's /sys/fs/cgroup and name it by --dataplane-option cgroup=PATH; or name this one, if it is meant",
      },
    ]
  }
  return []
}

/** @param explained whether a refusal has been told of already: by the capability that is missing */
function loadProblems(
  { code, message: what }: Extract<Loaded, { readonly code: string }>,
  explained: boolean,
): Problem[] {
  switch (code) {
    case 'BPF_LIBRARY':
      return [{ what, fix: 'install libbpf 1.1 or newer (on Debian: apt-get install libbpf1)' }]
    case 'BPF_PROGRAMS':
      return [{ what, fix: "in a checkout, run 'npm run setup'; a published package has it" }]
    case 'ENOSYS':
      return [{ what, fix: 'use a kernel with CONFIG_BPF_SYSCALL' }]
    case 'EPERM':
      if (explained) return []
      return [
        { what, fix: 'allow bpf(2): a seccomp profile or kernel lockdown (confidentiality) forbids it' },
      ]
    default:
      return [
        {
          what,
          fix: 'see that the kernel has CONFIG_BPF_SYSCALL, CONFIG_CGROUP_BPF, CONFIG_NET_CLS_ACT and CONFIG_DEBUG_INFO_BTF; else report it with this message',
        },
      ]
  }
}

function factsOf(
  { kernel, cgroup, loaded }: Environment,
  { packetHook }: EbpfSettings,
): Record<string, string> {
  const facts: Record<string, string> = { kernel }
  if (cgroup !== undefined) facts.cgroup = cgroup.path
  facts.closesSockets = canCloseSockets(kernel) ? 'yes' : `no, from Linux ${closingKernel}`
  if ('code' in loaded) return facts
  facts.libbpf = loaded.libbpf
  facts.packetHook = packetHook === 'auto' ? (loaded.tcx ? 'tcx' : 'clsact') : packetHook
  return facts
}
