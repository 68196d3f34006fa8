import { systemPath } from '@portolan/native/system-command'
import { execa, type Options, type Result } from 'execa'
import type {
  Arrival,
  ConnectLoopReport,
  ConnectLoopRequest,
  EchoReply,
  FirstPacket,
  FirstPacketRequest,
  Heard,
  HeldAnswer,
  HoldRequest,
  HostCalls,
  OpenRequest,
  Overheard,
  PingRequest,
  PingResult,
  ProbeRequest,
  ProbeResult,
  Protocol,
  SayRequest,
  SilenceRequest,
  SilenceResult,
  SocketAddress,
} from './host-calls.ts'
import { HostThread } from './host-thread.ts'
import { ipBatch, namespacePath } from './namespaces.ts'
import type { Family } from './network.ts'
import type { Ending } from './recording-socket.ts'
import type { Timeouts } from './timeouts.ts'

export interface Server extends SocketAddress {
  close(): Promise<void>
}

/** See `Host.holdConnection`. */
export interface HeldConnection {
  /** Who answered when the connection was made. */
  readonly server: EchoReply
  /** Whether the other end still answers, and who that is. Default timeout: 1000 milliseconds. */
  ask(timeoutMs?: number): Promise<HeldAnswer>
  close(): Promise<void>
}

/** See `Host.startConnectLoop`. */
export interface ConnectLoop {
  stop(): Promise<ConnectLoopReport>
}

/** See `Host.openSocket`. */
export interface RecordingSocket {
  /** Of a TCP connection: how many SYNs it took more than one. The kernel sends the second after a second. */
  readonly synsSentAgain: number
  /** Sends a message and tells what was heard since the last time: the answer, errors, silence, and what else came. */
  say(request: SayRequest): Promise<readonly Heard[]>
  /** Waits for the answer to an earlier message, if it has not been told of. */
  hear(tag: string, timeoutMs?: number): Promise<readonly Heard[]>
  end(how: Ending): Promise<readonly Heard[]>
}

/**
 * One host of a lab: a network namespace and a thread that lives in it, so that a probe costs a socket and not a
 * process. The thread starts with the first thing asked of it.
 */
export class Host {
  /** `node`, `pod0`, `remote`, ... */
  readonly name: string
  /** The namespace's path, for `DataplaneOptions.networkNamespace` and `nsenter --net=`. */
  readonly networkNamespace: string
  /** The host's own addresses, the primary one first. */
  readonly addresses: Readonly<Record<Family, string[]>>
  readonly #namespace: string
  readonly #timeouts: Timeouts
  #thread: HostThread | undefined
  #closed = false

  constructor(name: string, namespace: string, addresses: Record<Family, string[]>, timeouts: Timeouts) {
    this.#timeouts = timeouts
    this.name = name
    this.#namespace = namespace
    this.networkNamespace = namespacePath(namespace)
    this.addresses = addresses
  }

  /** Starts an echo server at an address of this host, or at one that is routed to it. Port 0 picks one. */
  async serve(protocol: Protocol, address: string, port: number): Promise<Server> {
    const { id, ...bound } = await this.#call('serve', { protocol, address, port })
    return { ...bound, close: () => this.#call('close', id) }
  }

  /** Opens one new connection, or sends one datagram, and tells how it ended. Ask for many at once freely. */
  probe(request: ProbeRequest): Promise<ProbeResult> {
    return this.#call('probe', { timeoutMs: this.#timeouts.answerMs, ...request })
  }

  /** One ICMP echo request. */
  ping(address: string, options: Omit<PingRequest, 'address'> = {}): Promise<PingResult> {
    return this.#call('ping', { timeoutMs: this.#timeouts.answerMs, ...options, address })
  }

  /** Sends a packet that is to stay without an answer, and tells whether it does, however busy the machine is. */
  silence(request: SilenceRequest): Promise<SilenceResult> {
    const { answerMs: minMs, connectMs: timeoutMs } = this.#timeouts
    return this.#call('silence', { minMs, timeoutMs, ...request })
  }

  /** Which of these have come to this host's echo servers. */
  arrived(arrivals: readonly Arrival[]): Promise<readonly Arrival[]> {
    return this.#call('arrived', arrivals)
  }

  /** A TCP connection that stays open across changes. @throws when it can't be made */
  async holdConnection(request: HoldRequest): Promise<HeldConnection> {
    const { id, ...server } = await this.#call('hold', {
      timeoutMs: this.#timeouts.heldMs,
      ...request,
    })
    return {
      server,
      ask: (timeoutMs = this.#timeouts.heldMs) => this.#call('ask', id, timeoutMs),
      close: () => this.#call('close', id),
    }
  }

  /** Makes new connections all the time until it is stopped, and then tells of every one. */
  async startConnectLoop(request: ConnectLoopRequest): Promise<ConnectLoop> {
    const id = await this.#call('startConnectLoop', {
      everyMs: this.#timeouts.connectEveryMs,
      timeoutMs: this.#timeouts.connectMs,
      ...request,
    })
    return { stop: () => this.#call('stopConnectLoop', id) }
  }

  /** How long until a new TCP connection reaches a certain server; good to a millisecond. @throws when it never does */
  firstPacketAt(request: FirstPacketRequest): Promise<FirstPacket> {
    return this.#call('firstPacketAt', {
      timeoutMs: this.#timeouts.firstPacketMs,
      attemptTimeoutMs: this.#timeouts.firstPacketAttemptMs,
      ...request,
    })
  }

  /** Starts a server that answers recording sockets and keeps a record of what reaches it. TCP and UDP. */
  async serveRecorded(protocol: Protocol, address: string, port: number): Promise<Server> {
    const { id, ...bound } = await this.#call('serveRecorded', { protocol, address, port })
    return { ...bound, close: () => this.#call('close', id) }
  }

  /** What the recording servers of this host have seen since the last time. */
  takeOverheard(): Promise<readonly Overheard[]> {
    return this.#call('takeOverheard')
  }

  /** Waits until a recording server here has seen the end of the TCP connection whose last message had this tag. */
  endOf(tag: string, timeoutMs = this.#timeouts.connectMs): Promise<boolean> {
    return this.#call('endOf', tag, timeoutMs)
  }

  /** A client's socket that records all it hears; a string: why there is none, an error's code or `silence`. */
  async openSocket(request: OpenRequest): Promise<RecordingSocket | string> {
    const timeoutMs = this.#timeouts.connectMs
    const opened = await this.#call('openSocket', { timeoutMs, ...request })
    if ('failure' in opened) return opened.failure
    const { id, synsSentAgain } = opened
    return {
      synsSentAgain,
      say: (said) => this.#call('say', id, { timeoutMs, ...said }),
      hear: (tag, milliseconds = timeoutMs) => this.#call('hear', id, tag, milliseconds),
      end: (how) => this.#call('endSocket', id, how),
    }
  }

  /** Gives the host one more address. */
  async addAddress(address: string, device = 'eth0'): Promise<void> {
    const family = address.includes(':') ? 'IPv6' : 'IPv4'
    const cidr = family === 'IPv6' ? `${address}/128` : `${address}/32`
    await ipBatch([`address add ${cidr} dev ${device}${family === 'IPv6' ? ' nodad' : ''}`], this.#namespace)
    this.addresses[family].push(address)
  }

  /** Takes an address away that `addAddress` gave to this device. */
  async removeAddress(address: string, device = 'eth0'): Promise<void> {
    const family = address.includes(':') ? 'IPv6' : 'IPv4'
    const cidr = family === 'IPv6' ? `${address}/128` : `${address}/32`
    await ipBatch([`address delete ${cidr} dev ${device}`], this.#namespace)
    const index = this.addresses[family].indexOf(address)
    if (index >= 0) this.addresses[family].splice(index, 1)
  }

  /**
   * Runs a program in the host's network namespace; file system and process namespaces stay as they are (which
   * `ip netns exec` would not do: it mounts another /sys, without the cgroups).
   */
  exec<Given extends Options = Record<never, never>>(
    file: string,
    args: readonly string[],
    options?: Given,
  ): Promise<Result<Given>> {
    return execa('nsenter', [`--net=${this.networkNamespace}`, file, ...args], {
      ...options,
      env: { PATH: systemPath, ...options?.env },
    }) as unknown as Promise<Result<Given>>
  }

  /** Closes every socket. The host can be asked nothing more. */
  async close(): Promise<void> {
    this.#closed = true
    const thread = this.#thread
    this.#thread = undefined
    await thread?.leave()
  }

  async #call<Name extends keyof HostCalls>(
    call: Name,
    ...args: Parameters<HostCalls[Name]>
  ): Promise<Awaited<ReturnType<HostCalls[Name]>>> {
    // A thread that started now would never end: what is left of a probe that repeats itself would keep the process alive.
    if (this.#closed) throw new Error(`${this.name}: the lab has been closed`)
    this.#thread ??= HostThread.enter(this.name, this.networkNamespace)
    return await this.#thread.call(call, ...args)
  }
}
