import { createServer } from 'node:net'
import test from 'ava'
import {
  address,
  cidr,
  exampleEndpoint,
  exampleService,
  exampleSlice,
} from '../../table/builder/test/example-records.ts'
import { ask, freePorts, HealthBed } from './health-bed.ts'

const localhost = [cidr('127.0.0.0/8')]
const here = exampleEndpoint('10.1.0.1', { nodeName: 'here' })

function service(name: string, port: number) {
  const number = name.charCodeAt(0)
  return exampleService({
    key: `default/${name}`,
    clusterIPs: [address(`10.96.0.${number}`)],
    healthCheckNodePort: port,
  })
}

function slice(name: string) {
  return exampleSlice([here], { key: `default/${name}-1`, serviceKey: `default/${name}` })
}

async function bedAt(...addresses: readonly string[]): Promise<HealthBed> {
  const bed = new HealthBed(localhost)
  bed.setAddresses(...addresses)
  bed.engine.start()
  await bed.pass(0)
  return bed
}

test('the answer is that of kube-proxy, on any path', async (t) => {
  const [port = 0] = await freePorts(1)
  await using bed = await bedAt('127.0.0.1')
  bed.set(service('a', port), slice('a'))
  await bed.pass(0)
  t.deepEqual(await ask('127.0.0.1', port, '/any/path?x'), {
    status: 200,
    weight: '1',
    body:
      '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "a"\n\t},\n\t"localEndpoints": 1,\n' +
      '\t"serviceProxyHealthy": true\n}',
  })
})

test('nothing is said before the kernel does it', async (t) => {
  const [port = 0] = await freePorts(1)
  await using bed = await bedAt('127.0.0.1')
  bed.failing.add('IPv4')
  bed.set(service('a', port), slice('a'))
  await bed.pass(20)
  t.is(await ask('127.0.0.1', port), undefined)
  bed.failing.clear()
  await bed.pass(31)
  t.is((await ask('127.0.0.1', port))?.status, 200)
  bed.failing.add('IPv4')
  bed.set(exampleSlice([], { key: 'default/a-1', serviceKey: 'default/a' }))
  await bed.pass(20)
  t.is((await ask('127.0.0.1', port))?.weight, '1')
})

test('an endpoint that begins to terminate counts no longer, though the table stays the same', async (t) => {
  const [port = 0] = await freePorts(1)
  await using bed = await bedAt('127.0.0.1')
  bed.set({ ...service('a', port), externalTrafficPolicy: 'Local' }, slice('a'))
  await bed.pass(0)
  const terminating = { ...here, ready: false, terminating: true }
  bed.set(exampleSlice([terminating], { key: 'default/a-1', serviceKey: 'default/a' }))
  await bed.pass(0)
  t.deepEqual(await ask('127.0.0.1', port).then((one) => [one?.status, one?.weight]), [503, '0'])
})

test('a port that is taken is told once, tried again, and told when it is served', async (t) => {
  const [port = 0] = await freePorts(1)
  await using bed = await bedAt('127.0.0.1', '127.0.0.2')
  const taken = createServer().listen(port, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  bed.set(service('a', port), slice('a'))
  await bed.pass(12)
  t.deepEqual(
    bed.unavailable.map(({ service: name, at, error }) => [name, at, (error as NodeJS.ErrnoException).code]),
    [['default/a', { address: '127.0.0.1', port }, 'EADDRINUSE']],
  )
  t.is((await ask('127.0.0.2', port))?.status, 200, 'the other address is served')
  await new Promise((resolve) => taken.close(resolve))
  await bed.pass(5)
  t.is((await ask('127.0.0.1', port))?.status, 200)
  t.deepEqual(bed.available, [`IPv4 default/a ${port}`])
})

test('a Service that takes over a port that can not be had is told, and no other is told to be served', async (t) => {
  const [port = 0] = await freePorts(1)
  await using bed = await bedAt('127.0.0.1')
  const taken = createServer().listen(port, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  bed.set(service('a', port), slice('a'))
  await bed.pass(0)
  bed.source.remove('Service', 'default/a', 0)
  bed.set(service('b', port))
  await bed.pass(0)
  bed.set(service('c', port))
  await bed.pass(0)
  bed.source.remove('Service', 'default/b', 0)
  await bed.pass(0)
  t.deepEqual(
    bed.unavailable.map(({ service: name, error }) => [name, (error as NodeJS.ErrnoException).code]),
    [
      ['default/a', 'EADDRINUSE'],
      ['default/b', 'EADDRINUSE'],
      ['default/c', undefined],
    ],
  )
  t.deepEqual(bed.available, [])
  await new Promise((resolve) => taken.close(resolve))
  await bed.pass(5)
  t.deepEqual(bed.available, [`IPv4 default/c ${port}`])
})

test('of two Services with one port the first has it, and the other when that goes', async (t) => {
  const [port = 0] = await freePorts(1)
  await using bed = await bedAt('127.0.0.1')
  bed.set(service('a', port), slice('a'))
  await bed.pass(0)
  bed.set(service('b', port))
  await bed.pass(0)
  t.regex((await ask('127.0.0.1', port))?.body ?? '', /"name": "a"/)
  t.deepEqual(
    bed.unavailable.map(({ service: name, error }) => `${name}: ${error.message}`),
    ['default/b: Service default/a has the same healthCheckNodePort'],
  )
  bed.source.remove('Service', 'default/a', 0)
  await bed.pass(0)
  t.regex((await ask('127.0.0.1', port))?.body ?? '', /"name": "b"/)
  t.deepEqual(bed.available, [`IPv4 default/b ${port}`])
})

test('Services that swap ports in one apply both get theirs', async (t) => {
  const [one = 0, other = 0] = await freePorts(2)
  await using bed = await bedAt('127.0.0.1')
  bed.set(service('a', one), service('b', other))
  await bed.pass(0)
  bed.set(service('a', other), service('b', one))
  await bed.pass(0)
  t.regex((await ask('127.0.0.1', one))?.body ?? '', /"name": "b"/)
  t.regex((await ask('127.0.0.1', other))?.body ?? '', /"name": "a"/)
  t.deepEqual(bed.unavailable, [])
})

test('it follows the addresses of NodePorts', async (t) => {
  const [port = 0] = await freePorts(1)
  await using bed = await bedAt('127.0.0.1')
  bed.set(service('a', port))
  await bed.pass(0)
  bed.setAddresses('127.0.0.2')
  await bed.pass(0)
  t.is(await ask('127.0.0.1', port), undefined)
  t.is((await ask('127.0.0.2', port))?.status, 503)
})

test('file descriptors are left for everything else', async (t) => {
  const ports = await freePorts(3)
  await using bed = new HealthBed(localhost, { maxListeners: 4 })
  bed.setAddresses('127.0.0.1')
  bed.engine.start()
  bed.set(...ports.map((port, index) => service('abc'.charAt(index), port)))
  await bed.pass(0)
  const answers = await Promise.all(ports.map((port) => ask('127.0.0.1', port)))
  t.is(answers.filter((answer) => answer !== undefined).length, 2, 'half of it for each family')
  t.deepEqual(
    bed.unavailable.map(({ error }) => (error as NodeJS.ErrnoException).code),
    ['EMFILE'],
  )
  bed.source.remove('Service', 'default/a', 0)
  await bed.pass(5)
  t.is((await ask('127.0.0.1', ports[2] ?? 0))?.status, 503)
})
