/**
 * The dataplane as the conformance kit makes it: small maps, and the pods of its lab, whose namespaces have the
 * node's name but for the end. Other labs and the machine's own sockets are left alone, and so are those of other test
 * files, which have cgroups of their own (test/own-cgroup.ts).
 */
import { existsSync } from 'node:fs'
import { ebpf } from '../ebpf-dataplane.ts'

const smallMaps = {
  'frontends-size': '16384',
  'services-size': '4096',
  'endpoints-size': '65536',
  'ranges-size': '4096',
  'members-size': '16384',
  'affinities-size': '16384',
  'flows-size': '65536',
  'untranslated-size': '16384',
}

/** @param dataplane the real one, or a mutant of it */
export const inLab = (dataplane: typeof ebpf): typeof ebpf => ({
  ...dataplane,
  create(options, supervision) {
    const { networkNamespace } = options
    const cgroup = ownCgroup()
    const pods = networkNamespace?.replace(/node$/, 'pod*')
    const settings = {
      ...smallMaps,
      ...(pods === undefined ? {} : { 'pod-namespaces': pods }),
      ...(cgroup === undefined ? {} : { cgroup }),
      ...options.settings,
    }
    return dataplane.create({ ...options, settings }, supervision)
  },
})

/** Not in a virtual machine, which gets this machine's environment and has cgroups of its own. */
function ownCgroup(): string | undefined {
  const path = process.env.PORTOLAN_TEST_CGROUP
  return path !== undefined && existsSync(path) ? path : undefined
}

export default inLab(ebpf)
