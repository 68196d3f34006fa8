import * as http from 'node:http'
import * as http2 from 'node:http2'
import * as https from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { ApiObject, Kind } from './api-object.ts'
import { Authentication } from './authentication.ts'
import { CertificateAuthority, type CertifiedKey } from './certificates.ts'
import { type Checkpoint, ClusterState } from './cluster-state.ts'
import { type Fault, reasons } from './faults.ts'
import { freePort } from './free-port.ts'
import { HttpApi, type ServedRequest, type WatchListSupport } from './http-api.ts'
import { type KubeconfigUser, writeKubeconfigFile } from './kubeconfig-file.ts'
import { Relay } from './relay.ts'
import type { Reply, Request } from './reply.ts'
import { StatusError, tooOld } from './status-error.ts'

export interface ApiServerOptions {
  /** 0, the default: any free one. */
  readonly port?: number
  readonly host?: '127.0.0.1' | '::1'
  /** Plain http instead of https. */
  readonly plain?: boolean
  /** Default true: HTTP/2 is offered in the TLS handshake. */
  readonly http2?: boolean
  /** Bearer tokens that are accepted. */
  readonly tokens?: readonly string[]
  /** Whether certificates of {@link ApiServer.issueClientCertificate} are accepted. */
  readonly clientCertificates?: boolean
  /** Events kept per resource. Default 10,000. */
  readonly historyLimit?: number
  /** Milliseconds between two bookmarks. Default: a minute, as with Kubernetes. */
  readonly bookmarkIntervalMs?: number
  readonly watchList?: WatchListSupport
  /** `metadata`: as servers before Kubernetes 1.31, which know no field of a Service's spec. */
  readonly fieldSelectors?: 'all' | 'metadata'
  /** How an expired resourceVersion of a watch is answered: by an ERROR event, as kube-apiserver does, or by the status. */
  readonly expiredAs?: 'status' | 'event'
  /** Whether {@link ApiServer.freeze} works; costs a copy of every byte. */
  readonly freezable?: boolean
}

/**
 * A Kubernetes API server of Services, EndpointSlices, Nodes and ServiceCIDRs, on loopback only: real HTTP list and
 * watch as clients know them, writes as kubectl makes them, and faults on demand. It validates next to nothing, so that
 * broken objects can be served too.
 */
export class ApiServer {
  readonly #options: ApiServerOptions
  readonly #state: ClusterState
  readonly #api: HttpApi
  readonly #authentication: Authentication
  readonly #faults = new Map<Kind, Fault>()
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<http2.ServerHttp2Session>()
  #authority: CertificateAuthority | undefined
  #server: Server | undefined
  #relay: Relay | undefined
  #port = 0
  #bookmarks: NodeJS.Timeout | undefined

  constructor(options: ApiServerOptions = {}) {
    this.#options = options
    this.#authentication = new Authentication(options.tokens ?? [], options.clientCertificates ?? false)
    this.#state = new ClusterState(options.historyLimit ?? 10_000)
    this.#api = new HttpApi({
      state: this.#state,
      authentication: this.#authentication,
      faults: this.#faults,
      watchList: options.watchList ?? 'served',
      fieldSelectors: options.fieldSelectors ?? 'all',
      expiredAs: options.expiredAs ?? 'event',
    })
  }

  /** The requests that were made, the last 1000 or so. */
  get requests(): readonly ServedRequest[] {
    return this.#api.requests
  }

  /** Called with each request before it is answered, so that a fault can come at a certain one. */
  set onRequest(listener: (request: ServedRequest) => void) {
    this.#api.onRequest = listener
  }

  /** Also after a stop: with the same objects and history, address and certificate authority. */
  async start(): Promise<void> {
    const host = this.#host
    const server = await this.#createServer()
    this.#server = server
    server.on('session', (session: http2.ServerHttp2Session) => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.#sockets.delete(socket))
    })
    // Started again, it is found where it was.
    const wanted = this.#port || this.#options.port || (await freePort())
    const port = await listen(server, host, this.#options.freezable ? 0 : wanted)
    if (this.#options.freezable) {
      this.#relay = new Relay(host, port)
      this.#port = await this.#relay.listen(wanted)
    } else this.#port = port
    const interval = this.#options.bookmarkIntervalMs ?? 60_000
    this.#bookmarks = setInterval(() => {
      for (const stream of this.#state.streams()) void stream.bookmark()
    }, interval)
  }

  /** In order: watches end as such, before their connections do; but not before a client behind the relay of `freezable`. */
  async stop(): Promise<void> {
    for (const stream of this.#state.streams()) stream.end()
    this.resetConnections()
    await this.#close()
  }

  /**
   * As a process ends that is killed: its connections close wherever they are, in the middle of an answer too, with no last
   * word of HTTP or TLS. What it had is there when it is started again.
   */
  async kill(): Promise<void> {
    this.#relay?.breakOff()
    for (const socket of this.#sockets) socket.destroy()
    for (const stream of this.#state.streams()) stream.end()
    await this.#close()
  }

  async #close(): Promise<void> {
    clearInterval(this.#bookmarks)
    const server = this.#server
    await Promise.all([
      this.#relay?.close(),
      server === undefined ? undefined : new Promise((resolve) => server.close(resolve)),
    ])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** `https://127.0.0.1:41234` */
  get url(): string {
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host
    return `${this.#options.plain ? 'http' : 'https'}://${host}:${this.#port}`
  }

  /** PEM; `undefined` for plain http and before the start. */
  get certificateAuthority(): string | undefined {
    return this.#authority?.certificate
  }

  /** The version of the last change. */
  get resourceVersion(): string {
    return String(this.#state.version)
  }

  /** Creates or replaces an object; returns its new resourceVersion. */
  apply(object: ApiObject): string {
    return this.#state.apply(object)
  }

  /** Deletes an object; returns the deletion's resourceVersion, or `undefined` if there was none. */
  remove(kind: string, namespace: string | undefined, name: string): string | undefined {
    return this.#state.remove(kind, namespace, name)
  }

  /** Creates or replaces many objects at once. Watchers are told to list again. */
  load(objects: Iterable<ApiObject>): void {
    this.#state.load(objects)
  }

  /** Forgets the history: watches from an older version, and lists under way in pages, get 410. */
  compact(): void {
    this.#state.compact()
  }

  checkpoint(): Checkpoint {
    return this.#state.checkpoint()
  }

  /** Goes back to a checkpoint, versions and all, and breaks all connections: a restored backup of etcd. */
  restore(checkpoint: Checkpoint): void {
    this.resetConnections()
    this.#state.restore(checkpoint)
  }

  /** Breaks all connections with a TCP reset. */
  resetConnections(): void {
    this.#relay?.reset()
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Asks HTTP/2 clients to take another connection; what is under way goes on. As kube-apiserver's --goaway-chance. */
  goAway(): void {
    for (const session of this.#sessions) if (!session.destroyed) session.goaway()
  }

  /** From now on nothing is answered, while connections stay open. Needs the option `freezable`. */
  freeze(): void {
    if (this.#relay === undefined) throw new Error('freeze needs the option freezable, and a started server')
    this.#relay.freeze()
  }

  thaw(): void {
    this.#relay?.thaw()
  }

  /** All further requests of one resource are answered so, until {@link heal}. Watches under way go on. */
  break(kind: Kind, fault: Fault): void {
    this.#faults.set(kind, fault)
  }

  heal(): void {
    this.#faults.clear()
  }

  /** Ends all watches of one resource with an ERROR event. */
  failWatches(kind: Kind, status: number): void {
    const { store, streams } = this.#state.resource(kind)
    const error =
      status === 410
        ? tooOld(store.oldestVersion, this.#state.version)
        : new StatusError(status, reasons[status] ?? '', 'made to fail')
    for (const stream of streams) stream.fail(error)
  }

  /** Sends what needn't be an event over all watches of one resource, and then maybe ends them. */
  sendToWatches(kind: Kind, text: Uint8Array | string, options: { readonly end?: boolean } = {}): void {
    for (const stream of this.#state.resource(kind).streams) {
      stream.sendRaw(text)
      if (options.end) stream.end()
    }
  }

  /** How many TCP connections are open; behind the relay of `freezable` also those that wait there, frozen. */
  get connectionCount(): number {
    return this.#sockets.size
  }

  /** How many watches of one resource are open. */
  watchCount(kind: Kind): number {
    return [...this.#state.resource(kind).streams].filter((stream) => !stream.closed).length
  }

  /** From now on these tokens are accepted, and no others. */
  replaceTokens(tokens: readonly string[]): void {
    this.#authentication.replaceTokens(tokens)
  }

  /** A client certificate that this server accepts. Not for plain http. */
  issueClientCertificate(user: string): Promise<CertifiedKey> {
    if (this.#authority === undefined) throw new Error('only a started https server issues certificates')
    return this.#authority.issueClient(user)
  }

  /** Writes a kubeconfig for a client of this server; by default with the first of its tokens. */
  writeKubeconfig(path: string, user?: KubeconfigUser): Promise<void> {
    const token = this.#options.tokens?.[0]
    const server = { url: this.url, ca: this.certificateAuthority }
    return writeKubeconfigFile(path, server, user ?? (token === undefined ? {} : { token }))
  }

  get #host(): string {
    return this.#options.host ?? '127.0.0.1'
  }

  async #createServer(): Promise<Server> {
    const handle = (request: Request, reply: Reply) => void this.#api.answer(request, reply)
    if (this.#options.plain) return http.createServer(handle)
    this.#authority ??= await CertificateAuthority.create()
    const tls = {
      ...(await this.#authority.issueServer()),
      ca: this.#authority.certificate,
      requestCert: this.#options.clientCertificates ?? false,
      // Who may ask is said by a 401, as Kubernetes does, not by a broken handshake.
      rejectUnauthorized: false,
    }
    if (this.#options.http2 === false) return https.createServer(tls, handle)
    return http2.createSecureServer({ ...tls, allowHTTP1: true }, handle)
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}
