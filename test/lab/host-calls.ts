import type { Answerer } from './recorded-message.ts'
import type { Ending } from './recording-socket.ts'

/**
 * What a host's thread can be asked to do. Plain data both ways: it crosses a thread boundary.
 * All times are milliseconds; a time *at* which something happened is milliseconds since the epoch, with fractions,
 * comparable between all threads of the process (see `now`).
 */
export interface HostCalls {
  /** Makes the thread that of a host: every socket from now on lives in its network namespace. */
  enter(name: string, networkNamespace: string): Promise<void>
  /** Closes every socket and returns to the process's own namespace; false, and nothing done: something is under way. */
  leave(): Promise<boolean>
  serve(request: ServeRequest): Promise<Served>
  probe(request: Complete<ProbeRequest>): Promise<ProbeResult>
  ping(request: Complete<PingRequest>): Promise<PingResult>
  silence(request: Complete<SilenceRequest>): Promise<SilenceResult>
  /** Which of these have come to this host's servers. */
  arrived(arrivals: readonly Arrival[]): Promise<readonly Arrival[]>
  hold(request: Complete<HoldRequest>): Promise<Held>
  ask(id: number, timeoutMs: number): Promise<HeldAnswer>
  startConnectLoop(request: Complete<ConnectLoopRequest>): Promise<number>
  stopConnectLoop(id: number): Promise<ConnectLoopReport>
  firstPacketAt(request: Complete<FirstPacketRequest>): Promise<FirstPacket>
  serveRecorded(request: ServeRequest): Promise<Served>
  takeOverheard(): Promise<readonly Overheard[]>
  endOf(tag: string, timeoutMs: number): Promise<boolean>
  openSocket(request: Complete<OpenRequest>): Promise<Opened>
  say(id: number, request: Complete<SayRequest>): Promise<readonly Heard[]>
  hear(id: number, tag: string, timeoutMs: number): Promise<readonly Heard[]>
  endSocket(id: number, how: Ending): Promise<readonly Heard[]>
  /** Closes a server or a held connection. */
  close(id: number): Promise<void>
}

/** A request as it reaches the thread: every duration is told (see timeouts.ts). */
export type Complete<Request> = Request & {
  readonly [Name in Extract<keyof Request, `${string}Ms`>]-?: NonNullable<Request[Name]>
}

/** SCTP where the kernel has it; see `Lab.supports`. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export interface SocketAddress {
  readonly address: string
  readonly port: number
}

/** What an echo server answers: who it is, where it was reached, whom it saw. */
export interface EchoReply {
  /** The name of the host that serves: `pod0`, `remote`, ... */
  readonly host: string
  /** The address and port that this server has, after all translation. */
  readonly address: string
  readonly port: number
  readonly seen: SocketAddress
}

export interface ServeRequest {
  readonly protocol: Protocol
  /** `0.0.0.0` or `::` serves every address of the host (TCP only: an answer of UDP or SCTP might come from any of them). */
  readonly address: string
  /** 0 picks a free one. */
  readonly port: number
}

export interface Served extends SocketAddress {
  readonly id: number
}

export interface ProbeRequest {
  readonly protocol: Protocol
  readonly to: SocketAddress
  /** Asks from this address of the host, and this port. */
  readonly from?: { readonly address: string; readonly port?: number }
  /** Default 250, times the lab's slowness, as with all defaults here. */
  readonly timeoutMs?: number
}

export type ProbeResult =
  | ({
      readonly result: 'answered'
      readonly milliseconds: number
      /** The SYN (or SCTP's INIT) had to be sent again. */
      readonly firstPacketLost?: true
    } & EchoReply)
  | {
      /**
       * `refused`: a TCP reset, an SCTP abort, or ICMP port unreachable. `timeout`: silence. `unreachable`: no route, or
       * ICMP said so.
       * `reset`: a connection was made and broken before the server spoke.
       */
      readonly result: 'refused' | 'timeout' | 'unreachable' | 'reset'
      readonly milliseconds: number
      /** Of a timeout: whence it was asked, where the socket knows. */
      readonly from?: SocketAddress
    }

/** A packet that is to stay without an answer: a probe, or an ICMP echo request. */
export type SilenceRequest = (Pick<ProbeRequest, 'protocol' | 'to'> | { readonly ping: string }) & {
  readonly from?: { readonly address: string }
  /** UDP echo servers at every host that could answer; they are asked after the packet has been sent. */
  readonly markers: readonly SocketAddress[]
  /** How long silence must last at least. Default 250. */
  readonly minMs?: number
  /** How long markers may take on top. Default 5000. */
  readonly timeoutMs?: number
}

export type SilenceResult =
  /** Every marker was answered, and the packet was not; it was sent after `since`. */
  | { readonly result: 'silence'; readonly from?: SocketAddress; readonly since: number }
  /** Markers were not answered either, so nothing is known: the machine is too busy, or the way is cut. */
  | { readonly result: 'unknown'; readonly unanswered: readonly SocketAddress[] }
  | Exclude<ProbeResult, { readonly result: 'timeout' }>
  | PingResult

/** Who came to a server. */
export interface Arrival {
  readonly protocol: Protocol
  readonly from: SocketAddress
  /** The server, as the packet came to it. */
  readonly at: SocketAddress
  /** Not before this time, as `SilenceResult` gives it: a client's port comes round again. */
  readonly since: number
}

export interface PingRequest {
  readonly address: string
  /** Bytes after the ICMP header; default 0. More than a link's MTU go in fragments. */
  readonly bytes?: number
  /** Default 250. */
  readonly timeoutMs?: number
}

/** `unreachable`: the kernel or an ICMP error said so, port unreachable included. */
export interface PingResult {
  readonly result: 'answered' | 'unreachable' | 'timeout'
  readonly milliseconds: number
}

export interface HoldRequest {
  readonly to: SocketAddress
  readonly from?: { readonly address: string; readonly port?: number }
  /** Default 1000. */
  readonly timeoutMs?: number
}

/** A TCP connection that stays open, and who served it when it was made. */
export interface Held extends EchoReply {
  readonly id: number
}

export type HeldAnswer =
  | ({ readonly alive: true } & EchoReply)
  | { readonly alive: false; readonly reason: string }

export interface ConnectLoopRequest {
  readonly protocol?: Protocol
  readonly to: SocketAddress
  readonly from?: { readonly address: string }
  /** Pause between the starts of two attempts; they may overlap. Default 2. */
  readonly everyMs?: number
  /** Of one attempt. Default 5000, so that TCP's own second and third SYN (after 1 s and 3 s) count as no loss. */
  readonly timeoutMs?: number
}

export interface ConnectLoopReport {
  readonly attempts: number
  /** Attempts by outcome. */
  readonly results: Readonly<Record<ProbeResult['result'], number>>
  /** Attempts whose first packet was lost or that weren't answered: what any client notices. */
  readonly lost: number
  /** Answers by server, as `host address|port`. */
  readonly servers: Readonly<Record<string, number>>
  /** The first attempts that weren't answered, at most 10 of each outcome: when they began and how they ended. */
  readonly unanswered: readonly { readonly startedAt: number; readonly result: string }[]
  /** The longest one; `undefined`: every first packet got through. */
  readonly outage: Outage | undefined
  /** The longest time for which the machine didn't let the loop run; milliseconds. */
  readonly longestStallMs: number
}

/**
 * A time in which every attempt's first packet was lost, however it ended: a TCP client that sends its SYN again after a
 * second doesn't notice, but all others do.
 */
export interface Outage {
  /** From the loop's start to that of the first lost attempt. */
  readonly afterMs: number
  /** To the start of the next attempt that got through, less the loop's own stalls. */
  readonly milliseconds: number
  readonly attempts: number
}

export interface FirstPacketRequest {
  readonly to: SocketAddress
  /** Which server has to answer. */
  readonly expected: SocketAddress
  readonly from?: { readonly address: string }
  /** Default 10000. */
  readonly timeoutMs?: number
  /** Of one attempt. Default 100. */
  readonly attemptTimeoutMs?: number
}

export interface FirstPacket {
  /** When the server in question answered a new connection for the first time (see the top of this file). */
  readonly at: number
  /** From the call to the answer. */
  readonly milliseconds: number
  readonly attempts: number
}

/** A client's socket that records what it hears; TCP or UDP. */
export interface OpenRequest {
  readonly protocol: Protocol
  /** Default: whichever the kernel chooses for each peer. An IPv6 socket without a peer needs `::`. */
  readonly address?: string
  /** 0: whichever the kernel chooses. */
  readonly port: number
  /** Whom it is connected to; TCP always is. */
  readonly to?: SocketAddress
  /** Default 5000. */
  readonly timeoutMs?: number
}

/** The socket's number, or why there is none: an error's code, or `silence`. */
export type Opened = { readonly id: number; readonly synsSentAgain: number } | { readonly failure: string }

export interface SayRequest {
  /** Unique in the lab: records are told apart by it. */
  readonly tag: string
  /** Of the message's body; its header is 50 to 100 more. */
  readonly bytes: number
  /** Of an unconnected socket. */
  readonly to?: SocketAddress
  /** Asks a TCP server to close the connection after its answer. */
  readonly thenClose?: true
  /** Whether to wait until the answer, or an error, has come. */
  readonly awaits: boolean
  /** Default 5000. */
  readonly timeoutMs?: number
}

/** What a recording socket has heard, in its order. `silence`: a wait ended without an answer. */
export type Heard =
  | {
      readonly what: 'message'
      readonly tag: string
      /** The sender as the socket's owner is shown it. */
      readonly from: SocketAddress
      readonly bytes: number
      readonly intact: boolean
      /** What the server says of itself and of what it saw. */
      readonly by?: Answerer
    }
  | { readonly what: 'error'; readonly code: string }
  | { readonly what: 'end' }
  | { readonly what: 'silence' }

/** What a recording server has seen: a message, or the end of a TCP connection. */
export interface Overheard {
  readonly host: string
  readonly protocol: Protocol
  readonly at: SocketAddress
  readonly from: SocketAddress
  /** Of the message; of an end that of the last message before it. */
  readonly tag: string
  readonly bytes?: number
  readonly intact?: boolean
  readonly ended?: 'finished' | 'reset'
}

/** The clock of all `at`s: milliseconds since the epoch, with fractions, that never jumps. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}
