import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { Counter, Gauge, Registry } from 'prom-client'
import { expose } from '../exposition.ts'

function example(): Registry {
  const registry = new Registry()
  const registers = [registry]
  new Counter({ name: 'events_total', help: 'Events.', labelNames: ['kind'], registers }).inc({ kind: 'a"b' })
  new Gauge({ name: 'rules_total', help: 'Rules that there are.', registers }).set(2)
  return registry
}

const classic = `# HELP events_total Events.
# TYPE events_total counter
events_total{kind="a\\"b"} 1

# HELP rules_total Rules that there are.
# TYPE rules_total gauge
rules_total 2
`
const open = `# HELP events Events.
# TYPE events counter
events_total{kind="a\\"b"} 1
# HELP rules_total Rules that there are.
# TYPE rules_total gauge
rules_total 2
# EOF
`

const openType = 'application/openmetrics-text'

const accepts = [
  ['', classic],
  ['*/*', classic],
  ['text/plain', classic],
  [
    `${openType};version=1.0.0,${openType};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    open,
  ],
  [
    `${openType};version=1.0.0;escaping=allow-utf-8;q=0.5,${openType};version=0.0.1;q=0.4,text/plain;version=1.0.0;` +
      'escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    open,
  ],
  [openType, open],
  [`${openType}; version=1.0.0; q=0`, classic],
  [`${openType};version=2.0.0`, classic],
  [`text/plain;version=0.0.4;q=1,${openType};version=1.0.0;q=0.5`, classic],
  [`${'a/b,'.repeat(1000)};q=;q=x,`, classic],
] as const

for (const [accept, text] of accepts) {
  const format = text === open ? 'OpenMetrics' : 'text'
  test(`Accept: '${accept.slice(0, 90)}' is answered in ${format}`, async (t) => {
    const { headers, body } = await expose(example(), { accept })
    t.is(body, text)
    const type =
      text === open ? `${openType}; version=1.0.0; charset=utf-8` : 'text/plain; version=0.0.4; charset=utf-8'
    t.is(headers['Content-Type'], type)
  })
}

test('OpenMetrics renames nothing for the next scrape', async (t) => {
  const registry = example()
  await expose(registry, { accept: openType })
  t.is((await expose(registry, {})).body, classic)
})

const encodings = [
  ['gzip', true],
  ['gzip;q=1.0, *;q=0.5', true],
  ['br, x-gzip', true],
  ['gzip;q=0', false],
  ['deflate', false],
  ['', false],
] as const

for (const [acceptEncoding, isCompressed] of encodings) {
  test(`Accept-Encoding: '${acceptEncoding}' ${isCompressed ? 'compresses' : "doesn't compress"}`, async (t) => {
    const { headers, body } = await expose(example(), { acceptEncoding })
    t.is(headers['Content-Encoding'], isCompressed ? 'gzip' : undefined)
    t.is(isCompressed ? gunzipSync(body as Uint8Array).toString() : body, classic)
  })
}
