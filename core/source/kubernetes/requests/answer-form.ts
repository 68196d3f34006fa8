import type { ApiResponse } from '../connection/connection.ts'

/** In which forms lists and watches are asked for: protobuf, and JSON where the server doesn't speak it; or JSON alone. */
export type AnswerForms = 'protobuf' | 'json'

const protobuf = 'application/vnd.kubernetes.protobuf'
const json = 'application/json'

/** The header Accept. As client-go's, it names no parameter for a watch: the server knows how a stream is written. */
export const acceptHeaders: Readonly<Record<AnswerForms, string>> = {
  protobuf: `${protobuf},${json}`,
  json,
}

/** The form that a server chose; `undefined`: none that is read here. */
export function formOf({ contentType }: ApiResponse): AnswerForms | undefined {
  if (contentType === protobuf) return 'protobuf'
  return contentType === json ? 'json' : undefined
}
