/**
 * The thread of a host. It enters the host's network namespace first of all, so that every socket it makes lives there,
 * and then does what it is asked (see host-calls.ts).
 */
import { parentPort } from 'node:worker_threads'
import { enterNetworkNamespace } from '@portolan/native'
import { createBirpc } from 'birpc'
import { type ConnectLoop, firstPacketAt, startConnectLoop } from './connect-loop.ts'
import { arrivalKey, arrivals, type EchoServer, serve } from './echo-server.ts'
import type { HeldConnection } from './held-connection.ts'
import { hold } from './held-connection.ts'
import type { HostCalls, Overheard } from './host-calls.ts'
import { ping } from './ping.ts'
import { probe } from './probe.ts'
import { serveRecorded } from './recording-server.ts'
import { openRecordingSocket, type RecordingSocket } from './recording-socket.ts'
import { silence } from './silence.ts'

/** The main thread's. */
const home = '/proc/self/ns/net'

/** Empty: it is in no host's namespace. */
let name = ''
let lastId = 0
const servers = new Map<number, EchoServer>()
const connections = new Map<number, HeldConnection>()
const loops = new Map<number, ConnectLoop>()
const sockets = new Map<number, RecordingSocket>()
/** What this host's recording servers have seen. */
const overheard: Overheard[] = []
/** Tags of the last messages of TCP connections that have ended at them. */
const endedTags = new Set<string>()
/** Called when one of them has seen something more. */
const listeners = new Set<() => void>()

const calls: HostCalls = {
  async enter(host, networkNamespace) {
    enterNetworkNamespace(networkNamespace)
    name = host
  },
  async leave() {
    if (loops.size > 0) return false
    await Promise.all([...servers.values(), ...connections.values()].map((socket) => socket.close()))
    await Promise.all([...sockets.values()].map((socket) => socket.end('reset')))
    servers.clear()
    connections.clear()
    sockets.clear()
    overheard.length = 0
    endedTags.clear()
    arrivals.clear()
    name = ''
    // A namespace lives as long as anything is in it.
    enterNetworkNamespace(home)
    return true
  },
  async serve(request) {
    const server = await serve(name, request)
    lastId += 1
    servers.set(lastId, server)
    return { id: lastId, address: server.address, port: server.port }
  },
  // Nothing more is taken from the message than what it is: a second argument would be a signal.
  probe: (request) => probe(request),
  ping: (request) => ping(request),
  silence,
  async arrived(asked) {
    return asked.filter((one) => (arrivals.get(arrivalKey(one)) ?? -1) >= one.since)
  },
  async hold(request) {
    const connection = await hold(request)
    lastId += 1
    connections.set(lastId, connection)
    const { host, address, port, seen } = connection
    return { id: lastId, host, address, port, seen }
  },
  async ask(id, timeoutMs) {
    const connection = connections.get(id)
    return connection === undefined
      ? { alive: false, reason: 'closed by the lab' }
      : await connection.ask(timeoutMs)
  },
  async startConnectLoop(request) {
    lastId += 1
    loops.set(lastId, startConnectLoop(request))
    return lastId
  },
  async stopConnectLoop(id) {
    const loop = loops.get(id)
    if (loop === undefined) throw new Error('this connect loop has been stopped before')
    loops.delete(id)
    return await loop.stop()
  },
  firstPacketAt,
  async serveRecorded(request) {
    const { address, port, close } = await serveRecorded(name, request, (seen) => {
      overheard.push(seen)
      if (seen.ended !== undefined) endedTags.add(seen.tag)
      for (const told of listeners) told()
    })
    lastId += 1
    servers.set(lastId, { address, port, close })
    return { id: lastId, address, port }
  },
  async takeOverheard() {
    return overheard.splice(0)
  },
  endOf(tag, timeoutMs) {
    return new Promise((resolve) => {
      const look = () => {
        if (endedTags.has(tag)) finish(true)
      }
      const finish = (found: boolean) => {
        clearTimeout(timer)
        listeners.delete(look)
        resolve(found)
      }
      const timer = setTimeout(() => finish(false), timeoutMs)
      listeners.add(look)
      look()
    })
  },
  async openSocket(request) {
    const socket = await openRecordingSocket(request)
    if (typeof socket === 'string') return { failure: socket }
    lastId += 1
    sockets.set(lastId, socket)
    return { id: lastId, synsSentAgain: socket.synsSentAgain }
  },
  async say(id, request) {
    return await socketOf(id).say(request)
  },
  async hear(id, tag, timeoutMs) {
    return await socketOf(id).hear(tag, timeoutMs)
  },
  async endSocket(id, how) {
    const socket = socketOf(id)
    sockets.delete(id)
    return await socket.end(how)
  },
  async close(id) {
    await servers.get(id)?.close()
    await connections.get(id)?.close()
    servers.delete(id)
    connections.delete(id)
  },
}

function socketOf(id: number): RecordingSocket {
  const socket = sockets.get(id)
  if (socket === undefined) throw new Error('this socket has been closed')
  return socket
}

createBirpc<Record<never, never>, HostCalls>(calls, {
  post: (message) => parentPort?.postMessage(message),
  on: (receive) => void parentPort?.on('message', receive),
  bind: 'functions',
  timeout: -1,
  resolver:
    (call, serve) =>
    async (...args) => {
      // Whatever went wrong, no socket is made in the machine's own namespace.
      if (name === '' && call !== 'enter') throw new Error(`${call}: this thread is in no namespace`)
      return await serve(...args)
    },
  onFunctionError(error) {
    if (error instanceof Error) error.message = `${name}: ${error.message}`
  },
})
