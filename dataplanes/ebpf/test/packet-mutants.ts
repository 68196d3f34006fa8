/** The programs of native/bpf with something wrong in them, compiled when they are asked for. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemPath } from '@portolan/native/system-command'

interface PacketMutant {
  /** As the end of "an ebpf that ...". */
  readonly does: string
  /** In native/bpf. */
  readonly file: string
  /** Stands there once. */
  readonly find: string
  readonly put: string
}

/** What the programs could do wrong to what isn't a Service's, by name. */
export const packetMutants = {
  takesDirectAnswersForTheServices: {
    does: "takes an endpoint's answer to who asked it directly for the Service's, where both came from one port",
    file: 'collisions.h',
    find: 'struct flow *taken = bpf_map_lookup_elem(&flows, &work->back);',
    put: 'struct flow *taken = NULL;',
  },
  takesPortsOfDirectConnections: {
    does: 'gives a connection to a Service the addresses and ports of one that its client has made past it',
    file: 'connections.h',
    find: 'if (is_taken_untranslated(work, reply->last))',
    put: 'if (is_taken_untranslated(work, reply->last) && !reply->service)',
  },
  takesAnswersForNewClients: {
    does: "takes an answer to the node's own datagram, or to one that was masqueraded, for a new client of a NodePort",
    file: 'untranslated.h',
    find: 'return held->turned == turned ? OF_ITS_OWN : OF_ANSWERS;',
    put: 'return OF_ITS_OWN;',
  },
  remembersWhomASocketAskedFirst: {
    does: 'has a socket that asked a Service hear its endpoint under that name for ever',
    file: 'sockets.h',
    find: 'if (peer && (connects || peer->unconnected))',
    put: 'if (false && peer && (connects || peer->unconnected))',
  },
  losesPiecesOfDatagrams: {
    does: 'loses all but the first piece of a datagram',
    file: 'packets.h',
    find: '		recall_ports(&work->packet);',
    put: '		return TC_ACT_SHOT;',
  },
} as const satisfies Record<string, PacketMutant>

export type PacketMutantName = keyof typeof packetMutants

const compiled = new Map<PacketMutant, Buffer>()

/** @throws Error when native/bpf doesn't have, once, what the mutant replaces, or can't be compiled with it */
export function compileMutant(mutant: PacketMutant): Buffer {
  const known = compiled.get(mutant)
  if (known !== undefined) return known
  const folder = mkdtempSync(join(tmpdir(), 'portolan-packet-mutant-'))
  try {
    cpSync(fileURLToPath(new URL('../../../native/bpf', import.meta.url)), folder, {
      recursive: true,
      filter: (path) => !/\.o$|close\.bpf\.c$/.test(path),
    })
    const { file, find, put } = mutant
    const source = readFileSync(join(folder, file), 'utf8')
    if (source.split(find).length !== 2) throw new Error(`native/bpf/${file} has not once: ${find}`)
    writeFileSync(
      join(folder, file),
      source.replace(find, () => put),
    )
    execFileSync('bash', [join(folder, 'compile.sh')], { env: { PATH: systemPath } })
    const object = readFileSync(join(folder, 'portolan.bpf.o'))
    compiled.set(mutant, object)
    return object
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
