import { existsSync } from 'node:fs'
import { release } from 'node:os'
import type { ProbeReport } from '@portolan/core'
import { BpfObject, bpfFileSystem, libbpf, readPrograms } from '@portolan/native/libbpf'
import { allMaps, allPrograms } from './layout.ts'
import { type EbpfSettings, findCgroupRoot } from './settings.ts'

/** bpf_set_retval, connect hooks for ping sockets, and all helpers used are there from here on. */
const oldestKernel = { major: 6, minor: 1 }

/** Maps as small as they may be: it is only asked whether the kernel takes the programs. */
const smallest = Object.fromEntries(allMaps.filter((map) => map !== 'node_settings').map((map) => [map, 16]))

/** Whether this node can run the dataplane; loads the programs and lets them go again. */
export function probe(settings: EbpfSettings): ProbeReport {
  const kernel = release()
  const facts: Record<string, string> = { kernel }
  const problems: { what: string; mend: string }[] = []
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number)
  if (major < oldestKernel.major || (major === oldestKernel.major && minor < oldestKernel.minor)) {
    problems.push({
      what: `Linux ${kernel} is older than ${oldestKernel.major}.${oldestKernel.minor}`,
      mend: 'use a newer kernel, or --dataplane nftables',
    })
  }
  const cgroup = settings.cgroup ?? findCgroupRoot()
  if (cgroup === undefined || !existsSync(`${cgroup}/cgroup.procs`)) {
    problems.push({
      what: cgroup === undefined ? 'no cgroup2 is mounted' : `${cgroup} is no cgroup`,
      mend: "mount the cgroup2 file system (in a container: the host's), or name a cgroup by the setting cgroup",
    })
  } else facts.cgroup = cgroup
  if (!existsSync(bpfFileSystem)) {
    problems.push({
      what: `there is no ${bpfFileSystem}`,
      mend: "use a kernel with CONFIG_BPF_SYSCALL; in a container, mount the host's",
    })
  }
  try {
    facts.libbpf = String(libbpf().libbpf_version_string())
    BpfObject.load(readPrograms(), { maps: allMaps, programs: allPrograms, sizes: smallest }).close()
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    const permission = /EPERM|EACCES/.test(what)
    problems.push({
      what,
      mend: permission
        ? 'run as root, or give the process CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN'
        : 'see that libbpf1 is installed and the kernel has CONFIG_BPF_SYSCALL, CGROUP_BPF and NET_CLS_ACT',
    })
  }
  return { usable: problems.length === 0, problems, facts }
}
