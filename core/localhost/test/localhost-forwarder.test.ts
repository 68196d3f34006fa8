import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import test from 'ava'
import type { Address } from '../../network/address.ts'
import type { RouteKey } from '../../table/service-route.ts'
import type { ForwardedPort } from '../forwarded-port.ts'
import { LocalhostForwarder } from '../localhost-forwarder.ts'

let addresses = 0

/** Of this process alone. */
function ownAddress(): Address {
  addresses += 1
  return `127.${((process.pid >> 8) & 127) + 128}.${process.pid & 255}.${addresses}` as Address
}

async function endpoint(): Promise<{
  readonly address: Address
  readonly port: number
  readonly server: Server
}> {
  const address = ownAddress()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(address)
  })
  server.listen(0, address)
  await once(server, 'listening')
  return { address, port: (server.address() as AddressInfo).port, server }
}

function forwarded(
  route: string,
  { address, port }: { readonly address: Address; readonly port: number },
): ForwardedPort {
  return { port: 30_080, route: route as RouteKey, name: route, endpoints: [{ address, port }] }
}

function newForwarder() {
  const told: string[] = []
  const address = ownAddress()
  const forwarder = new LocalhostForwarder({
    limits: { total: 10, perPort: 10 },
    maxListeners: 10,
    addressOf: () => address,
    observer: () => ({
      onPortUnavailable: () => told.push('unavailable'),
      onPortAvailable: () => told.push('available'),
      onListenFailed: () => told.push('failed'),
      onFull: () => told.push('full'),
      onUnreachable: () => told.push('unreachable'),
    }),
  })
  return { forwarder, address, told }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** Who answers, and whether the connection ended afterwards. */
async function ask(host: Address) {
  const socket = connect({ host, port: 30_080 })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const heard = await new Promise<string>((resolve) => {
    socket.once('data', (chunk) => resolve(String(chunk)))
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(code))
  })
  return { heard, socket, closed }
}

test('a NodePort that goes from one route to another answers all the time', async (t) => {
  const [one, other] = [await endpoint(), await endpoint()]
  const { forwarder, address, told } = newForwarder()
  const [first, second] = [forwarded('shop/web', one), forwarded('shop/cart', other)]
  forwarder.change('IPv4', { removed: [], set: [first] })
  await until(() => forwarder.listening('IPv4') === 1)
  t.is(forwarder.listening('IPv6'), 0)
  const before = await ask(address)
  t.is(before.heard, one.address)
  forwarder.change('IPv4', { removed: [first], set: [second] })
  const after = await ask(address)
  t.is(after.heard, other.address)
  t.is(forwarder.connections, 2)
  // It isn't the first one's any more.
  forwarder.change('IPv4', { removed: [first], set: [] })
  t.is(forwarder.listening('IPv4'), 1)
  forwarder.change('IPv4', { removed: [second], set: [] })
  t.is(forwarder.listening('IPv4'), 0)
  t.is((await ask(address)).heard, 'ECONNREFUSED')
  t.is(forwarder.connections, 2, 'what there is goes on')
  t.deepEqual(told, [])
  forwarder.close()
  await Promise.all([before.closed, after.closed])
  one.server.close()
  other.server.close()
})

test('the end of the forwarder ends listeners and connections', async (t) => {
  const one = await endpoint()
  const { forwarder, address } = newForwarder()
  forwarder.change('IPv4', { removed: [], set: [forwarded('shop/web', one)] })
  await until(() => forwarder.listening('IPv4') === 1)
  const open = await ask(address)
  forwarder.close()
  await open.closed
  t.is((await ask(address)).heard, 'ECONNREFUSED')
  await until(() => forwarder.connections === 0)
  one.server.close()
})
