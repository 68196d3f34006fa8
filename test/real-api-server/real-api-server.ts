import { generateKeyPairSync } from 'node:crypto'
import { rmSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CertificateAuthority, freePort, writeKubeconfigFile } from '@portolan/api-server'
import { cachedEtcd } from './debian-etcd.ts'
import { ProgramProcess } from './program-process.ts'
import { findProgram } from './provide.ts'
import { RawClient } from './raw-client.ts'

/** Who a bearer token stands for. */
export interface TokenUser {
  readonly name: string
  readonly groups?: readonly string[]
}

export interface RealApiServerOptions {
  /** `own`, the default: that of the kube-apiserver's release, in its process. `debian`: see `debian-etcd.ts`. */
  readonly etcd?: 'own' | 'debian'
  /** Bearer tokens beside the administrator's. What their users may do is for RBAC to say. */
  readonly tokens?: Readonly<Record<string, TokenUser>>
  /** More of kube-apiserver's flags. */
  readonly flags?: readonly string[]
  /** Where it runs, as a path; absent: where the caller does. It is reached by this process only where that is the same. */
  readonly networkNamespace?: string
  /** Default 127.0.0.1. */
  readonly host?: string
}

/** A copy of etcd's files, as a backup is. */
export interface Backup {
  readonly folder: string
}

/** In which all that is started is ready, on a machine that is busy with other things. */
const readyMinutes = 3
const shutDownMs = 3000

/** The administrator's token, and its name. */
export const administrator = 'administrator'

/** Allocates ClusterIPs. */
export const serviceRanges = { IPv4: '10.96.0.0/14', IPv6: 'fd00:10:96::/108' } as const

/**
 * A real kube-apiserver with an etcd of its own, in a temporary folder, on a free port of loopback. It authenticates by
 * bearer tokens and authorizes by RBAC. No controller runs: nothing but the tests writes EndpointSlices or Nodes.
 *
 * It is ready 3 s after its start and takes 300 MB, so that one serves all tests of a file.
 */
export class RealApiServer implements AsyncDisposable {
  readonly folder: string
  readonly port: number
  readonly certificateAuthority: string
  /** An administrator. */
  readonly client: RawClient
  readonly #options: RealApiServerOptions
  readonly #program: string
  #tokens: Readonly<Record<string, TokenUser>>
  #server: ProgramProcess | undefined
  #etcd: ProgramProcess | undefined
  #backups = 0
  readonly #removeAtExit: () => void

  private constructor(
    program: string,
    folder: string,
    port: number,
    ca: string,
    options: RealApiServerOptions,
  ) {
    this.#program = program
    this.folder = folder
    this.port = port
    this.certificateAuthority = ca
    this.#options = options
    this.#tokens = options.tokens ?? {}
    this.client = new RawClient(this.url, ca, administrator)
    this.#removeAtExit = () => rmSync(folder, { recursive: true, force: true })
    process.once('exit', this.#removeAtExit)
  }

  /** Resolves when it is ready. Dispose of it: it is a process, and a folder in the temporary one. */
  static async start(options: RealApiServerOptions = {}): Promise<RealApiServer> {
    const found = findProgram('kube-apiserver')
    if (!('program' in found)) throw new Error('unavailable' in found ? found.unavailable : found.failed)
    const folder = await mkdtemp(join(tmpdir(), 'portolan-real-'))
    const authority = await CertificateAuthority.create()
    const host = options.host ?? '127.0.0.1'
    const certified = await authority.issueServer([host])
    await writeFile(join(folder, 'tls.crt'), certified.cert)
    await writeFile(join(folder, 'tls.key'), certified.key)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    await writeFile(join(folder, 'accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))

    const port = options.networkNamespace === undefined ? await freePort() : 6443
    const server = new RealApiServer(found.program, folder, port, authority.certificate, options)
    try {
      await server.start()
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
    return server
  }

  /** `https://127.0.0.1:23456` */
  get url(): string {
    return `https://${this.#options.host ?? '127.0.0.1'}:${this.port}`
  }

  get pid(): number {
    return this.#server?.pid ?? 0
  }

  /** Starts it again, at the same address and with what etcd has. Resolves when it is ready. */
  async start(flags: readonly string[] = this.#options.flags ?? []): Promise<void> {
    if (this.#options.etcd === 'debian') this.#etcd ??= this.#startEtcd()
    await writeFile(join(this.folder, 'tokens.csv'), this.#tokenFile())
    this.#server = new ProgramProcess({
      program: this.#program,
      folder: this.folder,
      flags: [...this.#flags(), ...flags],
      env: this.#options.etcd === 'debian' ? {} : this.#etcdEnvironment(),
      ...(this.#options.networkNamespace === undefined
        ? {}
        : { networkNamespace: this.#options.networkNamespace }),
    })
    if (this.#options.networkNamespace === undefined) await this.ready()
  }

  /** Kills it, as a crash does: connections end without a word. */
  async kill(): Promise<void> {
    await this.#server?.kill()
    this.#server = undefined
    await this.#killEtcd()
  }

  /** Stops it as an upgrade does: connections get GOAWAY, and what is under way a while, which for a watch is never enough. */
  async shutDown(): Promise<void> {
    this.#server?.signal('SIGTERM')
    await Promise.race([this.#server?.ended, sleep(shutDownMs)])
    await this.#server?.kill()
    this.#server = undefined
    await this.#killEtcd()
  }

  /** From now on nothing is answered while connections stay open: the process is stopped. */
  freeze(): void {
    this.#server?.signal('SIGSTOP')
    this.#etcd?.signal('SIGSTOP')
  }

  thaw(): void {
    this.#etcd?.signal('SIGCONT')
    this.#server?.signal('SIGCONT')
  }

  /** What etcd has now. The server is frozen meanwhile. */
  async backUp(): Promise<Backup> {
    const folder = join(this.folder, `backup-${++this.#backups}`)
    this.freeze()
    try {
      // Of a stopped process, files are as after a crash; etcd starts from those.
      await cp(this.#etcdFolder, folder, { recursive: true })
    } finally {
      this.thaw()
    }
    return { folder }
  }

  /** Kills it, and starts it again with the etcd of a backup. Resolves when it is ready. */
  async restore(backup: Backup): Promise<void> {
    await this.kill()
    await rm(this.#etcdFolder, { recursive: true })
    await cp(backup.folder, this.#etcdFolder, { recursive: true })
    await this.start()
  }

  /** The tokens that are accepted after the next start. */
  replaceTokens(tokens: Readonly<Record<string, TokenUser>>): void {
    this.#tokens = tokens
  }

  /** Makes etcd forget all but the present state; what kube-apiserver has in its watch cache stays there. */
  async compact(): Promise<void> {
    const { header } = (await this.#askEtcd('/v3/kv/range', { key: btoa('/'), count_only: true })) as {
      header: { revision: string }
    }
    await this.#askEtcd('/v3/kv/compaction', { revision: header.revision, physical: true })
  }

  /** Writes a kubeconfig for a client; by default an administrator's. */
  writeKubeconfig(path: string, token = administrator): Promise<void> {
    return writeKubeconfigFile(path, { url: this.url, ca: this.certificateAuthority }, { token })
  }

  /** Resolves when it answers that it is ready. */
  async ready(): Promise<void> {
    const server = this.#server
    const deadline = performance.now() + readyMinutes * 60_000
    while (server?.running) {
      const answer = await this.client.get('/readyz').catch(() => undefined)
      if (answer?.status === 200) return
      if (performance.now() > deadline)
        throw new Error(`not ready within ${readyMinutes} minutes:\n${server.lastWords}`)
      await sleep(50)
    }
    throw new Error(`kube-apiserver does not run: ${await server?.ended}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close()
    await this.kill()
    process.off('exit', this.#removeAtExit)
    await rm(this.folder, { recursive: true, force: true })
  }

  get #etcdFolder(): string {
    return join(this.folder, 'etcd')
  }

  /** Unix sockets in the folder, so that no ports are taken. */
  #etcdEnvironment(): Record<string, string> {
    return {
      ETCD_DATA_DIR: this.#etcdFolder,
      ETCD_CLIENT_URL: 'unix://client.sock:0',
      ETCD_PEER_URL: 'unix://peer.sock:0',
    }
  }

  async #killEtcd(): Promise<void> {
    await this.#etcd?.kill()
    this.#etcd = undefined
    // What a killed server leaves of its sockets, the next one can't listen at.
    for (const socket of ['client.sock:0', 'peer.sock:0'])
      await rm(join(this.folder, socket), { force: true })
  }

  #startEtcd(): ProgramProcess {
    const etcd = cachedEtcd()
    if (etcd === undefined) throw new Error("Debian's etcd is not in the cache folder")
    const { ETCD_DATA_DIR, ETCD_CLIENT_URL, ETCD_PEER_URL } = this.#etcdEnvironment()
    return new ProgramProcess({
      program: etcd.program,
      folder: this.folder,
      flags: [
        `--data-dir=${ETCD_DATA_DIR}`,
        `--listen-client-urls=${ETCD_CLIENT_URL}`,
        `--advertise-client-urls=${ETCD_CLIENT_URL}`,
        `--listen-peer-urls=${ETCD_PEER_URL}`,
        `--initial-advertise-peer-urls=${ETCD_PEER_URL}`,
        `--initial-cluster=default=${ETCD_PEER_URL}`,
        '--log-level=error',
      ],
    })
  }

  #flags(): string[] {
    const file = (name: string) => join(this.folder, name)
    return [
      '--etcd-servers=unix://client.sock:0',
      // Not by itself: a test that wants it says when.
      '--etcd-compaction-interval=0',
      `--bind-address=${this.#options.host ?? '127.0.0.1'}`,
      `--secure-port=${this.port}`,
      // It insists on one that isn't loopback, and does not announce it while no reconciler writes endpoints.
      '--advertise-address=192.0.2.1',
      '--endpoint-reconciler-type=none',
      `--tls-cert-file=${file('tls.crt')}`,
      `--tls-private-key-file=${file('tls.key')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('accounts.key')}`,
      `--service-account-signing-key-file=${file('accounts.key')}`,
      '--disable-admission-plugins=ServiceAccount',
      `--service-cluster-ip-range=${serviceRanges.IPv4},${serviceRanges.IPv6}`,
    ]
  }

  #tokenFile(): string {
    const users = { [administrator]: { name: administrator, groups: ['system:masters'] }, ...this.#tokens }
    const lines = Object.entries(users).map(
      ([token, { name, groups = [] }]) => `${token},${name},${name},"${groups.join(',')}"\n`,
    )
    return lines.join('')
  }

  /** Through etcd's gateway of JSON to gRPC. */
  #askEtcd(path: string, body: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const socketPath = join(this.folder, 'client.sock:0')
      const request = http.request({ socketPath, path, method: 'POST' }, async (response) => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk as Buffer)
        const text = Buffer.concat(chunks).toString()
        if (response.statusCode === 200) resolve(JSON.parse(text))
        else reject(new Error(`etcd ${path}: ${response.statusCode} ${text}`))
      })
      request.once('error', reject)
      request.end(JSON.stringify(body))
    })
  }
}
