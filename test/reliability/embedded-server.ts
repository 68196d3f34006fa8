import { type ApiObject, ApiServer, type Checkpoint } from '@portolan/api-server'
import { type FaultyAnswers, type FaultyServer, watchedKinds } from './faulty-server.ts'

const token = 'node'

/** The embedded API server, in this process. */
export async function startEmbeddedServer(): Promise<FaultyServer> {
  const server = new ApiServer({ tokens: [token], freezable: true })
  await server.start()
  let backup: Checkpoint = server.checkpoint()
  const answers: FaultyAnswers = {
    break(fault, ...kinds) {
      for (const kind of kinds.length === 0 ? watchedKinds : kinds) server.break(kind, fault)
    },
    heal: () => server.heal(),
    failWatches(how) {
      for (const kind of watchedKinds)
        if (how === 'garbage')
          server.sendToWatches(kind, '{"type":"MODI\u0000 this is no event\n', { end: true })
        else server.failWatches(kind, how)
    },
    resetConnections: () => server.resetConnections(),
  }
  return {
    name: 'embedded',
    port: Number(new URL(server.url).port),
    certificateAuthority: server.certificateAuthority ?? '',
    token,
    answers,
    async apply(objects: readonly ApiObject[]) {
      for (const object of objects) server.apply(object)
    },
    async remove(kind, namespace, name) {
      server.remove(kind, namespace, name)
    },
    kill: () => server.kill(),
    async start() {
      // A server that was started again has no history of what was before.
      server.compact()
      await server.start()
    },
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async compact() {
      server.compact()
      server.resetConnections()
    },
    async backUp() {
      backup = server.checkpoint()
    },
    async restore() {
      server.restore(backup)
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
