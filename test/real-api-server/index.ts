/**
 * A real kube-apiserver with its etcd, for what must not depend on our own idea of one (`@portolan/api-server`).
 *
 * `setup.sh test` builds it from its Go modules, once, where a Go toolchain is new enough (`go/go.mod`), into a cache
 * folder (`~/.cache/portolan/real-api-server`). Elsewhere the tests are skipped and say why:
 *
 * ```ts
 * const real = realApiServerTest(test)
 * real('a Service is delivered as the server has it', async (t) => {
 *   await using server = await RealApiServer.start()
 *   …
 * })
 * ```
 */

export { cachedEtcd, hasWatchProgress } from './debian-etcd.ts'
export { findProgram, provideProgram } from './provide.ts'
export { type RawAnswer, RawClient, RawWatch, type RawWatchEvent } from './raw-client.ts'
export {
  administrator,
  type Backup,
  RealApiServer,
  type RealApiServerOptions,
  serviceRanges,
  type TokenUser,
} from './real-api-server.ts'
export { type RealTest, realApiServerTest } from './real-test.ts'
