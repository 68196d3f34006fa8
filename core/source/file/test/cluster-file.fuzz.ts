import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { damagedText } from '../../../../test/fuzz/damaged.ts'
import { anyObject } from '../../../cluster/test/any-object.ts'
import { parseClusterText } from '../cluster-file.ts'
import { ClusterFileError } from '../documents.ts'

const sample = readFileSync(new URL('../../../../docs/one-service.yaml', import.meta.url), 'utf8')

export const texts = fc.asyncProperty(damagedText(sample), async (text) => {
  try {
    const { problems } = await parseClusterText(text, 'cluster.yaml')
    for (const { object, value } of problems) assert.doesNotMatch(`${object}${value}`, /\p{Cc}/u)
  } catch (error) {
    assert.ok(error instanceof ClusterFileError, String(error))
    assert.ok(error.message.length < 300, error.message)
    assert.doesNotMatch(error.message, /\p{Cc}/u)
  }
})

const kind = fc.constantFrom('Service', 'EndpointSlice', 'Node', 'ServiceCIDR', 'List', 'Pod', '__proto__')

/** A broken object leaves those beside it. */
export const objects = fc.asyncProperty(kind, anyObject, async (which, raw) => {
  const good = { kind: 'Node', metadata: { name: 'good-and-alone' } }
  const items = [{ ...raw, kind: which }, good]
  const { records } = await parseClusterText(JSON.stringify({ kind: 'List', items }), 'cluster.json')
  assert.ok(records.has('Node good-and-alone'))
})
