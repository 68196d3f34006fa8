import { execFileSync } from 'node:child_process'
import test from 'ava'
import { RouteEvents } from '../route-events.ts'
import { systemPath } from '../system-command.ts'

/** Runs `ip -batch` in a network namespace of the test's own. */
function ip(namespace: string, lines: readonly string[]): void {
  const args = namespace === '' ? ['-batch', '-'] : ['-n', namespace, '-batch', '-']
  execFileSync('ip', args, { input: lines.join('\n'), env: { PATH: systemPath } })
}

test.serial('changes of interfaces and addresses are told as they come, and once', async (t) => {
  const name = `route-events-${process.pid}`
  ip('', [`netns add ${name}`])
  // The signals alone don't keep the process.
  const alive = setInterval(() => {}, 1000)
  let heard = Promise.withResolvers<void>()
  const events = new RouteEvents({ networkNamespace: `/run/netns/${name}`, routes: false }, () =>
    heard.resolve(),
  )
  try {
    t.false(events.take())
    for (const line of [
      'link add one type veth peer name two',
      'address add 10.9.9.1/24 dev one',
      'link del one',
    ]) {
      heard = Promise.withResolvers()
      ip(name, [line])
      await heard.promise
      t.true(events.take(), line)
      t.false(events.take(), line)
    }
    ip(name, ['link set lo up'])
    events.take()
    ip(name, ['route add blackhole 10.8.0.0/16'])
    t.false(events.take(), 'routes were not asked for')
  } finally {
    clearInterval(alive)
    events.close()
    ip('', [`netns del ${name}`])
  }
})

test.serial('where the kernel keeps no more, something has changed', (t) => {
  const name = `route-overrun-${process.pid}`
  ip('', [`netns add ${name}`])
  const events = new RouteEvents({ networkNamespace: `/run/netns/${name}`, routes: true }, () => {})
  try {
    ip(name, ['link add one type veth peer name two', 'link set one up', 'link set two up'])
    const some = Array.from({ length: 2000 }, (_, index) => `10.${10 + (index >> 8)}.${index & 255}.0/24`)
    ip(
      name,
      some.map((route) => `route add ${route} dev one`),
    )
    t.true(events.take())
    t.false(events.take())
    ip(name, ['link del one'])
    t.true(events.take(), 'and what comes after that is told again')
  } finally {
    events.close()
    ip('', [`netns del ${name}`])
  }
})
