import {
  type ApiServerAddress,
  type ApiServerProcess,
  openApiServer,
  startApiServer,
} from '../cluster/api-server.ts'
import type { ClusterSpec } from '../cluster/cluster-spec.ts'
import { reasonOf } from './reason.ts'

/** Where one cell after the other gets a cluster to be measured in. */
export interface ApiServers {
  /**
   * @param networkNamespace from where the server is asked
   * @param work leaves the cluster as it found it, unless it throws
   */
  use<Result>(
    spec: ClusterSpec,
    networkNamespace: string,
    work: (server: ApiServerProcess, address: ApiServerAddress) => Promise<Result>,
  ): Promise<Result>
  /** Removes what was written for cells before. To be called at the end, too. */
  empty(): Promise<void>
}

/** The embedded API server: a new one for each cell, which costs next to nothing. */
export class EmbeddedApiServers implements ApiServers {
  async use<Result>(
    spec: ClusterSpec,
    networkNamespace: string,
    work: (server: ApiServerProcess, address: ApiServerAddress) => Promise<Result>,
  ): Promise<Result> {
    const server = startApiServer(networkNamespace)
    try {
      return await work(server, await server.call('load', spec))
    } finally {
      await server.end()
    }
  }

  async empty(): Promise<void> {}
}

/**
 * A given API server. It takes minutes to write 10,000 Services, so cells of one spec share what was written: until
 * another spec comes, or a cell fails, because it is unknown what that has left.
 */
export class GivenApiServer implements ApiServers {
  readonly #kubeconfig: string
  readonly #warn: (text: string) => void
  #filled: { readonly server: ApiServerProcess; readonly spec: ClusterSpec } | undefined

  /** @param warn told what could not be removed from it */
  constructor(kubeconfig: string, warn: (text: string) => void) {
    this.#kubeconfig = kubeconfig
    this.#warn = warn
  }

  async use<Result>(
    spec: ClusterSpec,
    networkNamespace: string,
    work: (server: ApiServerProcess, address: ApiServerAddress) => Promise<Result>,
  ): Promise<Result> {
    if (this.#filled?.spec !== spec) await this.empty()
    this.#filled ??= { server: openApiServer(this.#kubeconfig), spec }
    const { server } = this.#filled
    try {
      return await work(server, await server.call('load', spec, networkNamespace))
    } catch (error) {
      await this.empty()
      throw error
    }
  }

  /** Never throws: what was measured is worth more than what could not be removed. */
  async empty(): Promise<void> {
    const filled = this.#filled
    this.#filled = undefined
    if (filled === undefined) return
    try {
      for (const left of await filled.server.call('release')) this.#warn(left)
    } catch (error) {
      this.#warn(`what was written there could not be removed: ${reasonOf(error)}`)
    } finally {
      await filled.server.end()
    }
  }
}
