import { existsSync } from 'node:fs'
import { release } from 'node:os'
import { effectiveCapabilities } from '@portolan/native'
import {
  BpfError,
  BpfObject,
  bpfFileSystem,
  hasTcx,
  LibbpfMissingError,
  libbpf,
  ProgramsMissingError,
  readPrograms,
} from '@portolan/native/libbpf'
import { allMaps } from '../layout/maps.ts'
import { allPrograms, packetPrograms } from '../layout/programs.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { findCgroup } from './cgroup-root.ts'

/** What of a node decides whether the dataplane can run there. */
export interface Environment {
  /** As `uname -r` tells. */
  readonly kernel: string
  /** Effective capabilities, a bit for each (capabilities(7)). */
  readonly capabilities: bigint
  /** The network namespace to work in, if it isn't the process's own. */
  readonly networkNamespace: { readonly path: string; readonly exists: boolean } | undefined
  readonly cgroup:
    | {
        readonly path: string
        readonly isCgroup: boolean
        readonly isRoot: boolean
        readonly isChosen: boolean
      }
    | undefined
  readonly bpfFileSystem: boolean
  /** How loading the programs went. */
  readonly loaded: Loaded
}

export type Loaded =
  | { readonly libbpf: string; readonly tcx: boolean }
  /** `code` is `BPF_LIBRARY`, `BPF_PROGRAMS`, or an errno's name. */
  | { readonly code: string; readonly message: string }

/** Maps as small as they may be: it is only asked whether the kernel takes the programs. */
const smallest = Object.fromEntries(allMaps.filter((map) => map !== 'node_settings').map((map) => [map, 16]))

/** Looks at this node. Loads the programs and lets them go again. */
export async function readEnvironment({ networkNamespace, cgroup }: EbpfSettings): Promise<Environment> {
  const path = cgroup ?? findCgroup()
  return {
    kernel: release(),
    capabilities: effectiveCapabilities(),
    networkNamespace:
      networkNamespace === undefined
        ? undefined
        : { path: networkNamespace, exists: existsSync(networkNamespace) },
    cgroup:
      path === undefined
        ? undefined
        : {
            path,
            isCgroup: existsSync(`${path}/cgroup.procs`),
            isRoot: !existsSync(`${path}/cgroup.type`),
            isChosen: cgroup !== undefined,
          },
    bpfFileSystem: existsSync(bpfFileSystem),
    loaded: await load(),
  }
}

async function load(): Promise<Loaded> {
  try {
    const version = String(libbpf().libbpf_version_string())
    const object = await BpfObject.load(readPrograms(), {
      maps: allMaps,
      programs: allPrograms,
      sizes: smallest,
    })
    const tcx = hasTcx(object.program(packetPrograms.ingress))
    object.close()
    return { libbpf: version, tcx }
  } catch (error) {
    const known =
      error instanceof BpfError ||
      error instanceof LibbpfMissingError ||
      error instanceof ProgramsMissingError
    return {
      code: known ? error.code : 'UNKNOWN',
      message: error instanceof Error ? error.message : String(error),
    }
  }
}
