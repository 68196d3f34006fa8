import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { damagedBytes, damagedText } from '../../../../test/fuzz/damaged.ts'
import { readRecording } from '../read-recording.ts'
import { RecordingError } from '../recording-lines.ts'

const slice = {
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: [{ addresses: ['10.1.0.1'] }],
}
const right = [
  { portolan: 'recording', version: 1, names: 'plain', date: '2026-01-31' },
  { set: slice },
  { complete: true },
  { at: 0.5, edit: 'shop/web-1', from: 0, drop: 1, put: [{ addresses: ['10.1.0.2'] }] },
  { at: 1, remove: 'EndpointSlice', key: 'shop/web-1' },
  { at: 2, end: true },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('')

/** A file without a name, which goes with the process. */
const file = (() => {
  const folder = mkdtempSync(join(tmpdir(), 'pl-fuzz-'))
  const opened = openSync(join(folder, 'recording'), 'w+')
  rmSync(folder, { recursive: true })
  return opened
})()
process.once('exit', () => closeSync(file))

async function isRead(bytes: Buffer): Promise<void> {
  ftruncateSync(file)
  writeSync(file, bytes, 0, bytes.length, 0)
  try {
    let last = ''
    for await (const { is } of readRecording(`/proc/self/fd/${file}`)) last = is
    assert.equal(last, 'end')
  } catch (error) {
    assert.ok(error instanceof RecordingError, String(error))
    assert.doesNotMatch(error.message, /\p{Cc}/u)
  }
}

export const lines = fc.asyncProperty(damagedText(right), (text) => isRead(gzipSync(text)))
export const packed = fc.asyncProperty(damagedBytes(gzipSync(right)), isRead)
