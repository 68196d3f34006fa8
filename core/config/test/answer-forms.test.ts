import test from 'ava'
import { parseFlags } from '../flags.ts'
import { readSource } from '../source-config.ts'

const outsideCluster = { inCluster: false }

/** Whether JSON alone is asked for, with these values of `clientConnection`. */
function asksForJson(acceptContentTypes: string, contentType: string): boolean {
  const connection = {
    'clientConnection.kubeconfig': 'admin.conf',
    'clientConnection.acceptContentTypes': acceptContentTypes,
    'clientConnection.contentType': contentType,
  }
  const source = readSource(connection, {}, outsideCluster, new Map(), [])
  return 'json' in source
}

const protobuf = 'application/vnd.kubernetes.protobuf'
const json = 'application/json'

const rows: readonly (readonly [string, string, string, boolean])[] = [
  ['the defaults', '', protobuf, false],
  ['a contentType of JSON', '', json, true],
  ['acceptContentTypes of JSON', json, protobuf, true],
  ['acceptContentTypes of both', `${protobuf},${json}`, json, false],
  ['acceptContentTypes of protobuf in other letters', 'Application/vnd.Kubernetes.Protobuf', json, false],
  ['acceptContentTypes of both, JSON first', `${json}, ${protobuf}`, protobuf, true],
  ['acceptContentTypes of anything, before protobuf', `*/*;q=1,${protobuf}`, protobuf, true],
  ['acceptContentTypes of something else, before protobuf', `application/cbor,${protobuf}`, json, false],
  ['acceptContentTypes of something that begins as protobuf', `${protobuf}s`, protobuf, true],
  ['a contentType that is neither', '', 'application/yaml', true],
]
for (const [what, accepted, contentType, wanted] of rows) {
  test(`${what}: lists and watches are asked for in ${wanted ? 'JSON alone' : 'protobuf'}`, (t) => {
    t.is(asksForJson(accepted, contentType), wanted)
  })
}

test('--kube-api-content-type asks for JSON as kube-proxy does', (t) => {
  const flags = { kubeconfig: 'admin.conf', kubeApiContentType: json }
  t.deepEqual(parseFlags(flags, outsideCluster).source, {
    from: 'kubeconfig',
    path: 'admin.conf',
    json: true,
  })
})
