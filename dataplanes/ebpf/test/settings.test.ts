import { parseSettings } from '@portolan/core'
import test from 'ava'
import { matches } from '../kernel/name-patterns.ts'
import { settings as declared, readSettings } from '../layout/settings.ts'

const read = (settings: Record<string, string>, networkNamespace?: string) =>
  readSettings(parseSettings(declared, settings), networkNamespace)

test('on a node every namespace but its own is a pod; in a lab only those that are named', (t) => {
  t.is(read({}).podNamespaces, undefined)
  t.deepEqual(read({}, '/run/netns/a-node').podNamespaces, [])
  t.deepEqual(read({ 'pod-namespaces': '/run/netns/a-pod*' }, '/run/netns/a-node').podNamespaces, [
    '/run/netns/a-pod*',
  ])
})

for (const [settings, words] of [
  [{ speed: '9' }, /unknown option speed; known: .*, cgroup/],
  [{ 'masquerade-ports': '80-90' }, /masquerade-ports: "80-90".*61000-65535/],
  [{ 'masquerade-ports': '65000-61000' }, /masquerade-ports/],
  [{ 'packet-hook': 'xdp' }, /packet-hook: "xdp".*auto, tcx, clsact/],
  [{ interfaces: ' , ' }, /interfaces names no interface.*leave it out/],
  [{ 'services-size': 'many' }, /services-size: "many".*a whole number from 16/],
] as const) {
  test(`a wrong setting is named with what would be right: ${JSON.stringify(settings)}`, (t) => {
    t.throws(() => read(settings), { instanceOf: RangeError, message: words })
  })
}

test('a pattern means a name, or all that begin so', (t) => {
  t.true(matches('eth0', ['eth0']))
  t.false(matches('eth01', ['eth0']))
  t.true(matches('veth12', ['eth0', 'veth*']))
})
