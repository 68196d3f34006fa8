import { createReadStream } from 'node:fs'
import { constants, createGunzip } from 'node:zlib'
import { CodedError } from '../../error/coded-error.ts'
import { RecordingError, recordingLimits } from './recording-lines.ts'

const newline = 10

/** One line of the file's text, with its number from 1 and the bytes of text up to its end. */
export interface TextLine {
  readonly text: string
  readonly number: number
  readonly bytes: number
}

/**
 * The lines of a gzip file, as they are unpacked: memory holds one at a time. A file that is cut off gives the lines that
 * are whole; one that is damaged in the middle gives those before, and then an error of code `RECORDING_DAMAGED`.
 *
 * @throws the errors of opening a file, and {@link RecordingError} for a line beyond all bounds
 */
export async function* recordingText(path: string): AsyncGenerator<TextLine> {
  const file = createReadStream(path)
  // Without the last flag, the end of a file that was cut off is an error, and what was unpacked before it is lost.
  const unpacked = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })
  file.once('error', (error) => unpacked.destroy(error))
  file.pipe(unpacked)
  let rest: Buffer[] = []
  let restBytes = 0
  let number = 0
  let bytes = 0
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
        const last = chunk.subarray(start, end)
        const line = rest.length === 0 ? last : Buffer.concat([...rest, last])
        rest = []
        restBytes = 0
        start = end + 1
        number += 1
        bytes += line.length + 1
        checkLength(path, number, line.length)
        yield { text: line.toString('utf8'), number, bytes }
      }
      rest.push(chunk.subarray(start))
      restBytes += chunk.length - start
      checkLength(path, number + 1, restBytes)
    }
  } catch (error) {
    if (!isUnpackingError(error)) throw error
    if (number === 0) throw new RecordingError(path, 'is no recording: it is not packed by gzip')
    throw new DamagedError()
  } finally {
    file.destroy()
    unpacked.destroy()
  }
}

/** Codes of {@link DamagedError}: when it happens, and the fix. */
export const damagedErrorCodes = {
  RECORDING_DAMAGED: {
    when: 'the rest of a recording cannot be unpacked or makes no sense; what came before it is used',
    fix: 'record again, or use the part that can be read',
  },
} as const

/** The rest of the file can't be unpacked, or makes no sense. */
export class DamagedError extends CodedError<keyof typeof damagedErrorCodes> {
  constructor() {
    super('RECORDING_DAMAGED', 'the rest of the recording is damaged', undefined)
  }
}

function checkLength(path: string, number: number, bytes: number): void {
  if (bytes <= recordingLimits.line) return
  throw new RecordingError(
    path,
    `line ${number} is longer than ${recordingLimits.line >> 20} MiB: no recording has that`,
  )
}

function isUnpackingError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
