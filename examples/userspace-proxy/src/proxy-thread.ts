/** The proxy itself: a thread in the node's network namespace that listens, balances and relays. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { type Address, classifySource, type Degraded, emptyTable } from '@portolan/core'
import { enterNetworkNamespace } from '@portolan/native'
import type { Contents, Plan, Program } from './program.ts'

/** Asked one after the other. */
export type Request = Pick<Program, 'removed' | 'set'> & { readonly looks?: true }

/** All that the thread holds, for who looks; and where somebody else listens, which is tried again every time. */
export interface Reply {
  readonly contents: Contents
  readonly blocked: readonly Degraded[]
}

/** Milliseconds of silence after which a client's datagrams count as a new flow: the kernel's own figure. */
const flowMs = 30_000

const contents = new Map<string, string>()
const plans = new Map<string, Plan>()
const listening = new Map<string, Map<string, () => void>>()
const affinity = new Map<string, { readonly endpoint: string; readonly until: number }>()
let blocked = new Map<string, Degraded>()
let sources = emptyTable('IPv4', { by: 'none' })

async function change({ removed, set }: Request): Promise<void> {
  for (const name of removed) contents.delete(name)
  for (const [name, value] of set) contents.set(name, value)
  const names = [...removed, ...set.keys()]
  if (names.some((name) => /^(pods|local|node-has)\b/.test(name))) {
    // What the node asks at a local address comes from that address.
    const localAddresses = new Set([...valuesOf('node-has'), ...valuesOf('local')] as Address[])
    const podSource = JSON.parse(contents.get('pods') ?? '{ "by": "none" }')
    sources = { ...emptyTable('IPv4', podSource), localAddresses }
  }
  const touched = new Set([...names.filter((name) => name.startsWith('listen ')), ...blocked.keys()])
  if (names.some((name) => name.startsWith('nodeports-at ')))
    for (const name of plans.keys()) if (name.includes(' * ')) touched.add(name)
  blocked = new Map()
  for (const name of touched) {
    const value = contents.get(name)
    if (value === undefined) plans.delete(name)
    else plans.set(name, JSON.parse(value))
    close(name)
  }
  for (const name of touched) for (const at of addressesOf(name)) await open(name, at)
}

function valuesOf(kind: string): string[] {
  return [...contents.keys()].flatMap((name) =>
    name.startsWith(`${kind} `) ? [name.slice(kind.length + 1)] : [],
  )
}

/** Where to listen. The kernel refuses by itself where nothing does. */
function addressesOf(name: string): readonly string[] {
  const [, protocol, address = ''] = name.split(' ')
  const plan = plans.get(name)
  const answers = plan === undefined ? [] : [plan.pod, plan.node, plan.outside]
  // Datagrams can be dropped, one by one; whoever has connected is not to be had rid of in silence.
  const isServed = answers.some((one) => Array.isArray(one) || (protocol === 'UDP' && one === 'drop'))
  return !isServed ? [] : address === '*' ? valuesOf('nodeports-at') : [address]
}

async function open(name: string, at: string): Promise<void> {
  const there = listening.get(name) ?? new Map<string, () => void>()
  const [, protocol, , port] = name.split(' ')
  const listen = protocol === 'UDP' ? listenUdp : listenTcp
  try {
    if (!there.has(at)) listening.set(name, there.set(at, await listen(name, at, Number(port))))
  } catch (error) {
    blocked.set(name, { route: plans.get(name)?.route ?? '', reason: `can't listen: ${String(error)}` })
  }
}

/** Stops listening where that isn't wanted any more. */
function close(name: string): void {
  const wanted = addressesOf(name)
  for (const [at, stop] of listening.get(name) ?? []) {
    if (wanted.includes(at)) continue
    listening.get(name)?.delete(at)
    stop()
  }
  if (listening.get(name)?.size === 0) listening.delete(name)
}

async function listenTcp(name: string, host: string, port: number): Promise<() => void> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const endpoint = choose(name, client.remoteAddress)
    if (endpoint === undefined) return void client.on('error', () => {}).resetAndDestroy()
    const upstream = connect({ ...placeOf(endpoint), allowHalfOpen: true, noDelay: true })
    client.on('error', () => upstream.resetAndDestroy()).pipe(upstream)
    upstream.on('error', () => client.resetAndDestroy()).pipe(client)
  })
  server.listen({ host, port, backlog: 4096 })
  await once(server, 'listening')
  return () => server.close()
}

async function listenUdp(name: string, address: string, port: number): Promise<() => void> {
  const socket = createSocket('udp4').bind({ address, port, exclusive: true })
  await once(socket, 'listening')
  const flows = new Map<string, ReturnType<typeof openFlow>>()
  const openFlow = (key: string, client: RemoteInfo, endpoint: string) => {
    const { host, port } = placeOf(endpoint)
    const upstream = createSocket('udp4', (answer, from) => {
      if (from.address === host && from.port === port) socket.send(answer, client.port, client.address)
    }).on('error', () => {})
    const close = () => {
      flows.delete(key)
      clearTimeout(timer)
      upstream.close()
    }
    const timer = setTimeout(close, flowMs)
    const send = (message: Buffer) => timer.refresh() && upstream.send(message, port, host)
    return { endpoint, send, close }
  }
  socket.on('error', () => {})
  socket.on('message', (message, client) => {
    const key = `${client.address} ${client.port}`
    const kept = flows.get(key)
    if (kept !== undefined && !endpointsFor(name, client.address).includes(kept.endpoint)) kept.close()
    const endpoint = flows.get(key)?.endpoint ?? choose(name, client.address)
    if (endpoint === undefined) return
    if (!flows.has(key)) flows.set(key, openFlow(key, client, endpoint))
    flows.get(key)?.send(message)
  })
  return () => {
    for (const flow of flows.values()) flow.close()
    socket.close()
  }
}

function placeOf(endpoint: string): { readonly host: string; readonly port: number } {
  const [host = '', port] = endpoint.split(' ')
  return { host, port: Number(port) }
}

function endpointsFor(name: string, client: string): readonly string[] {
  const source = client as Address
  const sourceClass = classifySource(sources, { protocol: 'TCP', source, destination: source, port: 0 })
  const answer = plans.get(name)?.[sourceClass]
  return Array.isArray(answer) ? answer : []
}

/** For a new connection or flow. @returns `undefined`: this client is not served */
function choose(name: string, client = ''): string | undefined {
  const endpoints = endpointsFor(name, client)
  const { route, affinitySeconds } = plans.get(name) ?? {}
  const random = endpoints[Math.floor(Math.random() * endpoints.length)]
  if (random === undefined || affinitySeconds === undefined) return random
  const kept = affinity.get(`${route} ${client}`)
  const isKept = kept !== undefined && kept.until > Date.now() && endpoints.includes(kept.endpoint)
  const endpoint = isKept ? kept.endpoint : random
  affinity.set(`${route} ${client}`, { endpoint, until: Date.now() + affinitySeconds * 1000 })
  return endpoint
}

setInterval(() => {
  for (const [client, { until }] of affinity) if (until <= Date.now()) affinity.delete(client)
}, 60_000).unref()

if (workerData.networkNamespace !== undefined) enterNetworkNamespace(workerData.networkNamespace)
parentPort?.on('message', async (request: Request) => {
  await change(request)
  const reply: Reply = { contents: request.looks ? contents : new Map(), blocked: [...blocked.values()] }
  parentPort?.postMessage(reply)
})
