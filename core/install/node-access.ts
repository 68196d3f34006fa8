/** A folder or file of the node that the container sees. */
export interface NodeMount {
  readonly name: string
  /** On the node. */
  readonly path: string
  /** In the container. */
  readonly mountPath: string
  readonly type: 'Directory' | 'FileOrCreate'
  readonly readOnly: boolean
  /** For the manifest's reader. */
  readonly why: string
}

/** What a dataplane needs of its node beyond the node's network, which all of them need. */
export interface NodeAccess {
  /** Without `CAP_`; why each is needed, for the manifest's reader. */
  readonly capabilities: Readonly<Record<string, string>>
  /** Why it has to see the node's processes, for the manifest's reader; absent: it hasn't. */
  readonly hostPID?: string
  /** Whether the container runtime's AppArmor profile forbids what it does. */
  readonly appArmorUnconfined: boolean
  /** Why the runtime's default seccomp profile does, for the manifest's reader. */
  readonly seccomp: string
  readonly mounts: readonly NodeMount[]
}

const belowDefault = "It forbids nothing that this needs: a test runs the image below containerd's."

const netAdmin = { NET_ADMIN: "rules, and the kernel's notices about the node's interfaces and addresses" }

const sysctls: NodeMount = {
  name: 'sysctls',
  path: '/proc/sys/net',
  mountPath: '/host/proc/sys/net',
  type: 'Directory',
  readOnly: false,
  why: "the container's own /proc/sys is read-only, and connection tracking has settings",
}

const xtablesLock: NodeMount = {
  name: 'xtables-lock',
  path: '/run/xtables.lock',
  mountPath: '/run/xtables.lock',
  type: 'FileOrCreate',
  readOnly: false,
  why: "the node's own iptables takes the same lock",
}

const byIptables: NodeAccess = {
  capabilities: { ...netAdmin, NET_RAW: 'rules that match an ipset ask for it by a raw socket' },
  appArmorUnconfined: false,
  seccomp: belowDefault,
  mounts: [sysctls, xtablesLock],
}

/** The least that each of Portolan's own dataplanes runs with; a test starts all but ipvs with exactly this. */
export const nodeAccess: Readonly<Record<string, NodeAccess>> = {
  nftables: {
    capabilities: netAdmin,
    appArmorUnconfined: false,
    seccomp: belowDefault,
    mounts: [sysctls],
  },
  iptables: byIptables,
  ipvs: {
    ...byIptables,
    seccomp:
      "What ipvs does beyond iptables is netlink, which it allows; no test runs ipvs below containerd's.",
  },
  ebpf: {
    capabilities: {
      NET_ADMIN: 'attaching programs to interfaces and cgroups',
      SYS_ADMIN:
        "entering pods' network namespaces (setns) and finding programs by number need it; it includes BPF and PERFMON",
      SYS_PTRACE: 'seeing in which network namespaces the processes of pods live',
    },
    hostPID: "pods' network namespaces are found by the processes in them",
    appArmorUnconfined: true,
    seccomp:
      "It allows bpf(2) and setns(2) to whoever has SYS_ADMIN, and not setns(2) to BPF alone: a test runs the image below containerd's.",
    mounts: [
      sysctls,
      {
        name: 'bpf',
        path: '/sys/fs/bpf',
        mountPath: '/sys/fs/bpf',
        type: 'Directory',
        readOnly: false,
        why: 'maps and programs are pinned there, so that they outlive the pod',
      },
      {
        name: 'cgroup',
        path: '/sys/fs/cgroup',
        mountPath: '/host/sys/fs/cgroup',
        type: 'Directory',
        readOnly: true,
        why: "programs at sockets are attached to the root of the node's hierarchy, and the container's own shows its part",
      },
    ],
  },
}

/** What taking a node over from kube-proxy needs besides: rules of iptables-legacy are read by a raw socket. */
const takingOver: Pick<NodeAccess, 'capabilities' | 'mounts'> & { readonly hostPID: string } = {
  capabilities: {
    NET_RAW: "kube-proxy's rules, where iptables-legacy has made them, are read by a raw socket",
  },
  hostPID: 'whether kube-proxy still runs is seen by its process',
  mounts: [xtablesLock],
}

/** The least that a dataplane of Portolan's own runs with. @param takeOver from kube-proxy; `undefined`: it is none of ours */
export function nodeAccessOf(dataplane: string, takeOver: boolean): NodeAccess | undefined {
  const access = nodeAccess[dataplane]
  if (access === undefined || !takeOver) return access
  return {
    ...access,
    capabilities: { ...takingOver.capabilities, ...access.capabilities },
    hostPID: [access.hostPID, takingOver.hostPID].filter((why) => why !== undefined).join('; '),
    mounts: [...access.mounts, ...takingOver.mounts.filter((mount) => !access.mounts.includes(mount))],
  }
}
